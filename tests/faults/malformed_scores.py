"""Files of scores that are wrong somewhere, through the program that evaluates them."""

from collections.abc import Callable
from pathlib import Path

from fad.bin.evaluate import main as evaluate
from fad.bin.results import main as results
from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.evaluation.trials.score_files import read_scores

from .fault import Fault
from .inputs import Maker, file

LABELS = "u1 bonafide\nu2 spoof\nu3 bonafide\nu4 spoof\n"
ATTACKS = "u1 -\nu2 A01\nu3 -\nu4 A01\n"
SCORES = "u1 1.5\nu2 -2\nu3 3e-1\nu4 -.5\n"
ASV = "bonafide target 2\nbonafide nontarget -2\nA01 spoof 1\nbonafide target 3\nA02 spoof 0\n"


def scores(content: str | bytes) -> Maker:
    return file("scores.txt", content)


def evaluation(**content: str | None) -> Callable[[Path], list[str]]:
    """A good evaluation's files but for these; gives the options of `fad.bin.evaluate`."""

    def make(folder: Path) -> list[str]:
        good: dict[str, str | None] = {"scores": SCORES, "labels": LABELS, "attacks": ATTACKS}
        options = []
        for name, text in (good | content).items():
            if text is not None:
                (folder / f"{name}.txt").write_text(text)
                options += [f"--{name}", str(folder / f"{name}.txt")]
        return options

    return make


def experiment(summary: str | None, **content: str) -> Callable[[Path], list[str]]:
    """An `exp/<tag>` for stage 5; gives the options of `fad.bin.results`."""

    def make(folder: Path) -> list[str]:
        exp, data = folder / "exp", folder / "data"
        (exp / "scores").mkdir(parents=True)
        data.mkdir()
        if summary is not None:
            (exp / "train_summary.json").write_text(summary)
        good = {"scores": SCORES, "utt2label": LABELS, "utt2attack": ATTACKS, "utt2spk": ATTACKS}
        for name, text in (good | content).items():
            path = exp / "scores/eval" if name == "scores" else data / name
            path.write_text(text)
        return ["--exp", str(exp), "--test", f"eval={data}"]

    return make


NOT_A_NUMBER = "is not a number: expected a score"

FAULTS = [
    Fault(
        "scores: missing",
        lambda folder: folder / "scores.txt",
        read_scores,
        r"scores.txt: cannot be read \(No such file or directory\)",
    ),
    Fault("scores: a folder", lambda folder: folder, read_scores, r"\(Is a directory\)"),
    Fault("scores: empty", scores(""), read_scores, "the file is empty: make it again"),
    Fault("scores: UTF-16", scores(SCORES.encode("utf-16")), read_scores, "not UTF-8 at byte 0"),
    Fault("scores: Latin-1", scores(b"\xe9 1\n"), read_scores, "not UTF-8 at byte 0: convert it"),
    Fault(
        "scores: a NUL", scores("u\0 1\n"), read_scores, r":1: has the control character '\\x00'"
    ),
    Fault("scores: NaN", scores("u1 1\nu2 nan\n"), read_scores, ":2: score 'nan' is not finite"),
    Fault("scores: infinity", scores("u1 -inf\n"), read_scores, ":1: score '-inf' is not finite"),
    Fault("scores: 1e400", scores("u1 1e400\n"), read_scores, ":1: score '1e400' is not finite"),
    Fault(
        "scores: a word", scores("u1 high\n"), read_scores, ":1: 'high' is not a number: a header"
    ),
    Fault("scores: a comma", scores("u1 1,5\n"), read_scores, "decimal comma as a point"),
    Fault("scores: hexadecimal", scores("u1 0x1f\n"), read_scores, f":1: '0x1f' {NOT_A_NUMBER}"),
    Fault("scores: Python's 1_000", scores("u1 1_000\n"), read_scores, f"'1_000' {NOT_A_NUMBER}"),
    Fault("scores: other digits", scores("u1 \u0663\n"), read_scores, f"'\u0663' {NOT_A_NUMBER}"),
    Fault("scores: one column", scores("u1 1\nu2\n"), read_scores, ":2: 1 columns where 2"),
    Fault("scores: three columns", scores("u1 x 2\n"), read_scores, ":1: label 'x'"),
    Fault(
        "scores: six columns", scores("a b c d e f\n"), read_scores, ":1: 6 columns, but without"
    ),
    Fault("scores: a blank line", scores("u1 1\n\nu2 1\n"), read_scores, ":2: 0 columns where 2"),
    Fault(
        "scores: labels from the second line on",
        scores("u1 1\nu2 A01 spoof 1\n"),
        read_scores,
        ":2: 4 columns where 2 are expected: 'utt score'",
    ),
    Fault(
        "scores: an unknown label",
        scores("u1 A01 bonafied 1\n"),
        read_scores,
        ":1: label 'bonafied': did you mean 'bonafide'",
    ),
    Fault(
        "scores: a trial twice",
        scores("u1 1\nu2 1\nu1 1\n"),
        read_scores,
        r":3: 'u1' occurs twice \(3 lines, 2 names\): keep one line",
    ),
    Fault(
        "evaluate: no labels",
        evaluation(labels=None, attacks=None),
        evaluate,
        "scores.txt: has no labels in it: give --key: ",
    ),
    Fault(
        "evaluate: a trial too few",
        evaluation(scores=SCORES.replace("u4 -.5\n", "")),
        evaluate,
        r"labels.txt 4 trials; trials without a score: 1 \(u4\): score each trial",
    ),
    Fault(
        "evaluate: a trial too many",
        evaluation(scores=SCORES + "u5 1\n"),
        evaluate,
        r"scores.txt has 5 scores .*; scores without a trial: 1 \(u5\): score each",
    ),
    Fault(
        "evaluate: names in quotes",
        evaluation(scores=SCORES.replace("u", '"u').replace(" ", '" ')),
        evaluate,
        "names in quotes on one side only: write them without",
    ),
    Fault("scores: in quotes", scores("u1\t'1'\n"), read_scores, ":1: ''1'' is .*without quotes"),
    Fault(
        "evaluate: attacks of other trials",
        evaluation(attacks="u9 A01\n"),
        evaluate,
        r"1 only in .*attacks.txt \(u9\)",
    ),
    Fault(
        "evaluate: speakers of other trials",
        evaluation(utt2spk="u9 p1\n"),
        evaluate,
        r"1 only in .*utt2spk.txt \(u9\)",
    ),
    *(
        Fault(f"ASV scores: {what}", file("asv.txt", content), read_asv_scores, says)
        for what, content, says in (
            ("missing kind", "bonafide target 2\nA07 spoof 1\n", "no nontarget trials: t-DCF"),
            ("empty", "", "no target and no nontarget and no spoof trials"),
            ("unknown kind", "bonafide impostor 2\n", ":1: kind of trial 'impostor' is none of"),
            ("four columns", "bonafide target 2 3\n", ":1: 4 columns where 3 are expected"),
            ("NaN", ASV + "bonafide target nan\n", ":6: score 'nan' is not finite"),
            ("comma", ASV + "bonafide target 1,5\n", ":6: '1,5' is not a number: write the dec"),
        )
    ),
    Fault("ASV scores: not UTF-8", file("asv.txt", b"\xff\xfe"), read_asv_scores, "not UTF-8"),
    Fault(
        "results: no summary of training",
        experiment(None),
        results,
        r"train_summary.json: cannot be read .*run stage 3 first",
    ),
    Fault(
        "results: a summary cut short",
        experiment('{"seed": 1'),
        results,
        "train_summary.json: is no JSON .*run stage 3 again",
    ),
    Fault(
        "results: a summary that is a list",
        experiment("[1]"),
        results,
        "train_summary.json: .*run stage 3 again",
    ),
    Fault(
        "results: a summary without its keys",
        experiment('{"seed": 1}'),
        results,
        "train_summary.json: lacks config_name, .*run stage 3 again",
    ),
]
