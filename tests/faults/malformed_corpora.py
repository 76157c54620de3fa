"""Corpora that stage 1 cannot use: each ends in one line, and no data directory is written."""

import importlib.util
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from fad.data.corpus import Clip, write_corpus

from .fault import Fault

ROOT = Path(__file__).parents[2]
HEADER = "path\tlabel\tattack\tspeaker\tsplit\n"
ROWS = "".join(
    f"{split}-{label}.wav\t{label}\t{'tts' if label == 'spoof' else '-'}\tp{split}\t{split}\n"
    for split in ("train", "dev", "eval")
    for label in ("bonafide", "spoof")
)
LA = {"train": "trn", "dev": "trl", "eval": "trl"}


@cache
def prepare(recipe: str) -> ModuleType:
    """The program of a recipe's stage 1."""
    path = ROOT / "egs" / recipe / "local" / "prepare.py"
    spec = importlib.util.spec_from_file_location(f"prepare_{recipe}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stage_1(recipe: str, corpus: Path) -> None:
    options = ["--corpus_dir", str(corpus), "--out", "data"]
    prepare(recipe).main([*options, *(["--check_counts", "false"] if "2019" in recipe else [])])


custom = partial(stage_1, "custom")
asvspoof = partial(stage_1, "asvspoof2019_la")


def protocol(old: str, new: str | bytes, name: str = "protocol.tsv") -> Callable[[Path], Path]:
    """A good protocol and its (empty) clips, `old` changed to `new` once in the protocol."""

    def make(folder: Path) -> Path:
        for row in ROWS.splitlines():
            (folder / row.split("\t")[0]).touch()
        text = (HEADER + ROWS).encode()
        assert old.encode() in text
        new_bytes = new if isinstance(new, bytes) else new.encode()
        (folder / name).write_bytes(text.replace(old.encode(), new_bytes, 1))
        return folder / name

    return make


def of_protocol(path: Path) -> None:
    custom(path.parent)


def folders(*names: str) -> Callable[[Path], Path]:
    """A corpus of folders with these (empty) files."""

    def make(folder: Path) -> Path:
        for name in names:
            (folder / "corpus" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "corpus" / name).touch()
        return folder / "corpus"

    return make


def released(old: str = "", new: str | bytes = "", absent: str = "") -> Callable[[Path], Path]:
    """ASVspoof 2019 LA with two clips a set, the train protocol changed or a file absent."""

    def make(folder: Path) -> Path:
        root = folder / "LA"
        protocols = root / "ASVspoof2019_LA_cm_protocols"
        protocols.mkdir(parents=True)
        for split, kind in LA.items():
            flac = root / f"ASVspoof2019_LA_{split}" / "flac"
            flac.mkdir(parents=True)
            names = [f"LA_{split[0].upper()}_{number}" for number in (1, 2)]
            for name in names:
                (flac / f"{name}.flac").touch()
            text = f"LA_1 {names[0]} - - bonafide\nLA_1 {names[1]} - A01 spoof\n".encode()
            if split == "train" and old:
                new_bytes = new if isinstance(new, bytes) else new.encode()
                assert old.encode() in text
                text = text.replace(old.encode(), new_bytes, 1)
            (protocols / f"ASVspoof2019.LA.cm.{split}.{kind}.txt").write_bytes(text)
        for path in list(root.rglob("*")):
            if absent and path.match(absent):
                path.unlink()
        return root

    return make


def clips(**changes: str) -> Callable[[Path], list[Clip]]:
    """One clip of each class in a set `eval`; the spoof's attributes are these."""

    def make(folder: Path) -> list[Clip]:
        for name in ("a.wav", "b.wav"):
            (folder / name).touch()
        spoof = {"name": "b", "path": folder / "b.wav", "label": "spoof", "attack": "tts"}
        return [
            Clip("a", folder / "a.wav", "bonafide", split="eval"),
            Clip(**{**spoof, "split": "eval", **changes}),
        ]

    return make


def write(found: list[Clip]) -> None:
    write_corpus("data", "mine", found, ["eval"])


FIRST = "train-bonafide.wav\tbonafide\t-"

FAULTS = [
    Fault(
        "custom: no such folder",
        lambda folder: folder / "none",
        custom,
        "--corpus_dir .*none: no such folder",
    ),
    Fault("custom: an empty folder", lambda folder: folder, custom, "must have protocol.tsv or"),
    Fault(
        "custom: two protocols",
        lambda folder: protocol("", "", "protocol.csv")(folder) and protocol("", "")(folder),
        of_protocol,
        "has both protocol.tsv and protocol.csv: remove one of them",
    ),
    *(
        Fault(f"custom: a protocol {what}", protocol(old, new), of_protocol, says)
        for what, old, new, says in (
            ("in UTF-16", HEADER + ROWS, (HEADER + ROWS).encode("utf-16"), "not UTF-8 at byte 0"),
            ("in Latin-1", "ptrain", b"Andr\xe9", "not UTF-8 at byte .*convert it"),
            ("with NUL bytes", "ptrain", "p\0", r"tsv:2: has the control character '\\x00'"),
            ("without header", HEADER, "", "tsv:1: no column 'path' in the header"),
            ("that is empty", HEADER + ROWS, "", "tsv:1: no column 'path' in the header"),
            ("of spaces", HEADER, HEADER.replace("\t", " "), "tsv:1: no column 'path'"),
            ("without labels", "\tlabel\t", "\tclass\t", "tsv:1: no column 'label' in the header"),
            ("with a column too few", FIRST, "x.wav\tspoof", "tsv:2: 4 columns, but 5"),
            ("with a column too many", FIRST, FIRST + "\t-", "tsv:2: 6 columns, but 5"),
            ("with an unknown label", FIRST, "a\tfalse\t-", "tsv:2: label 'false': did you mean"),
            ("without a label", FIRST, "a\t\t-", "tsv:2: label '': known: bona-fide, "),
            ("without a path", FIRST, "\tbonafide\t-", "tsv:2: no path: give one or remove"),
            ("of bona fide attacks", FIRST, "a\treal\ttts", "tsv:2: attack 'tts' of bona fide"),
            ("with a missing clip", FIRST, "gone.wav\tbonafide\t-", "tsv:2: no audio file .*gone"),
            ("with one clip twice", FIRST, "dev-bonafide.wav\treal\t-", "tsv:4: .* is taken by"),
            ("with an unknown split", "ptrain\ttrain", "p\ttrian", "tsv:2: split 'trian': did you"),
            ("with a split missing", "ptrain\ttrain", "p\t-", "tsv:2: no split, but other clips"),
            ("that climbs to nothing", FIRST, "../../x.wav\treal\t-", "tsv:2: no audio file"),
            ("of a name too long", FIRST, "x" * 300 + "\treal\t-", "tsv:2: no audio file"),
        )
    ),
    Fault(
        "custom: a protocol without rows",
        lambda folder: [protocol(ROWS, "")(folder)],
        lambda paths: of_protocol(*paths),
        "the corpus has no clip: is --corpus_dir the right folder",
    ),
    Fault(
        "custom: a CSV whose quote never ends",
        protocol(HEADER + ROWS, 'path,label\n"a.wav,real\n', "protocol.csv"),
        of_protocol,
        "protocol.csv: not a table of tabs or commas .*mend it",
    ),
    Fault(
        "custom: folders without spoofs",
        folders("bonafide/a.wav"),
        custom,
        "spoof: no such folder: .*README.md shows both",
    ),
    Fault(
        "custom: a set without a clip",
        lambda folder: [
            folders(
                *(f"{split}/bonafide/a.wav" for split in ("train", "eval")),
                *(f"{split}/spoof/tts/a.wav" for split in ("train", "eval")),
                *("dev/bonafide/a.txt", "dev/spoof/tts/a.txt"),  # no audio
            )(folder)
        ],
        lambda paths: custom(*paths),
        "the dev set has no clip: move some there",
    ),
    Fault(
        "custom: a name with a line break",
        lambda folder: [folders("bonafide/a\nb.wav", "spoof/tts/a.wav")(folder)],
        lambda paths: custom(*paths),
        r"a\\nb.wav' has a control character: rename it",
    ),
    Fault(
        "la: no such folder",
        lambda folder: folder / "none",
        asvspoof,
        "--corpus_dir .*none: no such folder",
    ),
    Fault("la: an empty folder", lambda folder: folder, asvspoof, "no folder ASVspoof2019_LA_cm"),
    *(
        Fault(f"la: {what}", released(**how), lambda root: asvspoof(str(root)), says)
        for what, how, says in (
            ("no protocol", {"absent": "*.cm.dev.*"}, "cm.dev.trl.txt: no such protocol: unpack"),
            ("a clip gone", {"absent": "LA_D_2.flac"}, "no such clip; 1 of 6 clips are missing"),
            (
                "a protocol of four columns",
                {"old": "LA_1 LA_T_1 - - bonafide", "new": "LA_T_1 - - bonafide"},
                "trn.txt:1: 'LA_T_1 - - bonafide': expected '<speaker> <utt> - <attack> <label>'",
            ),
            (
                "a protocol in Latin-1",
                {"old": "LA_1", "new": b"\xe9"},
                "trn.txt: not UTF-8 at byte 0: convert it",
            ),
            (
                "a spoof without attack",
                {"old": "A01 spoof", "new": "- spoof"},
                "trn.txt:2: 'LA_1 LA_T_2 - - spoof': expected",
            ),
            (
                "a label in other words",
                {"old": "A01 spoof", "new": "A01 fake"},
                "trn.txt:2: label 'fake': known: bonafide, spoof",
            ),
            (
                "a trial twice",
                {"old": "LA_T_2", "new": "LA_T_1"},
                "trn.txt:2: .* 'asvspoof2019_la-LA_T_1' is taken by",
            ),
            (
                "an utterance that climbs",
                {"old": "LA_T_2", "new": "../../../etc/passwd"},
                "passwd.flac: no such clip",
            ),
        )
    ),
    *(
        Fault(f"clip: {what}", clips(**changes), write, says)
        for what, changes, says in (
            ("a label by number", {"label": "1"}, "label '1': known: bonafide, spoof"),
            ("an unknown set", {"split": "test"}, "split 'test': .*known: eval"),
            ("a name of 300 characters", {"name": "b" * 300}, "305 characters: at most 200"),
            ("an attack of 300 characters", {"attack": "b" * 300}, "attack .*300 characters"),
            ("a speaker of 300 characters", {"speaker": "b" * 300}, "speaker .*300 characters"),
            (
                "two names that become one",
                {"name": "a"},
                "'mine-a' is taken by .*give each its own",
            ),
        )
    ),
]
