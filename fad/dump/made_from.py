"""What a dump's audio was made from, to tell whether making it again would change anything.

`made_from.json` has the sha256 of each table of the data directory, and the state of the file of
each clip that could not be read; the dump's `utt2state` has those of the others.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fad.data import tables
from fad.data.digests import STATES, check_state, state_of
from fad.utils.errors import FadError
from fad.utils.files import is_file, sha256_file, write_json
from fad.utils.json_files import parse_json

DECODER = 2  # raise it when the same file is decoded to other samples than before
RECORD = "made_from.json"


def record(data: Path, out: Path, bad: Mapping[str, str]) -> None:
    """Writes the record of a finished dump.

    Args:
        data: the data directory.
        out: the dump.
        bad: the states of the files of bad clips, by utterance.
    """
    write_json(out / RECORD, {"decoder": DECODER, "tables": _tables(data), "bad": dict(bad)})


def has_this_decoder(out: Path) -> bool:
    """Whether this version of the decoder made the dump."""
    return _read(out).get("decoder") == DECODER


def why_stale(data: Path, out: Path, skip_bad: bool) -> str | None:
    """Why a dump is not what stage 2 would make of a data directory now; None if it is.

    It reads tables and asks for the state of each file; it decodes nothing.

    Args:
        data: the data directory.
        out: the dump.
        skip_bad: whether clips that cannot be read are left out; otherwise none may be bad.
    """
    found = _read(out)
    if not found or not (out / "wav.scp").is_file():
        return f"{out} is not complete"
    if found.get("decoder") != DECODER:
        return f"{out} was decoded by another version"
    now, then, bad = _tables(data), found.get("tables"), found.get("bad")
    if not isinstance(then, dict) or not isinstance(bad, dict):
        return f"{out / RECORD} is damaged"
    if changed := sorted(
        name for name in now.keys() | then.keys() if now.get(name) != then.get(name)
    ):
        return f"{data / changed[0]} has changed since {out} was made"
    if bad and not skip_bad:
        return f"{out} lacks clips that could not be read"
    return _changed_clip(data, out, bad)


def _changed_clip(data: Path, out: Path, bad: Mapping[str, Any]) -> str | None:
    sources = tables.read_together({data / "wav.scp": tables.check_no_pipe})
    columns = {out / "wav.scp": tables.check_no_pipe, out / STATES: check_state}
    try:
        kept = tables.read_together(columns)
        for utt, (path,) in sources:
            if utt in bad:
                made, state = path, bad[utt]
            else:
                same, (made, state) = next(kept, ("", ["", ""]))
                if same != utt:
                    return f"{out} has other clips than {data}"
            if state_of(path) != state:
                return f"{path} has changed since {out} was made"
            if not is_file(made) and utt not in bad:
                return f"{made} is missing"
    except FadError as error:
        return str(error)
    return None


def _tables(data: Path) -> dict[str, str]:
    """The sha256 of each table of a data directory, by name."""
    names = (*tables.REQUIRED, *tables.optional_tables(data), tables.ASV_SCORES)
    return {name: sha256_file(data / name) for name in names if (data / name).is_file()}


def _read(out: Path) -> dict[str, Any]:
    try:
        found = parse_json((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
