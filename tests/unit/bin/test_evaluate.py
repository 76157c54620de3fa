import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.evaluate import main
from fad.errors import FadError

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("FAD_SHARED_DATA", ROOT.parent / "shared" / "data"))
FOUR_COLUMNS = "u1 A01 spoof -2\nu2 A02 spoof 1\nu3 - bonafide 0\nu4 - bonafide 2\n"


@pytest.fixture
def cm_scores(tmp_path):
    path = tmp_path / "cm.txt"
    path.write_text(FOUR_COLUMNS)
    return path


def test_four_columns_need_no_labels(cm_scores, capsys):
    main(["--scores", str(cm_scores)])
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert rows["all"][1:4] == ["2", "2", "50.000000"]
    assert rows["A01"][1:4] == ["2", "1", "0.000000"]
    assert rows["A02"][3] == "75.000000"


def test_two_columns_with_tables_give_the_same_json(cm_scores, tmp_path, capsys):
    columns = [line.split() for line in FOUR_COLUMNS.splitlines()]
    for name, column in (("utt2attack", 1), ("utt2label", 2), ("eval", 3)):
        (tmp_path / name).write_text("".join(f"{row[0]} {row[column]}\n" for row in columns))
    main(["--scores", str(cm_scores), "--json"])
    expected = json.loads(capsys.readouterr().out)
    options = ["--labels", str(tmp_path / "utt2label"), "--attacks", str(tmp_path / "utt2attack")]
    main(["--scores", str(tmp_path / "eval"), *options, "--json"])
    assert json.loads(capsys.readouterr().out) == expected
    assert expected["by"]["attack"]["groups"]["A01"]["spoof"] == 1


def test_scores_without_labels_are_an_error_with_the_remedy(tmp_path):
    (tmp_path / "eval").write_text("u1 0\n")
    with pytest.raises(FadError, match=r"eval: has no labels in it: give --labels"):
        main(["--scores", str(tmp_path / "eval")])


@pytest.mark.parametrize("option", ["--labels", "--attacks", "--utt2spk"])
def test_a_table_of_other_utterances_is_named(cm_scores, tmp_path, option):
    (tmp_path / "table").write_text("u1 bonafide\n")
    with pytest.raises(FadError, match=r"cm.txt and .*/table have different keys: 3 only in"):
        main(["--scores", str(cm_scores), option, str(tmp_path / "table")])


def test_an_inverted_sign_is_told(tmp_path, capsys):
    (tmp_path / "cm").write_text("a A01 spoof 2\nb - bonafide 1\n")
    main(["--scores", str(tmp_path / "cm"), "--json"])
    captured = capsys.readouterr()
    assert "the sign looks inverted" in captured.err
    assert json.loads(captured.out)["eer_percent"] == 100.0


def test_it_starts_without_torch(cm_scores):
    program = (
        "import sys; from fad.bin.evaluate import main; main(['--scores', sys.argv[1]]); "
        "heavy = {'torch', 'torchaudio', 'matplotlib'} & set(sys.modules); sys.exit(str(heavy))"
        " if heavy else None"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(cm_scores)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_prints_the_official_values():
    corpus = SHARED / "asvspoof2019_la"
    if not corpus.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA scores are not there: {corpus} (set FAD_SHARED_DATA)")
    asv_scores = corpus / "asv_scores" / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    cm_scores = corpus / "cm_scores" / "RawGAT_ST_add.txt"
    command = [sys.executable, "-m", "fad.bin.evaluate", "--scores", str(cm_scores)]
    done = subprocess.run(
        [*command, "--asv_scores", str(asv_scores)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for value in ("1.158596", "1.74512", "0.037372", "0.097760", "0.032281", "0.046674"):
        assert value in done.stdout
    for value in ("0.078080", "2.457784", "0.0246046749", "0.0245810056", "0.2393475470"):
        assert value in done.stdout
    assert "A18                7,355  4,914  3.212002" in done.stdout


def test_the_program_fails_in_one_line(tmp_path):
    command = [sys.executable, "-m", "fad.bin.evaluate", "--scores", str(tmp_path / "absent")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "absent: cannot be read" in done.stderr
