import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin.evaluate import main
from fad.evaluation.results import breakdown
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.trials.trials import make_trials
from fad.utils.errors import FadError


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """The groups of these tests have few trials."""
    monkeypatch.setattr(breakdown, "FEWEST", 1)


ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("FAD_SHARED_DATA", ROOT.parent / "shared" / "data"))
FOUR_COLUMNS = "u1 A01 spoof -2\nu2 A02 spoof 1\nu3 - bonafide 0\nu4 - bonafide 2\n"
LA_KEY = (
    "s1 u1 alaw ita_tx A07 spoof notrim eval\n"
    "s1 u2 alaw ita_tx bonafide bonafide notrim eval\n"
    "s2 u3 gsm ita_tx A08 spoof notrim eval\n"
    "s2 u4 gsm ita_tx bonafide bonafide notrim eval\n"
    "s1 u5 alaw ita_tx A07 spoof notrim progress\n"
    "s2 u6 alaw ita_tx bonafide bonafide notrim progress\n"
    "s3 u7 none loc_tx A19 spoof trim hidden\n"
    "s3 u8 none loc_tx bonafide bonafide trim hidden\n"
)
SCORES = "u1 -3\nu2 2\nu3 1\nu4 0.5\nu5 -1\nu6 1\nu7 1\nu8 0\n"
OFFICIAL_EER = {
    **{"A07": 0.383672, "A08": 0.913348, "A09": 0.186748, "A10": 0.505905, "A11": 0.302183},
    **{"A12": 0.634936, "A13": 0.227493, "A14": 0.220695, "A15": 0.465161, "A16": 0.855631},
    **{"A17": 1.646746, "A18": 3.212002, "A19": 0.709626},
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files by name into the current directory, which is empty."""
    monkeypatch.chdir(tmp_path)

    def write(**content):
        for name, text in content.items():
            Path(name).write_text(text)

    return write


@pytest.fixture
def printed(capsys):
    """The JSON that a call prints, and its warnings."""

    def call(*options):
        main([*options, "--json"])
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err

    return call


def test_four_columns_need_no_key(files, capsys):
    files(cm=FOUR_COLUMNS)
    main(["--scores", "cm"])
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["all"][1:4] == ["2", "2", "50.000000"]
    assert rows["A01"][1:4] == ["2", "1", "0.000000"]
    assert rows["A02"][3] == "75.000000"


def test_two_columns_with_tables_give_the_same_json(files, printed):
    columns = [line.split() for line in FOUR_COLUMNS.splitlines()]
    tables = {"utt2attack": 1, "utt2label": 2, "eval": 3}
    files(
        cm=FOUR_COLUMNS,
        **{
            name: "".join(f"{row[0]} {row[column]}\n" for row in columns)
            for name, column in tables.items()
        },
    )
    expected, _ = printed("--scores", "cm")
    options = ("--labels", "utt2label", "--attacks", "utt2attack")
    assert printed("--scores", "eval", *options)[0] == expected
    assert expected["by"]["attack"]["groups"]["A01"]["spoof"] == 1


def test_the_json_is_the_dictionary_of_evaluate(files, printed):
    files(cm=FOUR_COLUMNS)
    scores = {"u1": -2.0, "u2": 1.0, "u3": 0.0, "u4": 2.0}
    labels = {"u1": "spoof", "u2": "spoof", "u3": "bonafide", "u4": "bonafide"}
    attacks = {"u1": "A01", "u2": "A02", "u3": "-", "u4": "-"}
    trials = make_trials("cm", scores, labels, {"attack": attacks})
    found, _ = printed("--scores", "cm", "--threshold", "0.5", "--resamples", "39")
    assert found == evaluate(trials, threshold=0.5, resamples=39)


def test_results_of_asvspoof_2021_are_those_of_its_eval_phase(files, printed):
    files(scores=SCORES, key=LA_KEY)
    found, _ = printed("--scores", "scores", "--key", "key", "--resamples", "0")
    assert (found["phase"], found["bonafide"], found["spoof"]) == ("eval", 2, 2)
    assert {name: part["eer_percent"] for name, part in found["phases"].items()} == {
        **{"eval": 50.0, "progress": 0.0, "hidden": 100.0}
    }
    groups = found["by"]["codec"]["groups"]
    assert {name: part["eer_percent"] for name, part in groups.items()} == {
        **{"alaw": 0.0, "gsm": 100.0}
    }
    progress, _ = printed("--scores", "scores", "--key", "key", "--phase", "progress")
    assert (progress["phase"], progress["eer_percent"]) == ("progress", 0.0)
    assert set(progress["phases"]) == {"eval", "progress", "hidden"}


def test_scores_of_one_phase_alone_need_that_to_be_said(files, printed):
    files(scores="".join(SCORES.splitlines(keepends=True)[:4]), key=LA_KEY)
    with pytest.raises(
        FadError, match=r"has 4 scores and key 8 trials.* ask for it with --phase eval"
    ):
        main(["--scores", "scores", "--key", "key"])
    found, _ = printed("--scores", "scores", "--key", "key", "--phase", "eval")
    assert (found["spoof"], list(found["phases"])) == (2, ["eval"])


def test_min_tdcf_of_asvspoof_2021_takes_the_asv_scores_of_the_phase(files, printed):
    kinds = ("target", "nontarget", "spoof", "target", "nontarget", "spoof")
    phases = ("eval",) * 3 + ("progress",) * 3
    asv_key = "".join(
        f"s1 v{n} alaw ita_tx - {kind} notrim {phase}\n"
        for n, (kind, phase) in enumerate(zip(kinds, phases, strict=True))
    )
    asv = "".join(f"s1 v{n} {score}\n" for n, score in enumerate((3, -1, 2, 9, 0, 5)))
    same = "bonafide target 3\nbonafide nontarget -1\nA07 spoof 2\n"
    files(scores=SCORES, key=LA_KEY, asv=asv, asv_key=asv_key, same=same)
    options = ("--scores", "scores", "--key", "key", "--resamples", "0", "--asv_scores")
    found, _ = printed(*options, "asv", "--asv_key", "asv_key")
    assert found == printed(*options, "same")[0]
    progress, _ = printed(*options, "asv", "--asv_key", "asv_key", "--phase", "progress")
    assert found["asv"] != progress["asv"] and "min_tdcf_2021" in found


def test_named_columns_endings_and_a_table_of_ones_own(files, printed):
    files(
        scores="Clip,Real,Fake\nx/u1.wav,1,2\nx/u2.wav,3,1\nx/u3.wav,2,2\n",
        key="file\ttruth\troom\nu1.flac\t0\tA\nu2.flac\t1\tB\nu3.flac\t0\tB\n",
        utt2lang="u1 de\nu2 de\nu3 fr\n",
        utt2other="u1 x\nu2 x\nu3 x\n",
    )
    columns = ("--columns", "utt=Clip,bonafide_logit=Real,spoof_logit=Fake")
    key = ("--key", "key", "--key_columns", "label=truth,room=room", "--bonafide", "1")
    by = ("--by", "lang=utt2lang", "--by", "other=utt2other")
    found, warnings = printed("--scores", "scores", *columns, *key, *by, "--stems")
    assert (found["bonafide"], found["spoof"], found["eer_threshold"]) == (1, 2, 0.0)
    assert found["by"]["lang"]["groups"]["de"]["eer_percent"] == 0.0
    assert set(found["by"]) == {"lang", "room"}
    assert warnings == "warning: scores: no results by other: no value has trials of both classes\n"


def test_scores_without_labels_are_an_error_with_the_remedy(files):
    files(eval="u1 0\n")
    with pytest.raises(FadError, match=r"eval: has no labels in it: give --key"):
        main(["--scores", "eval"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--labels", "cm has 4 scores and table 1 trials; scores without a trial: 3"),
        ("--attacks", "cm and table have different keys: 3 only in"),
        ("--utt2spk", "cm and table have different keys: 3 only in"),
    ],
)
def test_a_table_of_other_utterances_is_named(files, option, message):
    files(cm=FOUR_COLUMNS, table="u1 spoof\n")
    with pytest.raises(FadError, match=message):
        main(["--scores", "cm", option, "table"])


def test_an_inverted_sign_is_told_and_not_flipped(files, printed):
    files(cm="a A01 spoof 2\nb - bonafide 1\n")
    found, warnings = printed("--scores", "cm")
    assert "are the scores inverted?" in warnings
    assert "negated, these have an EER of 0.00 %" in warnings
    assert found["eer_percent"] == 100.0


@pytest.mark.parametrize(("option", "other"), [("asv_key", "asv_scores"), ("key_columns", "key")])
def test_an_option_without_the_one_that_it_goes_with(files, option, other):
    files(cm=FOUR_COLUMNS)
    with pytest.raises(FadError, match=f"--{option} goes with --{other}"):
        main(["--scores", "cm", f"--{option}", "a=b"])


@pytest.mark.parametrize("words", [["--threshold", "nan"], ["--resamples", "-1"]])
def test_numbers_that_are_none_are_refused(files, words, capsys):
    files(cm=FOUR_COLUMNS)
    with pytest.raises(SystemExit):
        main(["--scores", "cm", *words])
    assert f"argument {words[0]}: expected a" in capsys.readouterr().err


@pytest.mark.parametrize("resamples", ["1", "38"])
def test_no_interval_of_a_handful_of_resamples(files, printed, resamples):
    files(cm=FOUR_COLUMNS)
    with pytest.raises(FadError, match=rf"--resamples: {resamples} .* are too few: .* needs 39 "):
        main(["--scores", "cm", "--resamples", resamples])
    assert "eer_interval" not in printed("--scores", "cm", "--resamples", "0")[0]
    assert printed("--scores", "cm", "--resamples", "39")[0]["eer_interval"]["resamples"] == 39


def test_it_starts_without_torch(files):
    files(cm=FOUR_COLUMNS)
    program = (
        "import sys; from fad.bin.evaluate import main; main(['--scores', sys.argv[1]]); "
        "heavy = {'torch', 'torchaudio', 'matplotlib'} & set(sys.modules); sys.exit(str(heavy))"
        " if heavy else None"
    )
    command = [sys.executable, "-c", program, str(Path("cm").absolute())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_official_values_from_the_protocol_and_bare_scores(files, printed):
    corpus = SHARED / "asvspoof2019_la"
    if not corpus.is_dir():
        pytest.skip(f"the ASVspoof 2019 LA scores are not there: {corpus} (set FAD_SHARED_DATA)")
    lines = (corpus / "cm_scores" / "RawGAT_ST_add.txt").read_text().splitlines()
    files(submission="".join(f"{line.split()[0]}\t{line.split()[3]}\n" for line in lines))
    key = corpus / "protocols" / "ASVspoof2019.LA.cm.eval.trl.txt"
    asv = corpus / "asv_scores" / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    options = ("--key", str(key), "--asv_scores", str(asv), "--resamples", "0")
    found, _ = printed("--scores", "submission", *options)
    assert found["eer_percent"] == pytest.approx(1.158596, abs=5e-7)
    assert found["eer_threshold"] == pytest.approx(1.74512, abs=5e-6)
    expected = {
        **{"min_tdcf_2019": 0.037372, "min_tdcf_2021": 0.097760, "min_dcf": 0.032281},
        **{"act_dcf": 0.046674, "cllr_bits": 0.078080},
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=5e-7)
    groups = found["by"]["attack"]["groups"]
    assert {name: part["spoof"] for name, part in groups.items()} == dict.fromkeys(groups, 4914)
    rates = {name: part["eer_percent"] for name, part in groups.items()}
    assert rates == pytest.approx(OFFICIAL_EER, abs=5e-7)


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


def test_a_key_of_one_class_has_the_rate_at_a_threshold(files, printed, capsys):
    files(scores="u1 -3\nu2 2\n", labels="u1 spoof\nu2 spoof\n", attacks="u1 A01\nu2 A02\n")
    words = ("--scores", "scores", "--key", "labels", "--attacks", "attacks")
    found, warnings = printed(*words, "--threshold", "0")
    assert (found["spoof"], found["eer_percent"], found["right_percent"]) == (2, None, 50)
    assert found["by"]["attack"]["groups"]["A02"]["right_percent"] == 0
    assert warnings == ""
    main([*words, "--threshold", "0"])
    said = capsys.readouterr().out
    assert "50.00 % of the 2 spoofed trials are rejected at the threshold 0 (given)" in said
    main(list(words))
    assert "needs a threshold from other data" in capsys.readouterr().out


def test_probabilities_of_a_fake_are_evaluated_with_their_sign_changed(files, printed):
    fake = "u1 A01 spoof 0.9\nu2 A02 spoof 0.4\nu3 - bonafide 0.5\nu4 - bonafide 0.1\n"
    real = "u1 A01 spoof -0.9\nu2 A02 spoof -0.4\nu3 - bonafide -0.5\nu4 - bonafide -0.1\n"
    files(fake=fake, real=real)
    right, _ = printed("--scores", "real")
    found, _ = printed("--scores", "fake", "--higher", "spoof")
    assert found == right
    assert printed("--scores", "fake")[0]["eer_percent"] == 50
