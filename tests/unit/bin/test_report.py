import subprocess
import sys

import pytest

from fad.bin.report import main
from fad.utils.errors import FadError
from tests.helpers.reports import scored_trials, write_experiment


@pytest.fixture
def exp(tmp_path):
    write_experiment(tmp_path / "mini" / "exp", "lora", {"eval": scored_trials()})
    return tmp_path / "mini" / "exp"


@pytest.mark.parametrize(
    ("place", "options", "title"),
    [
        ("", [], "Results of mini"),
        ("lora", [], "Results of mini/lora"),
        ("", ["--title", "A & B"], "A &amp; B"),
    ],
)
def test_a_page_is_written_with_its_title(exp, tmp_path, place, options, title):
    out = tmp_path / "new" / "report.html"
    main([str(exp / place), "--out", str(out), *options])
    assert f"<h1>{title}</h1>" in out.read_text(encoding="utf-8")
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_where_there_is_nothing_no_page_is_written(tmp_path):
    out = tmp_path / "report.html"
    with pytest.raises(FadError, match="run stage 5"):
        main([str(tmp_path), "--out", str(out)])
    assert not out.exists()


def test_it_draws_without_torch_and_without_a_display(exp, tmp_path):
    code = f"""
import sys
from fad.bin.report import main
main([{str(exp)!r}, "--out", {str(tmp_path / "r.html")!r}])
assert "torch" not in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
