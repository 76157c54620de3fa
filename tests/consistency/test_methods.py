"""What the texts say of the methods of conf/: all of them, with their numbers."""

import re
from pathlib import Path

from fad.config import shipped
from fad.models.parameters import count_methods, read_shape

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"\| `([\w+]+)` \|.*\| ([\d,]+) \| ([\d,]+) \|")


def test_the_readme_has_every_method_with_its_numbers():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("## Methods\n")[1].split("\n## ")[0]
    written = {name: numbers for name, *numbers in _ROW.findall(table)}
    counted = count_methods(read_shape(None), [])
    assert written == {
        name: [f"{found.parameters['trainable']:,}", f"{found.parameters['ratio']:,.0f}"]
        for name, found in counted.items()
    }


def test_the_stage_script_lists_every_method():
    text = (ROOT / "egs/TEMPLATE/fad.sh").read_text(encoding="utf-8")
    listed = re.search(r"^config=\w+ +# a method of conf/ \(([^)]*)\)", text, re.MULTILINE)[1]
    assert set(re.findall(r"\w+", listed)) == set(shipped.names())
