"""Reads JSON files of experiments, which may be a stranger's: each must be what its schema says."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from fad.utils.errors import FadError
from fad.utils.json_files import parse_json, read_json

AGAIN = "run stage 5 again"
SCHEMA = "schema.json"  # of results.json
_NEWER = {"additionalProperties", "unevaluatedProperties"}  # a later version may write more


def read_checked(path: Path, schema: str, version: str) -> dict[str, Any]:
    """A JSON file that its schema allows; keys that the schema does not know are left in.

    Args:
        path: the file.
        schema: file name of its schema, here.
        version: the key of the version that the schema is for.

    Raises:
        FadError: it is no JSON, of another version, or not what the schema says.
    """
    found = read_json(path, AGAIN)
    wanted = _validator(schema).schema["properties"][version]["const"]
    given = found.get(version) if isinstance(found, dict) else None
    if given != wanted:
        shown = str(given)[:20]
        raise FadError(f"{path}: {version} {shown}, not {wanted}: {AGAIN}")
    check(found, path, schema, AGAIN)
    return found


def check(found: Any, path: Path, schema: str, remedy: str) -> None:
    """Checks a value against a schema.

    Raises:
        FadError: it is not what the schema says; the text names `path` and ends in `remedy`.
    """
    for fault in _validator(schema).iter_errors(found):
        if fault.validator not in _NEWER:
            where = "/".join(map(str, fault.absolute_path))[:200] or "the file"
            raise FadError(f"{path}: {where}: {fault.message[:200]}: {remedy}")


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator  # takes longer to import than the rest of this file

    text = (resources.files("fad.evaluation.results") / schema).read_text(encoding="utf-8")
    return Draft202012Validator(parse_json(text))
