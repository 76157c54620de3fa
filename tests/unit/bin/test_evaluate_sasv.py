import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.evaluate_sasv import main
from fad.utils.errors import FadError

ROOT = Path(__file__).parents[3]
SCORES = (
    "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
    "E_1\tE_001\t3\t3\t3\nE_1\tE_002\t2\t2\t2\nE_1\tE_003\t3\t-2\t-2\n"
    "E_1\tE_004\t2\t-3\t-3\nE_1\tE_005\t-2\t3\t-2\nE_1\tE_006\t-3\t2\t2.5\n"
)
KEY = (
    "spk\tfilename\tcm-label\tasv-label\n"
    "E_1\tE_001\tbonafide\ttarget\nE_1\tE_002\tbonafide\ttarget\n"
    "E_1\tE_003\tbonafide\tnontarget\nE_1\tE_004\tbonafide\tnontarget\n"
    "E_1\tE_005\tspoof\tspoof\nE_1\tE_006\tspoof\tspoof\n"
)


@pytest.fixture
def options(tmp_path):
    (tmp_path / "score.tsv").write_text(SCORES)
    (tmp_path / "key.tsv").write_text(KEY)
    return ["--scores", str(tmp_path / "score.tsv"), "--key", str(tmp_path / "key.tsv")]


def test_json_of_a_submission_worked_out_by_hand(options, capsys):
    main([*options, "--threshold", "0", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["target"], found["nontarget"], found["spoof"]) == (2, 2, 2)
    # one spoof of two above one target of two: rejecting that target too costs 0.9 / 2
    assert found["min_adcf"] == pytest.approx(0.45 / 0.9)
    assert found["min_adcf_threshold"] == 2.5
    assert found["adcf"] == pytest.approx(20 * 0.05 / 2 / 0.9)
    assert (found["sv_eer_percent"], found["spf_eer_percent"]) == (0.0, 50.0)
    # the ROC is level at a miss rate of 1/2 from no false alarm to 1/4, and upright there
    assert found["sasv_eer_percent"] == pytest.approx(25.0)
    assert (found["teer_percent"], found["teer"]["spread"]) == (0.0, 0.0)
    # the ASV at its EER threshold, -2, takes one non-target of two, which the CM cannot mend
    floor = 10 * 0.0095 / 2
    assert found["min_tdcf_2021"] == pytest.approx(floor / (floor + 0.5))
    assert found["warnings"] == []


def test_tables_and_plain_files(options, tmp_path, capsys):
    main(options)
    tables = capsys.readouterr().out
    assert "t-EER %" in tables and "min t-DCF, ASVspoof 2021" in tables
    rows = [line.split("\t") for line in SCORES.splitlines()[1:]]
    (tmp_path / "plain").write_text("".join(f"{row[0]} {row[1]} {row[4]}\n" for row in rows))
    labels = [line.split("\t") for line in KEY.splitlines()[1:]]
    (tmp_path / "trials").write_text("".join(f"{row[0]} {row[1]} {row[3]}\n" for row in labels))
    main(["--scores", str(tmp_path / "plain"), "--key", str(tmp_path / "trials")])
    plain = capsys.readouterr().out
    assert "t-EER" not in plain
    for line in plain.splitlines()[2:]:
        assert line in tables


def test_an_inverted_sign_is_told_on_standard_error(options, tmp_path, capsys):
    negated = [line.split("\t") for line in SCORES.splitlines()[1:]]
    text = "".join(f"{row[0]} {row[1]} {-float(row[4])}\n" for row in negated)
    (tmp_path / "score.tsv").write_text(text)
    main([*options, "--json"])
    captured = capsys.readouterr()
    assert "score.tsv: SASV-EER above 50 %: is the sign inverted?" in captured.err
    assert json.loads(captured.out)["sv_eer_percent"] == 100.0


def test_a_missing_trial_is_named(options, tmp_path):
    (tmp_path / "score.tsv").write_text(SCORES.replace("E_1\tE_006\t-3\t2\t2.5\n", ""))
    with pytest.raises(FadError, match=r"1 only in .*key.tsv \(E_1 E_006\): score exactly"):
        main(options)


def test_it_starts_without_torch_in_under_a_second(options):
    program = (
        "import sys; from fad.bin.evaluate_sasv import main; main(sys.argv[1:]); "
        "heavy = {'torch', 'torchaudio', 'matplotlib'} & set(sys.modules); sys.exit(str(heavy))"
        " if heavy else None"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", program, *options], cwd=ROOT, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    # of the processor, which does not depend on what else the machine does
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_the_program_fails_in_one_line(options, tmp_path):
    (tmp_path / "key.tsv").write_text(KEY + "E_1\tE_007\tbonafide\tspoof\n")
    command = [sys.executable, "-m", "fad.bin.evaluate_sasv", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "key.tsv:8: cm-label 'bonafide'" in done.stderr
