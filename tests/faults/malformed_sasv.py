"""Scores and keys of spoofing-aware verification that are wrong somewhere."""

from collections.abc import Callable
from pathlib import Path

from fad.bin.evaluate_sasv import main as evaluate_sasv
from fad.evaluation.sasv.files import read_sasv_key, read_sasv_scores

from .fault import Fault
from .inputs import file

HEADER = "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
SCORES = HEADER + "p1\tu1\t2\t1\t1.5\np1\tu2\t1\t-2\t-1\np1\tu3\t-2\t3e-1\t.5\np2\tu3\t-1\t0\t-3\n"
SINGLE = HEADER + "p1\tu1\t-\t-\t1.5\np1\tu2\t-\t-\t-1\np1\tu3\t-\t-\t.5\np2\tu3\t-\t-\t-3\n"
TANDEM = "spk filename cm-score asv-score\np1 u1 1 1\np1 u2 1 -1\np1 u3 -1 1\np2 u3 0 0\n"
PLAIN = "p1 u1 1.5\np1 u2 -1\np1 u3 .5\np2 u3 -3\n"
KEY = (
    "spk\tfilename\tcm-label\tasv-label\n"
    "p1\tu1\tbonafide\ttarget\np1\tu2\tbonafide\tnontarget\np1\tu3\tspoof\tspoof\n"
    "p2\tu3\tspoof\tspoof\n"
)


def evaluation(scores: str = SCORES, key: str = KEY, *more: str) -> Callable[[Path], list[str]]:
    """Makes the two files; gives the options of `fad.bin.evaluate_sasv`."""

    def make(folder: Path) -> list[str]:
        for name, text in (("scores.tsv", scores), ("key.tsv", key)):
            (folder / name).write_text(text)
        return ["--scores", f"{folder}/scores.tsv", "--key", f"{folder}/key.tsv", *more]

    return make


NOT_A_NUMBER = "is not a number: expected a score"

FAULTS = [
    *(
        Fault(f"SASV scores: {what}", file("scores.tsv", content), read_sasv_scores, says)
        for what, content, says in (
            ("empty", "", "is empty: expected a header, or lines of 'spk filename sasv-score'"),
            ("a header alone", HEADER, "no scores in it: score the trials first"),
            ("dashes alone", HEADER + "p1\tu1\t-\t-\t-\n", "no scores in it"),
            ("some dashes", SINGLE + "p3\tu1\t1\t-\t1\n", "4 of 5 trials have '-' as cm-score"),
            ("UTF-16", SCORES.encode("utf-16"), "not UTF-8 at byte 0"),
            ("a NUL", PLAIN + "p3 u\0 1\n", r":5: has the control character '\\x00'"),
            ("NaN", PLAIN + "p3 u1 nan\n", ":5: score 'nan' is not finite"),
            ("infinity", PLAIN + "p3 u1 -inf\n", ":5: score '-inf' is not finite"),
            ("1e400", PLAIN + "p3 u1 1e400\n", ":5: score '1e400' is not finite"),
            (
                "a comma",
                PLAIN + "p3 u1 1,5\n",
                ":5: '1,5' is not a number: write the decimal comma as a point",
            ),
            ("Python's 1_000", PLAIN + "p3 u1 1_000\n", f":5: '1_000' {NOT_A_NUMBER}"),
            ("two columns", PLAIN + "u1 1\n", ":5: 2 columns where 3 are expected"),
            ("four columns", "p1 u1 target 1\n", ":1: 4 columns where 3 are expected"),
            ("a blank line", PLAIN + "\n", ":5: 0 columns where 3 are expected"),
            ("a cell too few", SCORES + "p3\tu1\t1\t1\n", ":6: 4 columns where 5 are expected"),
            ("a trial twice", PLAIN + "p1 u1 2\n", ":5: trial 'p1 u1' occurs twice"),
            ("no speakers", "filename\tsasv-score\nu1\t1\n", ":1: the header lacks spk"),
            (
                "a misspelt column",
                SCORES.replace("asv-score", "asv-scor", 1),
                ":1: unknown column 'asv-scor': did you mean 'asv-score'",
            ),
            (
                "a column twice",
                SCORES.replace("cm-score", "asv-score"),
                ":1: column 'asv-score' comes twice",
            ),
        )
    ),
    Fault("SASV scores: missing", lambda folder: folder / "x", read_sasv_scores, "x: cannot be re"),
    *(
        Fault(f"SASV key: {what}", file("key.tsv", content), read_sasv_key, says)
        for what, content, says in (
            ("empty", "", "is empty"),
            (
                "without asv-label",
                "spk filename cm-label\np u spoof\n",
                "the header lacks asv-label",
            ),
            ("an unknown label", "p1 u1 impostor\n", ":1: label 'impostor' is none of target, non"),
            ("a trial twice", "p1 u1 target\np1 u1 spoof\n", ":2: trial 'p1 u1' occurs twice"),
            ("five columns", "p1 u1 a b target\n", ":1: 5 columns where 3 are expected"),
            (
                "labels at odds",
                KEY.replace("spoof\tspoof", "bonafide\tspoof"),
                ":4: cm-label 'bonafide' of a spoof trial: expected 'spoof'",
            ),
        )
    ),
    *(
        Fault(f"SASV: {what}", make, evaluate_sasv, says)
        for what, make, says in (
            (
                "a trial too few",
                evaluation(scores=PLAIN.replace("p2 u3 -3\n", "")),
                r"1 only in .*key.tsv \(p2 u3\): score exactly the trials of the key",
            ),
            (
                "a trial too many",
                evaluation(scores=PLAIN + "p3 u3 1\n"),
                r"1 only in .*scores.tsv \(p3 u3\): score exactly the trials of the key",
            ),
            (
                "no non-targets",
                evaluation(key=KEY.replace("nontarget", "target")),
                "key.tsv: no nontarget trial: all three kinds are needed",
            ),
            (
                "a CM alone",
                evaluation(scores="spk filename cm-score\np1 u1 1\np1 u2 1\np1 u3 0\np2 u3 0\n"),
                "scores.tsv: give sasv-score, or cm-score and asv-score, or all three",
            ),
            (
                "a threshold that is NaN",
                evaluation(SCORES, KEY, "--threshold", "nan"),
                "--threshold: the threshold must be a finite number, not nan",
            ),
            (
                "a threshold of no score",
                evaluation(TANDEM, KEY, "--threshold=0"),
                "scores.tsv: --threshold is for sasv-score, which the file lacks",
            ),
        )
    ),
]
