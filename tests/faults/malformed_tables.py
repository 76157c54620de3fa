"""Data directories that are wrong somewhere: each ends in one line, with table and remedy."""

from pathlib import Path

from fad.data.fingerprint import fingerprint
from fad.data.sources import AudioSource
from fad.data.tables import check_id, read_table, validate_data_dir, write_table
from fad.encoders.frame_grid import FrameGrid

from .fault import Fault
from .inputs import DATA_DIR, data_dir, edited, file

LABELS = DATA_DIR["utt2label"]
GRID = FrameGrid(((32, 10, 5), (32, 3, 2)))
HOSTILE_IDS = {
    "with a slash": "a/b",
    "that climbs": "../../up",
    "of two dots": "..",
    "hidden": ".hidden",
    "with a quote": "it's",
    "with a double quote": 'a"b',
    "of a shell command": "$(id)",
    "in backquotes": "`id`",
    "with a semicolon": "a;id",
    "with a star": "a*",
    "with a backslash": "a\\b",
    "like an option": "--nj",
    "in Cyrillic that looks Latin": "\u0441-1",
    "in full-width letters": "\uff41",
    "with a soft hyphen": "a\u00adb",
    "written from right to left": "a\u202eb",
    "of 300 characters": "a" * 300,
}


def read_lengths(data: Path) -> AudioSource:
    """What training and scoring do with utt2num_samples."""
    return AudioSource(data, GRID, normalize=True)


def table(content: str | bytes):
    return file("utt2label", content)


FAULTS = [
    Fault(
        "table: missing",
        lambda folder: folder / "utt2label",
        read_table,
        r"utt2label: cannot be read \(No such file or directory\): make or mend it",
    ),
    Fault(
        "table: a folder",
        lambda folder: folder,
        read_table,
        r"cannot be read \(Is a directory\): make or mend it",
    ),
    Fault(
        "table: UTF-16",
        table(LABELS.encode("utf-16")),
        read_table,
        r"utt2label: not UTF-8 at byte 0: convert it \(iconv\)",
    ),
    Fault(
        "table: UTF-16 without a mark",
        table(LABELS.encode("utf-16-le")),
        read_table,
        r"utt2label:1: has the control character '\\x00': .*convert the file to UTF-8 \(iconv\)",
    ),
    Fault(
        "table: Latin-1",
        table("c-1 Andr\u00e9.wav\n".encode("latin-1")),
        read_table,
        r"utt2label: not UTF-8 at byte 8: convert it \(iconv\)",
    ),
    Fault(
        "table: a NUL in a value",
        table("c-1 bona\0fide\n"),
        read_table,
        r"utt2label:1: has the control character '\\x00': remove it",
    ),
    Fault(
        "table: lines of old Macs",
        table(LABELS.replace("\n", "\r")),
        read_table,
        r"utt2label:1: has the control character '\\r': remove it",
    ),
    Fault(
        "table: an escape for terminals",
        table("c-1 \x1b[2Jspoof\n"),
        read_table,
        r"utt2label:1: has the control character '\\x1b': remove it",
    ),
    Fault(
        "table: Unicode's line separator",
        table("c-1 spoof\u2028c-2 spoof\n"),
        read_table,
        r"utt2label:1: has the control character '\\u2028': remove it",
    ),
    Fault(
        "table: a blank line",
        table("c-1 spoof\n\nc-2 spoof\n"),
        read_table,
        "utt2label:2: empty line: remove it",
    ),
    Fault(
        "table: a line without value",
        table("c-1 spoof\nc-2\n"),
        read_table,
        "utt2label:2: 'c-2' has no value: expected '<utterance id> <value>'",
    ),
    Fault(
        "table: a very long word",
        table("x" * 100_000 + "\n"),
        read_table,
        "utt2label:1: 'x{40}' has no value: expected",
    ),
    Fault(
        "table: an utterance twice",
        table("c-1 spoof\nc-2 spoof\nc-1 spoof\n"),
        read_table,
        "utt2label:3: duplicate utterance id 'c-1': keep one of its lines",
    ),
    Fault(
        "table: a value with a line break, written",
        lambda folder: folder / "utt2label",
        lambda path: write_table(path, {"c-1": "a\nc-2 b"}),
        "utt2label: value .* of 'c-1' .*control character: correct it",
    ),
    Fault(
        "table: a key of two words, written",
        lambda folder: folder / "utt2label",
        lambda path: write_table(path, {"c 1": "spoof"}),
        "utt2label: key 'c 1' is refused: use only letters",
    ),
    *(
        Fault(
            f"table: an id {what}",
            table(f"{name} spoof\n"),
            read_table,
            "utt2label:1: utterance id .*(is refused: use only letters|300 characters: at most)",
        )
        for what, name in HOSTILE_IDS.items()
    ),
    *(
        Fault(f"id: {what}", lambda folder, name=name: name, check_id, "is refused: use only")
        for what, name in {
            "nothing": "",
            "a space in it": "a b",
            "a line break in it": "a\nb",
            "a NUL in it": "a\0b",
        }.items()
    ),
    *(
        Fault(
            f"data: no {name}",
            data_dir(**{name.replace(".", "_"): None}),
            validate_data_dir,
            f"data: lacks {name}: run the stage that makes it",
        )
        for name in ("wav.scp", "utt2spk", "spk2utt", "utt2label", "utt2attack")
    ),
    Fault(
        "data: empty tables",
        data_dir(**dict.fromkeys((name.replace(".", "_") for name in DATA_DIR), "")),
        validate_data_dir,
        "data/wav.scp: has no utterance: check the corpus it was made from",
    ),
    Fault(
        "data: wav.scp alone empty",
        data_dir(wav_scp=""),
        validate_data_dir,
        "data/wav.scp: has no utterance: check the corpus",
    ),
    Fault(
        "data: an unknown label",
        edited("utt2label", "c-2 spoof", "c-2 fake"),
        validate_data_dir,
        "data/utt2label: label 'fake' of 'c-2' is unknown: use spoof or bonafide",
    ),
    Fault(
        "data: a label in capitals",
        edited("utt2label", "c-1 bonafide", "c-1 BonaFide"),
        validate_data_dir,
        "utt2label: label 'BonaFide' of 'c-1' is unknown: use spoof or bonafide",
    ),
    Fault(
        "data: a label by number",
        edited("utt2label", "c-2 spoof", "c-2 0"),
        validate_data_dir,
        "utt2label: label '0' of 'c-2' is unknown: use spoof or bonafide",
    ),
    Fault(
        "data: two labels",
        edited("utt2label", "c-2 spoof", "c-2 spoof bonafide"),
        validate_data_dir,
        "utt2label: label 'spoof bonafide' of 'c-2' is unknown",
    ),
    Fault(
        "data: unsorted",
        data_dir(wav_scp="c-2 b.wav\nc-1 a.wav\nc-3 c.wav\nc-4 d.wav\n"),
        validate_data_dir,
        "data/wav.scp:2: not sorted: 'c-1' comes after 'c-2': LC_ALL=C sort it",
    ),
    Fault(
        "data: sorted by another locale",
        edited("wav.scp", "c-4", "C-4"),
        validate_data_dir,
        "data/wav.scp:4: not sorted: 'C-4' comes after 'c-3': LC_ALL=C sort it",
    ),
    Fault(
        "data: a key too few",
        edited("utt2label", "c-4 spoof\n", ""),
        validate_data_dir,
        r"wav.scp and .*utt2label have different keys: 1 only in .*wav.scp \(c-4\)",
    ),
    Fault(
        "data: a key too many",
        edited("utt2attack", "c-4 A02\n", "c-4 A02\nc-5 A02\n"),
        validate_data_dir,
        r"have different keys: 1 only in .*utt2attack \(c-5\)",
    ),
    Fault(
        "data: other keys in an optional table",
        data_dir(utt2codec="c-1 opus\n"),
        validate_data_dir,
        r"have different keys: 3 only in .*wav.scp \(c-2, c-3, c-4\)",
    ),
    Fault(
        "data: spk2utt not the inverse",
        edited("spk2utt", "p1 c-1 c-2", "p1 c-1"),
        validate_data_dir,
        "data/spk2utt: not the inverse of utt2spk: first at 'p1': has 'c-1', should have 'c-1 c-2'",
    ),
    Fault(
        "data: a speaker too many in spk2utt",
        edited("spk2utt", "p2 c-3 c-4\n", "p2 c-3 c-4\np3 c-9\n"),
        validate_data_dir,
        "data/spk2utt: not the inverse of utt2spk: first at 'p3': has 'c-9', should have 'nothing'",
    ),
    Fault(
        "data: an attack on bona fide speech",
        edited("utt2attack", "c-1 -", "c-1 A01"),
        validate_data_dir,
        "utt2attack: 'c-1' has attack 'A01' but label 'bonafide': '-' is for bona fide",
    ),
    Fault(
        "data: a spoof without attack",
        edited("utt2attack", "c-2 A01", "c-2 -"),
        validate_data_dir,
        "utt2attack: 'c-2' has attack '-' but label 'spoof': '-' is for bona fide",
    ),
    Fault(
        "data: a speaker that climbs",
        data_dir(utt2spk=DATA_DIR["utt2spk"].replace("c-1 p1", "c-1 ../p1")),
        validate_data_dir,
        "utt2spk: speaker of 'c-1' '../p1' is refused: use only letters",
    ),
    Fault(
        "data: an attack with a slash",
        edited("utt2attack", "c-2 A01", "c-2 a/../../b"),
        validate_data_dir,
        "utt2attack: attack '../../b' is refused: use only letters",
    ),
    *(
        Fault(
            f"data: {what} samples",
            edited("utt2num_samples", "c-3 8000", f"c-3 {value}"),
            validate_data_dir,
            "data/utt2num_samples: 'c-3' has '.*' samples: run stage 2 again",
        )
        for what, value in {
            "zero": "0",
            "negative": "-5",
            "no number of": "many",
            "half": "0.5",
            "Arabic digits of": "\u0663",
            "5,000 digits of": "9" * 5000,
            "two numbers of": "80 80",
        }.items()
    ),
    Fault(
        "dump: zero samples, in training",
        edited("utt2num_samples", "c-3 8000", "c-3 0"),
        read_lengths,
        "utt2num_samples: 'c-3' has '0' samples: run stage 2 again",
    ),
    Fault(
        "dump: 5,000 digits of samples, in training",
        edited("utt2num_samples", "c-3 8000", "c-3 " + "9" * 5000),
        read_lengths,
        "utt2num_samples: 'c-3' has '9+' samples: run stage 2 again",
    ),
    Fault(
        "dump: other keys in utt2num_samples",
        edited("utt2num_samples", "c-3 8000\n", ""),
        read_lengths,
        r"different keys: 1 only in .*wav.scp \(c-3\)",
    ),
    Fault(
        "dump: no digests",
        data_dir(utt2digest=None),
        fingerprint,
        "has no utt2digest .an older dump.: run stage 2 again",
    ),
    Fault(
        "dump: a digest that is none",
        edited("utt2digest", "c-3 3", "c-3 x"),
        fingerprint,
        "utt2digest: 'c-3' has 'x3+' as its digest: run stage 2 again",
    ),
]
