import pytest

from fad.evaluation.trials.columns import column_files, duration_bin, read_columns
from fad.utils.errors import FadError


def write(path, **tables):
    path.mkdir()
    for name, values in tables.items():
        lines = [f"u{index} {value}\n" for index, value in enumerate(values)]
        (path / name).write_text("".join(lines))
    return path


def test_every_table_is_a_column(tmp_path):
    data = write(
        tmp_path / "eval",
        utt2label=["bonafide", "spoof"],
        utt2attack=["-", "A01"],
        utt2spk=["s1", "s2"],
        utt2codec=["alaw", "opus"],
        utt2num_samples=["16000", "64600"],
    )
    (data / "utt2codec~").write_text("what an editor left\n")
    columns = read_columns(data)
    assert sorted(columns) == ["attack", "codec", "duration", "speaker"]
    assert columns["codec"] == {"u0": "alaw", "u1": "opus"}
    assert columns["duration"] == {"u0": "01-02 s", "u1": "04-08 s"}
    assert column_files(data)["speaker"] == data / "utt2spk"


@pytest.mark.parametrize(
    ("samples", "name"),
    [
        (1, "00-01 s"),
        (15_999, "00-01 s"),
        (16_000, "01-02 s"),
        (64 * 16_000 - 1, "32-64 s"),
        (64 * 16_000, "64 s and over"),
    ],
)
def test_the_lower_end_belongs_to_a_bin(samples, name):
    assert duration_bin(samples) == name


def test_a_bad_length_is_refused(tmp_path):
    data = write(tmp_path / "eval", utt2attack=["-"], utt2spk=["s1"], utt2num_samples=["-3"])
    with pytest.raises(FadError, match="utt2num_samples: 'u0' has '-3' samples"):
        read_columns(data)
