import json
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.compare import main
from fad.utils.errors import FadError

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
    assert captured.err.count("are the scores inverted?") == 1
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


def test_a_seed_is_a_whole_number(options, capsys):
    with pytest.raises(SystemExit):
        main([*options, "--seed", "-1"])
    assert "argument --seed: expected a whole number from 0, not '-1'" in capsys.readouterr().err


def test_logits_a_header_and_a_phase_of_an_organisers_key(tmp_path, capsys):
    """Results are those of the phase, whichever other trials are scored."""
    labels = ["bonafide", "spoof"] * 3
    phases = ["eval"] * 4 + ["progress"] * 2
    rows = list(enumerate(zip(labels, phases, strict=True)))
    key = [f"s u{n} alaw ita_tx - {label} notrim {phase}\n" for n, (label, phase) in rows]
    (tmp_path / "key").write_text("".join(key).replace("- spoof", "A07 spoof"))
    bona_fide = (3, 1, 2, 0, -5, 5)
    for name, sign in (("first", 1), ("second", -1)):
        cells = [f"x/u{n}.wav,{sign * score},0\n" for n, score in enumerate(bona_fide)]
        (tmp_path / name).write_text("clip,real,fake\n" + "".join(cells))
    scores = ["--scores", str(tmp_path / "first"), "--scores", str(tmp_path / "second")]
    columns = ["--columns", "utt=clip,bonafide_logit=real,spoof_logit=fake", "--stems"]
    common = [*scores, *columns, "--key", str(tmp_path / "key"), "--resamples", "39", "--json"]
    for phase, bonafide, rates in (([], 2, [0, 100]), (["--phase", "progress"], 1, [100, 0])):
        main([*common, *phase])
        found = json.loads(capsys.readouterr().out)
        assert (found["phase"], found["bonafide"]) == ((phase or ["eval"])[-1], bonafide)
        assert [system["eer_percent"] for system in found["systems"]] == rates


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
