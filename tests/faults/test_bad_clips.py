"""Bad clips among good ones: stage 2 goes through all, lists them, and leaves none out unasked."""

import logging
from pathlib import Path

import pytest

from fad.bin.dump_audio import main as dump_audio
from fad.data.tables import read_table, validate_data_dir
from fad.utils.errors import FadError
from tests.integration.stages import Recipe, make_tree, open_recipe

from .fault import is_one_line
from .inputs import corpus_of, noise
from .malformed_audio import FAULTS, sound

# One of each kind of message.
KINDS = ("missing", "a FIFO", "empty", "a cut WAV", "a cut MP3", "one NaN", "text named .wav")


def spoil(folder: Path, *kinds: str) -> list[str]:
    """A corpus of four good clips and these bad ones; gives the bad utterances."""
    faults = [fault for kind in kinds for fault in FAULTS if fault.name == f"audio: {kind}"]
    assert len(faults) == len(kinds)
    for number, fault in enumerate(faults):
        (folder / f"{number}").mkdir()
        made = fault.make(folder / f"{number}")
        if made.is_symlink() or made.exists():
            made.rename(folder / f"bad{number}.wav")
    corpus_of(*(f"bad{number}.wav" for number in range(len(faults))))(folder)
    return [f"c-{5 + number:02d}" for number in range(len(faults))]


def dump(folder: Path, *options: str, nj: int = 2) -> Path:
    common = ["--data", str(folder / "data"), "--out", str(folder / "dump"), "--nj", str(nj)]
    for job in range(nj):
        dump_audio([*common, "--job", str(job + 1)])
    dump_audio([*common, "--combine", "true", *options])
    return folder / "dump"


def test_all_bad_clips_are_listed_and_nothing_looks_finished(tmp_path, caplog):
    bad = spoil(tmp_path, *KINDS)
    with pytest.raises(FadError) as caught:
        dump(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{len(bad)} of {4 + len(bad)} clips are bad, listed above and in ")
    assert message.endswith("mend them, or leave them out with --on_error skip")
    assert is_one_line(message)
    assert list(read_table(tmp_path / "dump/errors")) == bad
    said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert [message.split(":")[0] for message in said] == [f"bad clip {utt}" for utt in bad]
    assert not (tmp_path / "dump/wav.scp").exists()
    with pytest.raises(FadError, match=r"lacks wav\.scp"):
        validate_data_dir(tmp_path / "dump")


def test_they_are_left_out_when_asked_and_that_is_said(tmp_path, caplog):
    bad = spoil(tmp_path, *KINDS)
    with caplog.at_level(logging.WARNING):
        out = dump(tmp_path, "--on_error", "skip")
    assert list(validate_data_dir(out)["wav.scp"]) == ["c-01", "c-02", "c-03", "c-04"]
    assert list(read_table(out / "errors")) == bad
    assert (
        f"{len(bad)} of {4 + len(bad)} clips are bad, listed above and in {out}/errors: left out"
        in (caplog.messages)
    )


def test_a_mended_clip_is_dumped_and_the_list_goes(tmp_path):
    spoil(tmp_path, "a cut WAV")
    with pytest.raises(FadError, match="1 of 5 clips are bad"):
        dump(tmp_path)
    sound("bad0.wav", noise())(tmp_path)
    out = dump(tmp_path)
    assert len(validate_data_dir(out)["wav.scp"]) == 5
    assert not (out / "errors").exists()


@pytest.mark.parametrize("nj", [1, 3])
def test_a_corpus_of_bad_clips_alone_is_no_corpus(tmp_path, nj):
    spoil(tmp_path)
    for name in "abcd":
        (tmp_path / f"{name}.wav").write_bytes(b"")
    with pytest.raises(
        FadError, match=r"dump: without the bad clips no (bonafide|spoof) one is left"
    ):
        dump(tmp_path, "--on_error", "skip", nj=nj)
    assert not (tmp_path / "dump/wav.scp").exists()


def test_leaving_out_must_leave_both_classes(tmp_path):
    spoil(tmp_path)
    for name in "ac":  # the bona fide ones
        (tmp_path / f"{name}.wav").write_bytes(b"")
    with pytest.raises(FadError, match="dump: without the bad clips no bonafide one is left, see"):
        dump(tmp_path, "--on_error", "skip")
    assert not (tmp_path / "dump/wav.scp").exists()


def test_asv_scores_that_cannot_be_read_leave_no_dump(tmp_path):
    spoil(tmp_path)
    (tmp_path / "data/asv_scores").write_bytes(b"\xff\xfe")
    with pytest.raises(FadError, match="asv_scores: not UTF-8 at byte 0"):
        dump(tmp_path)
    assert not (tmp_path / "dump/wav.scp").exists()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Recipe:
    """egs/custom with a corpus of a test set's six clips, the last of which is cut short."""
    tree = make_tree(tmp_path_factory.mktemp("faults") / "tree")
    rows = ["path,label,split"]
    for split in ("train", "dev", "eval"):
        for number in range(6):
            path = sound(f"{split}{number}.wav", noise())(tree)
            rows.append(f"{path.name},{'fake' if number % 2 else 'real'},{split}")
    (tree / "eval5.wav").write_bytes((tree / "eval5.wav").read_bytes()[:5000])
    (tree / "protocol.csv").write_text("\n".join(rows))
    return open_recipe(tree, "custom")


def test_stage_2_of_a_recipe_stops_at_its_end_or_leaves_out_when_asked(recipe):
    only_eval = ("--train_set", "", "--dev_set", "", "--nj", "1", "--stop_stage", "2")
    done = recipe.run("--corpus_dir", recipe.path.parents[1], *only_eval)
    assert done.returncode == 1
    assert "bad clip custom-eval5: " in done.stderr
    said, last = done.stderr.splitlines()[-2:]
    assert "error: 1 of 6 clips are bad" in said
    assert "leave them out with --on_error skip" in said
    assert "error: stage 2: no dump of eval: see above" in last
    assert "Traceback" not in done.stderr
    assert not (recipe.path / "dump/audio/eval/wav.scp").exists()
    done = recipe.ok("--stage", "2", *only_eval, "--on_error", "skip")
    assert "1 of 6 clips are bad" in done.stderr
    assert len(validate_data_dir(recipe.path / "dump/audio/eval")["wav.scp"]) == 5
