"""Keys and scores of others that are wrong somewhere, or do not fit each other."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from fad.bin.evaluate import main as evaluate
from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.evaluation.trials.keys import read_key
from fad.evaluation.trials.score_files import read_scores

from .fault import CANARY, Fault, Hostile
from .inputs import file

LA_2019 = "s1 u1 - - bonafide\ns1 u2 - A07 spoof\n"
LA_2021 = (
    "s1 u1 alaw ita_tx bonafide bonafide notrim eval\ns1 u2 alaw ita_tx A07 spoof notrim eval\n"
    "s2 u3 gsm ita_tx bonafide bonafide trim hidden\ns2 u4 gsm ita_tx A08 spoof trim hidden\n"
)
ASVSPOOF5 = "s u1 F - 0 - - bonafide bonafide -\ns u2 M C11 4 E_1 AC1 A24 spoof -\n"
TSV = "filename\tcm-score\nu1\t1.5\nu2\t-2\nu3\t0.3\nu4\t-0.5\n"
CSV = 'ID,Score,Label\nu1,"[-1, 2]",1\nu2,"[3, -1]",0\n'
LONG = "x" * 100_000


def with_files(*words: str, **content: str) -> Callable[[Path], list[str]]:
    """Files by their names, and the words of a command in which `{}` is their folder."""

    def make(folder: Path) -> list[str]:
        for name, text in content.items():
            (folder / name).write_text(text)
        return [word.replace("{}", str(folder)) for word in words]

    return make


KEY = ("--scores", "{}/scores", "--key", "{}/key")
KINDS = ("target", "nontarget", "spoof", "target")
ASV_KEY = "".join(f"s1 v{n} x y - {kind} notrim eval\n" for n, kind in enumerate(KINDS))


def unsafe_pair(path: Path) -> object:
    """What AntiDeepfake would do with a pair of logits that is no literal, did it use `eval`."""
    return eval(path.read_text().splitlines()[1].split(",", 1)[1].strip('"'))


FAULTS = [
    *(
        Fault(f"key: {what}", file("key.txt", content), read_key, says)
        for what, content, says in (
            ("empty", "", "the file is empty: make it again"),
            ("UTF-16", LA_2019.encode("utf-16"), "not UTF-8 at byte 0"),
            ("binary", b"\x7fELF\x02\x01\x01\x00", "has the control character"),
            (
                "an escape for terminals",
                LA_2019.replace("s1", "\x1b[2J"),
                r":1: has the control ch",
            ),
            ("a list without labels", "u1\nu2\n", "a list of trials, without labels: give the key"),
            ("cut in a line", LA_2021[:-20], ":4: 5 columns where 8 are expected: 'speaker utt"),
            ("two formats", LA_2021 + LA_2019, ":5: 5 columns where 8"),
            (
                "of ASV trials",
                LA_2021.replace("bonafide notrim", "target notrim"),
                "label 'target'",
            ),
            ("a trial twice", LA_2019 + LA_2019, r":3: 'u1' occurs twice \(4 lines, 2 names\)"),
            ("labels as numbers", "u1 1\nu2 0\n", ":1: label '1' may mean .* --bonafide 1"),
            (
                "bona fide with an attack",
                ASVSPOOF5.replace("- bonafide", "- A01"),
                ":1: attack 'A01'",
            ),
            ("columns in another order", "s1 u1 - bonafide -\n", ":1: label '-'"),
            (
                "a spoof that is bona fide",
                LA_2019.replace("A07", "bonafide"),
                ":2: attack 'bonafid",
            ),
            (
                "a very long name",
                f"{LONG} bonafide\n{LONG} spoof\n",
                ":1: utt 'x+...' has 100,000 characters: at most 1,000",
            ),
            ("a very long label", f"u1 {LONG}\n", ":1: label 'xxx.* at most 1,000"),
            ("a header of very many columns", "\t".join(["utt", "loss"] * 9999) + "\n", "each be"),
            ("a header without labels", "utt,attack\nu1,-\n", "no column for 'label' .* --key_col"),
            ("semicolons", "utt;label\nu1;spoof\n", ":1: columns are separated by ';'"),
            ("a quote that does not end", 'utt,label\nu1,"spoof\n', "not a table with commas"),
            ("a quoted line end", 'utt,label\nu1,"spoof\n"\n', "goes over the end of its line"),
            (
                "a huge cell",
                f'utt,label\nu1,"{LONG * 2}"\n',
                "not a table with commas .*field larger",
            ),
            ("no name", "utt,label\n,spoof\n", ":2: the utterance has no name"),
        )
    ),
    *(
        Fault(f"table of scores: {what}", file("scores.tsv", content), read_scores, says)
        for what, content, says in (
            (
                "a number with a percent sign",
                TSV.replace("1.5", "99 %"),
                ":2: '99 %' is not a numb",
            ),
            ("a score of two logits", CSV, r":2: '\[-1, 2\]' .* two logits\? .* --logits spoof"),
            (
                "commas without a header",
                "u1,1\nu2,2\n",
                r":1: a number where a header's names would be \(u1",
            ),
            ("a row too short", TSV + "u5\n", ":6: 1 columns where 2 are expected: the header"),
            ("an empty cell", TSV + "u5\t\n", ":6: '' is not a number"),
            (
                "two scores",
                TSV.replace("cm-score", "score\tcm-score"),
                "score and cm-score could e",
            ),
            ("a header alone", "filename\tcm-score\n", "only a header, no trial"),
            ("label or score", "u1 u2 0 1\n", ":1: .* both fit: give the file a header"),
        )
    ),
    Fault(
        "table of scores: no pair of logits",
        file("scores.csv", CSV.replace("[3, -1]", "[3]")),
        partial(read_scores, pair="spoof,bonafide"),
        r":3: '\[3\]' is no pair of logits",
    ),
    Fault(
        "table of scores: a column that is not there",
        file("scores.tsv", TSV),
        partial(read_scores, chosen={"score": "cm-skore"}),
        ":1: no column 'cm-skore' in the header: did you mean 'cm-score'",
    ),
    Hostile(
        "hostile: a pair of logits that is a command",
        file(
            "scores.csv", f"ID,Score\nu1,\"[__import__('pathlib').Path('{CANARY}').touch(), 1]\"\n"
        ),
        partial(read_scores, pair="spoof,bonafide"),
        ":2: '__import__.* is not a number",
        unsafe=unsafe_pair,
    ),
    Fault(
        "evaluate: the scores of one phase alone",
        with_files(*KEY, scores="u1 1\nu2 0\n", key=LA_2021),
        evaluate,
        "has 2 scores .* exactly those of its phase 'eval': ask for it with --phase eval",
    ),
    Fault(
        "evaluate: a phase that the key has not",
        with_files(*KEY, "--phase", "evil", scores="u1 1\nu2 0\n", key=LA_2021),
        evaluate,
        "key: no trial of the phase 'evil': did you mean 'eval'",
    ),
    Fault(
        "evaluate: no phases",
        with_files(*KEY, "--phase", "eval", scores="u1 1\nu2 0\n", key=LA_2019),
        evaluate,
        "key: has no phases: leave --phase out",
    ),
    Fault(
        "evaluate: names with endings",
        with_files(*KEY, scores="f/u1.flac 1\nf/u2.flac 0\n", key=LA_2019),
        evaluate,
        "names with folders or endings on one side only.* --stems compares without them",
    ),
    Fault(
        "evaluate: names that become the same",
        with_files(*KEY, "--stems", scores="a/u1.flac 1\nb/u1.flac 0\n", key=LA_2019),
        evaluate,
        "'a/u1.flac' and 'b/u1.flac' both become 'u1'",
    ),
    Fault(
        "evaluate: the key of another set",
        with_files(*KEY, scores="v1 1\nv2 0\n", key=LA_2019),
        evaluate,
        "no trial in common: is it the key of another set",
    ),
    Fault(
        "evaluate: long names of other trials",
        with_files(*KEY, scores="".join(f"{n}{LONG[:999]} 1\n" for n in range(3)), key=LA_2019),
        evaluate,
        "no trial in common",
    ),
    Fault(
        "evaluate: labels that contradict the key",
        with_files(*KEY, scores="u1 - bonafide 1\nu2 - bonafide 0\n", key=LA_2019),
        evaluate,
        "scores: 1 of its labels are not those of .*key, such as 'u2', bonafide here and spoof",
    ),
    Fault(
        "evaluate: columns that are not NAME=COLUMN",
        with_files("--scores", "{}/scores", "--columns", "filename", scores=TSV),
        evaluate,
        "--columns 'filename': expected NAME=VALUE, such as utt=filename",
    ),
    Fault(
        "ASV scores: of 2021 without their key",
        file("asv.txt", "s1 v0 1.5\ns1 v1 2\n"),
        read_asv_scores,
        ":1: kind of trial 'v0' .* ASVspoof 2021 need --asv_key",
    ),
    Fault(
        "evaluate: an ASV key that is the CM key",
        with_files(
            *(*KEY, "--asv_scores", "{}/asv", "--asv_key", "{}/key"),
            scores="u1 1\nu2 0\nu3 1\nu4 0\n",
            key=LA_2021,
            asv="s1 u1 1\n",
        ),
        evaluate,
        "key:1: expected ASVspoof 2021's ASV/trial_metadata.txt",
    ),
    Fault(
        "evaluate: an ASV trial without a score",
        with_files(
            *(*KEY, "--asv_scores", "{}/asv", "--asv_key", "{}/asv_key"),
            scores="u1 1\nu2 0\nu3 1\nu4 0\n",
            key=LA_2021,
            asv="s1 v0 1\ns1 v1 1\ns1 v2 1\n",
            asv_key=ASV_KEY,
        ),
        evaluate,
        "asv: 1 of the 4 trials of .*asv_key have no score, such as 's1 v3'",
    ),
]
