"""Tables that repeat the code are as the generator writes them; the front page is short."""

import pytest

from tests.docs.documents import ROOT
from tools import generate_docs

MAX_BYTES = 8192


def test_the_front_page_fits_on_one_screen():
    assert len((ROOT / "README.md").read_bytes()) <= MAX_BYTES


def test_generated_tables_are_up_to_date():
    changed = generate_docs.outdated(ROOT)
    assert list(changed) == [], "run: python tools/generate_docs.py"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("README.md", "| `lora` |", "| `lorra` |"),
        ("docs/methods.md", "1,576,986", "1,576,987"),
        ("egs/TEMPLATE/fad.sh", " lora,", ""),
    ],
)
def test_a_table_that_was_edited_would_be_seen(name, old, new):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert generate_docs.targets(ROOT)[name](text.replace(old, new)) == text


def test_check_says_which_and_changes_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "README.md").write_text("old")
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    monkeypatch.setattr(generate_docs, "outdated", lambda root: {"README.md": "new"})
    assert generate_docs.main(["--check"]) == 1
    assert capsys.readouterr().out == "README.md: out of date\n"
    assert (tmp_path / "README.md").read_text() == "old"
    assert generate_docs.main([]) == 0
    assert (tmp_path / "README.md").read_text() == "new"


def test_a_region_that_is_missing_is_an_error():
    with pytest.raises(ValueError, match="one '<!-- recipes: begin -->' and one"):
        generate_docs.fill("no region", "recipes", "a table")


@pytest.mark.parametrize("names", [["a"], [f"method_{number}" for number in range(20)]])
def test_the_comment_of_the_stage_script_keeps_its_words(names):
    text = "x=1\nconfig=lora       # a method (frozen,\n                  # lora) or a file\ny=2\n"
    filled = generate_docs.list_configs(text, names)
    comment = " ".join(line.partition("# ")[2] for line in filled.splitlines()[1:-1])
    assert comment == f"a method ({', '.join(names)}) or a file"
    assert filled.startswith("x=1\nconfig=lora       # ") and filled.endswith("\ny=2\n")
    assert max(map(len, filled.splitlines())) <= 100
