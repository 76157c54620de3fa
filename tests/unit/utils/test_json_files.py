"""JSON of strangers: what is read can be walked, printed and written again."""

import json
import re
from pathlib import Path

import pytest

import fad
from fad.utils import json_files
from fad.utils.errors import FadError
from fad.utils.json_files import parse_json, read_json

ODD = [
    ("", "Expecting value"),
    ("NaN", "NaN is not a number"),
    ("[-Infinity]", "-Infinity is not a number"),
    ("1e400", "the number 1e400 is too large"),
    ("-1e101", "the number -1e101 is too large"),
    ("9" * 5000, "the number 9999999999999999999999999999999999999999 is too large"),
    ("[" * 100_000, "nested too deep"),
    ("[" * 101 + "]" * 101, "nested too deep"),
    ('{"a":' * 101 + "1" + "}" * 101, "nested too deep"),
    (r'{"\ud800": 1}', "surrogates not allowed"),
]


@pytest.mark.parametrize(("text", "says"), ODD, ids=range(len(ODD)))
def test_what_cannot_be_handled_further_on_is_refused(text, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        parse_json(text)
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(FadError, match=rf"odd.json: is no JSON \(.*{says}.*\): make it again"):
        read_json(tmp_path / "odd.json", "make it again")


@pytest.mark.parametrize(
    "value", [{"a": [1, -2.5, None, True, "é\x1b"]}, 10**60, json.loads("[" * 99 + "]" * 99)]
)
def test_plain_json_is_read_as_it_is(value, tmp_path):
    assert parse_json(json.dumps(value)) == value
    (tmp_path / "plain.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "plain.json", "") == value


def test_files_that_cannot_be_read_are_named_with_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(FadError, match=r"none.json: cannot be read \(No such file.*\): make it"):
        read_json(tmp_path / "none.json", "make it")
    with pytest.raises(FadError, match="Is a directory"):
        read_json(tmp_path, "make it")
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    with pytest.raises(FadError, match=r"latin.json: is no JSON \('utf-8'"):
        read_json(tmp_path / "latin.json", "make it")
    (tmp_path / "long.json").write_text("[1, 2, 3]")
    monkeypatch.setattr(json_files, "_LONGEST", 8)
    with pytest.raises(FadError, match="9 bytes are too many"):
        read_json(tmp_path / "long.json", "make it")


def test_all_other_code_reads_json_by_this_module():
    """A calibration is read by stricter rules of its own."""
    own = {"utils/json_files.py", "evaluation/calibration/model.py"}
    top = Path(fad.__file__).parent
    reads = re.compile(r"\bjson\.loads?\(")
    found = {
        str(path.relative_to(top)) for path in top.rglob("*.py") if reads.search(path.read_text())
    }
    assert found == own
