"""Columns of trials, from the tables of a data directory."""

from collections.abc import Mapping
from pathlib import Path

from fad.data.attacks import read_attacks
from fad.data.digests import DIGESTS, STATES
from fad.data.tables import LENGTHS, Table, optional_tables, read_lengths, read_table

NAMES = {"utt2spk": "speaker", "utt2attack": "attack", LENGTHS: "duration"}
"""Names of columns by their table, where they differ from the table's: `utt2codec` is `codec`."""
DURATION_LIMITS = (1, 2, 4, 8, 16, 32, 64)
"""Upper ends of the bins of durations, in seconds; a bin includes its lower end."""
SAMPLE_RATE = 16_000


def duration_bin(samples: int) -> str:
    """Name of the bin of a length in samples at 16 kHz: `02-04 s`."""
    low = 0
    for high in DURATION_LIMITS:
        if samples < high * SAMPLE_RATE:
            return f"{low:02d}-{high:02d} s"
        low = high
    return f"{low:02d} s and over"


def read_columns(data: Path) -> dict[str, Mapping[str, str]]:
    """Reads the tables of a data directory by their column: `attack`, `speaker`, `duration`, ...

    Raises:
        FadError: a table is missing or malformed.
    """
    return {column_name(name): read_column(column_name(name), data / name) for name in _names(data)}


def read_column(name: str, path: str | Path) -> Table:
    """Reads a table `utt value`.

    Attacks are returned with their corpus, and values of `duration`, in samples, as bins.

    Raises:
        FadError: the table is missing or malformed.
    """
    if name == "attack":
        return read_attacks(Path(path))
    if name != "duration":
        return read_table(path)
    return {utt: duration_bin(samples) for utt, samples in read_lengths(path).items()}


def column_files(data: Path) -> dict[str, Path]:
    """The file of each column and of the `labels`, for messages."""
    return {"labels": data / "utt2label"} | {
        column_name(name): data / name for name in _names(data)
    }


def _names(data: Path) -> list[str]:
    """The tables that say something of the trials, not of the files."""
    found = ("utt2attack", "utt2spk", *optional_tables(data))
    return [name for name in found if name not in (DIGESTS, STATES)]


def column_name(table: str) -> str:
    """`codec` of `utt2codec`, `speaker` of `utt2spk`."""
    return NAMES.get(table, table.removeprefix("utt2"))
