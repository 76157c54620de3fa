import json
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.compare import main
from fad.errors import FadError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def options(tmp_path):
    """Two systems on eight trials, the second inverted."""
    utts = [f"u{index}" for index in range(8)]
    tables = {
        "first": range(8),
        "second": range(0, -8, -1),
        "utt2label": ["spoof"] * 4 + ["bonafide"] * 4,
    }
    for name, column in tables.items():
        lines = [f"{utt} {value}\n" for utt, value in zip(utts, column, strict=True)]
        (tmp_path / name).write_text("".join(lines))
    scores = ["--scores", str(tmp_path / "first"), "--scores", str(tmp_path / "second")]
    return [*scores, "--labels", str(tmp_path / "utt2label")]


def test_json(options, capsys):
    main([*options, "--json", "--resamples", "99", "--seed", "3"])
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [system["eer_percent"] for system in found["systems"]] == [0.0, 100.0]
    assert (found["over"], found["units"], found["resamples"], found["seed"]) == (
        "trials",
        8,
        99,
        3,
    )
    assert found["pairs"] == [
        {
            "first": "A",
            "second": "B",
            "difference_percent": -100.0,
            "low_percent": -100.0,
            "high_percent": -100.0,
            "p_value": 0.02,
            "p_value_holm": 0.02,
        }
    ]
    assert captured.err.count("the sign looks inverted") == 1
    assert "second: EER above 50 %" in captured.err


def test_text(options, capsys):
    main(options)
    printed = capsys.readouterr().out
    assert "A's EER is lower than B's by 100.0000 points; the interval does not hold 0" in printed


def test_speakers_are_drawn_where_they_are_known(options, tmp_path, capsys):
    (tmp_path / "utt2spk").write_text("".join(f"u{index} s\n" for index in range(8)))
    main([*options, "--utt2spk", str(tmp_path / "utt2spk"), "--json"])
    assert json.loads(capsys.readouterr().out)["over"] == "trials"  # one speaker has no spread
    (tmp_path / "utt2spk").write_text("u0 s\n")
    with pytest.raises(FadError, match=r"first and .*utt2spk have different keys"):
        main([*options, "--utt2spk", str(tmp_path / "utt2spk")])


def test_it_starts_without_torch(options):
    program = (
        "import sys; from fad.bin.compare import main; main(sys.argv[1:]); "
        "heavy = {'torch', 'torchaudio', 'matplotlib'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *options], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
