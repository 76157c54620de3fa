"""The report in a real browser; skipped where playwright or Chromium is missing."""

import pytest

from fad.bin.report import main as write_report
from tests.helpers.reports import scored_trials, write_experiment

pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[browser]'")
from tests.browser.open_report import find_browser, look, main

try:
    find_browser()
except FileNotFoundError as error:
    pytest.skip(str(error), allow_module_level=True)

HEADINGS = ["Summary", "DET curves", "By attack and other properties", "Trials and phases",
            "Costs and calibration", "Scores", "Hardest trials", "How to read this page",
            "Provenance"]  # fmt: skip
SCRIPT = "<script>document.title = 'hacked'; fetch('http://example.org/')</script>"


def test_a_report_opens_without_errors_and_without_requests(tmp_path):
    exp = tmp_path / "mini" / "exp"
    for tag, trainable in (("lora", 50), ("full", 900)):
        sets = {name: scored_trials(attacks=("A01", SCRIPT)) for name in ("eval", "wild" * 20)}
        write_experiment(exp, tag, sets, trainable=trainable)
    out, png = tmp_path / "report.html", tmp_path / "report.png"
    write_report([str(exp), "--out", str(out), "--title", SCRIPT])
    seen = look(out, png)
    assert seen.faults == []
    assert seen.title == SCRIPT
    assert seen.headings == [SCRIPT, *HEADINGS]
    assert png.stat().st_size > 50_000 and (tmp_path / "report-phone.png").stat().st_size > 50_000


FAULTS = {
    "console: broken": "<script>console.error('broken')</script>",
    "exception: broken": "<script>throw new Error('broken')</script>",
    "request: http://example.org/a.css": "<link rel=stylesheet href=http://example.org/a.css>",
    "failed request: net::ERR_NAME_NOT_RESOLVED": "<img src=http://example.org/a.png>",
    "image that does not show: a plot": "<img alt='a plot' src='data:image/svg+xml,nothing'>",
    "at 390 pixels the page is 1000 wide": "<div style='width: 1000px'>wide</div>",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(tmp_path, capsys, fault):
    path = tmp_path / "report.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><body style='margin:0'>{FAULTS[fault]}")
    assert main([str(path)]) == 1
    assert f"{path}: {fault}" in capsys.readouterr().out
