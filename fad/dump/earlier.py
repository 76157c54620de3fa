"""The clips of a dump that is being made again, so that unchanged ones are not decoded again."""

import os
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fad.data import tables
from fad.data.digests import DIGESTS, STATES, check_digest, check_state
from fad.dump.made_from import RECORD, has_this_decoder
from fad.utils.errors import FadError

ASIDE = ".wav.scp.before"  # the finished table, while jobs make the dump again


@dataclass(frozen=True)
class Clip:
    """A clip as a dump has it: where its samples are, how many, their digest, its file's state."""

    path: str
    samples: str
    digest: str
    state: str


def set_aside(out: Path) -> None:
    """Renames the finished table: the dump is not finished, and its clips can still be looked up.

    Several jobs may do so at once.
    """
    with suppress(FileNotFoundError):
        os.replace(out / "wav.scp", out / ASIDE)


def forget(out: Path) -> None:
    """Removes what says that a dump is or was finished, before its tables are written anew."""
    for name in (RECORD, "wav.scp", ASIDE):
        (out / name).unlink(missing_ok=True)


def read_earlier(out: Path, utts: Set[str]) -> dict[str, Clip]:
    """The clips of `utts` that the dump had before `set_aside`; none of a damaged or older dump."""
    columns = {
        out / ASIDE: tables.check_no_pipe,
        out / tables.LENGTHS: tables.check_length,
        out / DIGESTS: check_digest,
        out / STATES: check_state,
    }
    if not has_this_decoder(out) or not all(path.is_file() for path in columns):
        return {}
    try:
        return {utt: Clip(*row) for utt, row in tables.read_together(columns) if utt in utts}
    except FadError:
        return {}
