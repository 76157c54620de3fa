"""Kaldi's tables: one `utt value` a line, sorted by bytes; and the data directories made of them.

A data directory holds `wav.scp utt2spk spk2utt utt2label utt2attack`, (in a dump)
`utt2num_samples`, and other facts as `utt2<name>`: `utt2codec`, `utt2lang`, `utt2phase`, ... All
but `spk2utt` have the same keys. The directory may also have `asv_scores`. This file needs only the
standard library, so that programs which only read tables start at once.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import pairwise, zip_longest
from pathlib import Path

from fad.data.lines import Block, control_character, iter_blocks, iter_lines
from fad.utils.errors import FadError
from fad.utils.files import atomic_path

LABELS = ("spoof", "bonafide")  # the index is the class number, everywhere
NO_ATTACK = "-"  # the value of utt2attack for bona fide speech
REQUIRED = ("wav.scp", "utt2spk", "spk2utt", "utt2label", "utt2attack")
LENGTHS = "utt2num_samples"
ASV_SCORES = "asv_scores"  # not a table: the organisers' speaker verification scores, for t-DCF

Table = dict[str, str]
Check = Callable[[str | Path, str, str], None]
"""Takes the path of a table, a key and its value; raises FadError if the value is not allowed."""

_ID = re.compile(r"[A-Za-z0-9_+=@:][A-Za-z0-9._+=@:-]*")
# Kaldi's pipes: `| command` and `command |`, which an offset or a range may follow.
_PIPE = re.compile(r"^\||\|\s*(:\d+)?\s*(\[[^\]]*\])?$")
_MAX_ID = 200  # ids become file names, which may have 255 bytes with a prefix and a suffix
# The form of nearly all lines: an id, a space, and words of printable ASCII with single spaces.
_PLAIN = re.compile(
    rf"^([A-Za-z0-9_+=@:][A-Za-z0-9._+=@:-]{{0,{_MAX_ID - 1}}}) ([!-~]+(?: [!-~]+)*)$", re.MULTILINE
)
_OPTIONAL = re.compile(r"utt2[a-z][a-z0-9_]*")
_LENGTH = re.compile(r"[1-9][0-9]{0,11}")  # samples; 12 digits are two years
_SHOWN = 3


def check_id(name: str, kind: str = "utterance id") -> str:
    """Returns `name` if it is safe as a file name, a word of a table and a word in a shell.

    Raises:
        FadError: It is empty, too long, starts with `-` or `.`, or holds an unsafe character.
    """
    if not _ID.fullmatch(name):
        raise FadError(
            f"{kind} {name!r} is refused: use only letters, digits and . _ + = @ : - "
            "(the first not - or .)"
        )
    if len(name) > _MAX_ID:
        raise FadError(f"{kind} '{name[:40]}...' has {len(name)} characters: at most {_MAX_ID}")
    return name


def read_table(path: str | Path, kind: str = "utterance id") -> Table:
    """Reads `key value...` lines in their order; the value is the rest of the line, stripped.

    Equal words share one string in memory, also across tables.

    Args:
        path: The table, UTF-8; a byte order mark and DOS line ends are allowed.
        kind: What the keys are, for messages.

    Raises:
        FadError: The file is missing or not UTF-8, or has an empty line, a control character, a key
            without a value, or an unsafe or duplicate key.
    """
    table: Table = {}
    for number, (key, value) in enumerate(_rows(path, kind), start=1):
        if key in table:
            raise _duplicate(path, number, kind, key)
        table[sys.intern(key)] = sys.intern(value)
    return table


def read_together(checks: Mapping[Path, Check]) -> Iterator[tuple[str, list[str]]]:
    """Reads sorted tables with the same keys in parallel, one line of each at a time.

    Args:
        checks: The tables, each with the check of its values.

    Yields:
        A key and its value in each table.

    Raises:
        FadError: As `read_table`; a table is not sorted, the keys differ, or a value is refused.
    """
    paths = list(checks)
    for rows in zip_longest(*map(_sorted_rows, paths), fillvalue=(None, "")):
        keys, values = zip(*rows, strict=True)
        if len(set(keys)) > 1:
            check_same_keys({str(path): read_table(path) for path in paths})
        for path, value in zip(paths, values, strict=True):
            checks[path](path, keys[0], value)
        yield keys[0], list(values)


def _sorted_rows(path: Path) -> Iterator[tuple[str, str]]:
    before = ""
    for number, (key, value) in enumerate(_rows(path, "utterance id"), start=1):
        if key == before:
            raise _duplicate(path, number, "utterance id", key)
        _check_order(path, number, before, key)
        yield key, value
        before = key


def _rows(path: str | Path, kind: str) -> Iterator[tuple[str, str]]:
    for block in iter_blocks(path):
        plain = _PLAIN.findall(block.text())
        yield from plain if len(plain) == len(block.raw) else _checked_rows(block, kind)


def _checked_rows(block: Block, kind: str) -> Iterator[tuple[str, str]]:
    """The rows of a block, line by line, so that an error names its line."""
    path = block.path
    for number, line in enumerate(block.lines(), start=block.first):
        words = line.split(maxsplit=1)
        if not words:
            raise FadError(f"{path}:{number}: empty line: remove it")
        if len(words) < 2:
            raise FadError(
                f"{path}:{number}: '{words[0][:40]}' has no value: expected '<{kind}> <value>'"
            )
        try:
            check_id(words[0], kind)
        except FadError as error:
            raise FadError(f"{path}:{number}: {error}") from None
        yield words[0], words[1].rstrip()


def _duplicate(path: str | Path, number: int, kind: str, key: str) -> FadError:
    return FadError(f"{path}:{number}: duplicate {kind} '{key}': keep one of its lines")


def read_lines(path: str | Path) -> list[str]:
    """All lines of `iter_lines`."""
    return list(iter_lines(path))


def write_table(path: str | Path, table: Mapping[str, str]) -> None:
    """Writes a table sorted by the bytes of its keys, atomically.

    Raises:
        FadError: `read_table` would not read a key or a value back unchanged.
    """
    with atomic_path(path) as part, open(part, "w", encoding="utf-8") as file:
        for key in sorted(table):
            value = table[key]
            check_id(key, f"{path}: key")
            if not value or value != value.strip() or control_character(value):
                raise FadError(
                    f"{path}: value {value!r} of '{key}' is empty, has stray white space or a "
                    "control character: correct it"
                )
            file.write(f"{key} {value}\n")


def read_wav_scp(path: str | Path) -> Table:
    """Reads `utt path`; a relative path starts at the current directory, as in Kaldi.

    Raises:
        FadError: As `read_table`; also for a Kaldi pipe, since commands in tables are never run.
    """
    return _read_checked(path, check_no_pipe)


def read_lengths(path: str | Path) -> dict[str, int]:
    """Reads `utt samples`, the `utt2num_samples` of a dump.

    Raises:
        FadError: As `read_table`; also for a length that is not a whole number from 1.
    """
    return {utt: int(samples) for utt, samples in _read_checked(path, check_length).items()}


def read_labels(path: str | Path) -> Table:
    """Reads `utt label`; only `spoof` and `bonafide` are allowed."""
    return _read_checked(path, check_label)


def _read_checked(path: str | Path, check: Check) -> Table:
    _check_values(path, table := read_table(path), check)
    return table


def _check_values(path: str | Path, table: Mapping[str, str], check: Check) -> None:
    for key, value in table.items():
        check(path, key, value)


def check_no_pipe(path: str | Path, utt: str, value: str) -> None:
    """Refuses a command in any form that Kaldi would run."""
    if "|" in value and _PIPE.search(value):
        raise FadError(
            f"{path}: the value of '{utt}' is a pipe, which is never run: "
            "write its output to a file and name that"
        )


def check_label(path: str | Path, utt: str, label: str) -> None:
    """Refuses any word but `spoof` and `bonafide`."""
    if label not in LABELS:
        raise FadError(f"{path}: label '{label}' of '{utt}' is unknown: use {' or '.join(LABELS)}")


def check_length(path: str | Path, utt: str, samples: str) -> None:
    """Refuses anything but a whole number from 1."""
    if not _LENGTH.fullmatch(samples):
        raise FadError(f"{path}: '{utt}' has {samples[:40]!r} samples: run stage 2 again")


def check_same_keys(tables: Mapping[str, Mapping[str, object]]) -> None:
    """Checks that named tables have the same keys.

    Raises:
        FadError: They differ; the message names the first few keys that one of two tables lacks.
    """
    if not tables:
        return
    (first, reference), *others = tables.items()
    for name, table in others:
        if table.keys() == reference.keys():
            continue
        parts = [
            f"{len(extra)} only in {owner} ({_first_few(extra)})"
            for owner, extra in (
                (first, reference.keys() - table.keys()),
                (name, table.keys() - reference.keys()),
            )
            if extra
        ]
        raise FadError(f"{first} and {name} have different keys: {'; '.join(parts)}")


def _first_few(keys: Iterable[str]) -> str:
    first = nsmallest(_SHOWN + 1, keys)
    return ", ".join(first[:_SHOWN]) + (", ..." if len(first) > _SHOWN else "")


def spk2utt_from_utt2spk(utt2spk: Mapping[str, str]) -> Table:
    """The inverse table: `speaker utt utt ...`, both sorted."""
    utts: dict[str, list[str]] = {}
    for utt in sorted(utt2spk):
        utts.setdefault(utt2spk[utt], []).append(utt)
    return {speaker: " ".join(utts[speaker]) for speaker in sorted(utts)}


def validate_data_dir(directory: str | Path) -> dict[str, Table]:
    """Reads and checks a data directory; returns its tables by file name.

    Raises:
        FadError: A table is missing, malformed, unsorted or has other keys than the rest, a label
            is unknown, an attack does not fit its label, or `spk2utt` does not invert `utt2spk`.
    """
    directory = Path(directory)
    missing = [name for name in REQUIRED if not (directory / name).is_file()]
    if missing:
        raise FadError(f"{directory}: lacks {', '.join(missing)}: run the stage that makes it")
    present = [*REQUIRED, *optional_tables(directory)]
    tables = {
        name: read_table(directory / name, "speaker" if name == "spk2utt" else "utterance id")
        for name in present
    }
    for name, table in tables.items():
        _check_sorted(directory / name, table)
    _check_tables(directory, tables)
    return tables


def optional_tables(directory: Path) -> list[str]:
    """The sorted names of a directory's tables `utt2<name>` that are not required."""
    names = (path.name for path in directory.glob("utt2*") if path.is_file())
    return sorted(name for name in names if name not in REQUIRED and _OPTIONAL.fullmatch(name))


def write_data_dir(directory: str | Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Checks tables, then writes them as a data directory; `spk2utt` is made from `utt2spk`.

    An old `wav.scp` is removed first and the new one is written last. If writing is killed, there
    is none, and the directory does not validate. Optional tables of an earlier run are removed.

    Raises:
        FadError: As `validate_data_dir`, before anything is written.
    """
    directory = Path(directory)
    tables = dict(tables)
    if "utt2spk" in tables:
        tables["spk2utt"] = spk2utt_from_utt2spk(tables["utt2spk"])
    missing = [name for name in REQUIRED if name not in tables]
    unknown = [name for name in tables if not (name in REQUIRED or _OPTIONAL.fullmatch(name))]
    if missing or unknown:
        raise FadError(f"{directory}: tables missing: {missing}, not known: {unknown}")
    _check_tables(directory, tables)
    for name in ("wav.scp", *optional_tables(directory)):
        (directory / name).unlink(missing_ok=True)
    for name in sorted(tables, key=lambda name: name == "wav.scp"):
        write_table(directory / name, tables[name])


def _check_sorted(path: Path, table: Table) -> None:
    for number, (before, after) in enumerate(pairwise(table), start=2):
        _check_order(path, number, before, after)


def _check_order(path: Path, number: int, before: str, after: str) -> None:
    if before > after:
        raise FadError(
            f"{path}:{number}: not sorted: '{after}' comes after '{before}': LC_ALL=C sort it"
        )


def _check_tables(directory: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    if not tables["wav.scp"]:
        raise FadError(f"{directory}/wav.scp: has no utterance: check the corpus it was made from")
    check_same_keys({f"{directory}/{n}": table for n, table in tables.items() if n != "spk2utt"})
    _check_values(directory / "wav.scp", tables["wav.scp"], check_no_pipe)
    _check_values(directory / "utt2label", tables["utt2label"], check_label)
    _check_values(directory / LENGTHS, tables.get(LENGTHS, {}), check_length)
    _check_attacks(directory, tables)
    _check_speakers(directory, tables)


def _check_attacks(directory: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    for utt, attack in tables["utt2attack"].items():
        label = tables["utt2label"][utt]
        if (attack == NO_ATTACK) != (label == "bonafide"):
            raise FadError(
                f"{directory}/utt2attack: '{utt}' has attack '{attack}' but label '{label}': "
                f"'{NO_ATTACK}' is for bona fide speech, and only for it"
            )
        for part in attack.split("/", 1) if attack != NO_ATTACK else ():  # the corpus first
            check_id(part, f"{directory}/utt2attack: attack")


def _check_speakers(directory: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    for utt, speaker in tables["utt2spk"].items():
        check_id(speaker, f"{directory}/utt2spk: speaker of '{utt}'")
    inverse, found = spk2utt_from_utt2spk(tables["utt2spk"]), tables["spk2utt"]
    for speaker in sorted(inverse.keys() | found.keys()):
        expected = inverse.get(speaker, "nothing")
        if found.get(speaker, "nothing") != expected:
            raise FadError(
                f"{directory}/spk2utt: not the inverse of utt2spk: first at '{speaker}': "
                f"has '{found.get(speaker, 'nothing')[:80]}', should have '{expected[:80]}'"
            )
