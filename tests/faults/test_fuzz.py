"""Any bytes give a right result or a FadError of one line, and what is written is read back.

Seeded: hypothesis draws the same examples in every run.
"""

import json
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fad.config.resolve import read_yaml
from fad.data import tables
from fad.data.audio import read_audio
from fad.dump.arks import read_matrix
from fad.encoders.fairseq_checkpoint import parse_conv_layers
from fad.evaluation.calibration.model import read_calibration
from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.evaluation.trials.keys import read_key
from fad.evaluation.trials.score_files import read_scores
from fad.utils.errors import FadError

from .fault import is_one_line
from .inputs import DATA_DIR, data_dir, noise
from .malformed_audio import sound
from .malformed_calibrations import GOOD as CALIBRATION
from .malformed_corpora import custom, released
from .malformed_keys import ASVSPOOF5, CSV, LA_2019, LA_2021, TSV
from .malformed_scores import ASV, SCORES

fuzz = settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SLOW = settings(fuzz, max_examples=60)

# Lines that look like those of a table, so that more than the first check is met.
WORDS = st.sampled_from(
    [
        *("c-1", "c-2", "spoof", "bonafide", "-", "A01", "target", "nontarget", "1.5", "nan"),
        *("u1", "u2", "utt,score", "eval", "0", '"', ","),
        *("\x00", "\ufeff", "\u2028", "a/b", "$(id)", "", "  ", "\t", "\r", "x |", "\x1b[2J"),
        "9" * 400,
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=6).map("\n".join)
CONTENT = st.one_of(
    st.binary(max_size=200), LINES.map(str.encode), st.text(max_size=99).map(str.encode)
)


def mutated(content: bytes) -> st.SearchStrategy[bytes]:
    """A good file with some bytes changed, and perhaps its end cut off."""
    change = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))

    def apply(changes: list[tuple[int, int]], end: int) -> bytes:
        spoilt = bytearray(content)
        for place, value in changes:
            spoilt[place] = value
        return bytes(spoilt[:end])

    return st.builds(apply, st.lists(change, max_size=4), st.integers(0, len(content)))


def survives(read: Callable[[Path], object], path: Path) -> object:
    """What is read, or None where it is refused; anything but a FadError fails the test."""
    try:
        return read(path)
    except FadError as error:
        assert is_one_line(str(error))
        return None


READERS = {
    "a table": (tables.read_table, DATA_DIR["utt2attack"]),
    "wav.scp": (tables.read_wav_scp, DATA_DIR["wav.scp"]),
    "labels": (tables.read_labels, DATA_DIR["utt2label"]),
    "lengths": (tables.read_lengths, DATA_DIR["utt2num_samples"]),
    "scores": (read_scores, SCORES),
    "a table of scores": (read_scores, TSV),
    "a pair of logits": (partial(read_scores, bonafide="1", pair="spoof,bonafide"), CSV),
    "a key of ASVspoof 2019": (read_key, LA_2019),
    "a key of ASVspoof 2021": (read_key, LA_2021),
    "a key of ASVspoof 5": (read_key, ASVSPOOF5),
    "ASV scores": (read_asv_scores, ASV),
    "a calibration": (read_calibration, json.dumps(CALIBRATION)),
    "a config": (read_yaml, "train: {lr: 1.0e-3, epochs: 3}\nadaptation: lora\n"),
}


@pytest.mark.parametrize("name", READERS)
def test_any_bytes_are_read_or_refused(name, tmp_path):
    read, good = READERS[name]
    assert read(write(tmp_path / "good", good.encode()))

    @fuzz
    @given(st.one_of(CONTENT, mutated(good.encode())))
    def check(content: bytes) -> None:
        survives(read, write(tmp_path / "file", content))

    check()


@pytest.mark.parametrize("name", DATA_DIR)
def test_any_table_of_a_data_directory_is_read_or_refused(name):
    @SLOW
    @given(mutated(DATA_DIR[name].encode()))
    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            data = data_dir(**{name.replace(".", "_"): content})(Path(folder))
            found = survives(tables.validate_data_dir, data)
        assert found is None or set(found) == set(DATA_DIR)

    check()


PROTOCOL = "path,label,attack,speaker,split\na.wav,real,-,p,train\nb.wav,fake,t,q,train\n"


@pytest.mark.parametrize("name", ["protocol.csv", "protocol.tsv"])
def test_any_protocol_of_ones_own_is_read_or_refused(name):
    good = PROTOCOL.replace(",", "\t") if name.endswith("tsv") else PROTOCOL

    @SLOW
    @given(st.one_of(mutated(good.encode()), CONTENT))
    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for clip in ("a.wav", "b.wav"):
                Path(folder, clip).touch()
            Path(folder, name).write_bytes(content)
            # Refused always, since dev and eval have no clip.
            assert survives(custom, Path(folder)) is None
            assert sorted(path.name for path in Path(folder).iterdir()) == ["a.wav", "b.wav", name]

    check()


def test_any_protocol_of_asvspoof_is_read_or_refused(tmp_path):
    from .malformed_corpora import prepare

    root = released()(tmp_path)
    path = root / "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    read = prepare("asvspoof2019_la").read_protocol

    @fuzz
    @given(st.one_of(mutated(path.read_bytes()), CONTENT))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        survives(lambda _: read(root, "train", False), path)

    check()


@fuzz
@given(st.one_of(st.text(max_size=60), st.text("[]()+*,0123456789 -e", max_size=40)))
def test_any_conv_feature_layers_are_read_or_refused(text):
    layers = survives(lambda _: parse_conv_layers(text, "file"), Path("file"))
    assert layers is None or all(1 <= value < 2**16 for layer in layers for value in layer)


def test_any_ark_is_read_or_refused(tmp_path):
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u": matrix})
    good = (tmp_path / "a.ark").read_bytes()

    @fuzz
    @given(mutated(good), st.integers(0, 99))
    def check(content: bytes, offset: int) -> None:
        ark = write(tmp_path / "a.ark", content)
        found = survives(lambda _: read_matrix(f"{ark}:{offset}", (4, 3), range(1, 3)), ark)
        assert found is None or found.shape == (2, 3)

    check()
    write(tmp_path / "a.ark", good)
    np.testing.assert_array_equal(
        read_matrix(f"{tmp_path}/a.ark:2", (4, 3), range(1, 3)), matrix[1:3]
    )


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff", "a.au", "a.w64"])
def test_any_head_of_a_sound_file_is_read_or_refused(name, tmp_path):
    good = sound(name, noise(0.05))(tmp_path).read_bytes()

    @SLOW
    @given(mutated(good[:100]))
    def check(head: bytes) -> None:
        path = write(tmp_path / name, head + good[100:])
        wav = survives(read_audio, path)
        assert wav is None or (wav.dtype == np.float32 and wav.ndim == 1 and np.isfinite(wav).all())

    check()


@fuzz
@given(riff=st.integers(0, 2**32 - 1), data=st.integers(0, 2**32 - 1))
def test_sizes_in_a_wavs_header_never_lose_sound_silently(riff, data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    good = sound("sizes.wav", noise(0.05))(folder).read_bytes()
    sized = good[:4] + struct.pack("<I", riff) + good[8:40] + struct.pack("<I", data) + good[44:]
    wav = survives(read_audio, write(folder / "sizes.wav", sized))
    # All of it, or what a smaller size says; a larger size, but for a pipe's, is refused.
    assert wav is None or len(wav) == min(800, data // 2 or 800)


IDS = st.from_regex(r"[A-Za-z0-9_+=@:][A-Za-z0-9._+=@:-]{0,30}", fullmatch=True)
VALUES = st.text(min_size=1, max_size=20)


@fuzz
@given(st.dictionaries(IDS, VALUES, min_size=1, max_size=8))
def test_a_table_that_is_written_is_read_back(table):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        if survives(lambda _: tables.write_table(path, table) or path, path):
            assert tables.read_table(path) == table
        else:
            assert not path.exists()


@fuzz
@given(st.dictionaries(IDS, st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_scores_that_are_written_are_read_back(scores):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "eval")
        tables.write_table(path, {utt: f"{score:.6f}" for utt, score in scores.items()})
        found = read_scores(path).scores
        assert found == {utt: float(f"{score:.6f}") for utt, score in scores.items()}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
