"""Opens a report in a headless Chromium and fails on anything that a reader would stumble over.

    python -m tests.browser.open_report egs/mini/exp/report.html --screenshot report.png

Run by hand. It fails on: a console message of level warning or error, an exception, a request for
anything but the file itself and what is embedded in it, an image that does not show, a page wider
than its window (1280 and 390 pixels). With --screenshot the whole page is written as seen on both.
"""

import argparse
import base64
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.browser.devtools import Page, open_browser

WIDTHS = {"desktop": 1280, "phone": 390}
BROKEN_IMAGES = """Array.from(document.images).filter(
    image => !(image.complete && image.naturalWidth > 0)).map(image => image.alt)"""
LOADED = "Promise.all(Array.from(document.images).map(image => image.decode().catch(() => 0)))"


def _bad_events(page: Page, url: str) -> list[str]:
    """What the console, the script engine and the network say against the page."""
    found = []
    for event in page.events:
        kind, params = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            found.append(f"exception: {params['exceptionDetails']['text']}")
        if kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            found.append(f"console: {params['args']}")
        if kind == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            found.append(f"log: {params['entry']['text']}")
        if kind == "Network.requestWillBeSent":
            asked = params["request"]["url"]
            if asked != url and not asked.startswith("data:"):
                found.append(f"request: {asked[:200]}")
        if kind == "Network.loadingFailed":
            found.append(f"failed request: {params.get('errorText')} {params.get('blockedReason')}")
    return found


def _set_width(page: Page, width: int) -> None:
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 600,
    )


def _too_wide(page: Page, width: int) -> list[str]:
    found = page.evaluate("document.documentElement.scrollWidth")
    return [f"at {width} pixels the page is {found} wide"] if found > width else []


def _screenshot(page: Page, path: Path) -> None:
    shot = page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    path.write_bytes(base64.b64decode(shot["data"]))


def look(file: Path, screenshot: Path | None = None) -> list[str]:
    """Everything that is wrong with the page; empty where it is as it should be.

    Args:
        file: the report.
        screenshot: a PNG to write; `-phone` is added to the name of the narrow one.
    """
    url = file.resolve().as_uri()
    with open_browser() as page:
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        found = []
        for name, width in WIDTHS.items():
            _set_width(page, width)
            page.call("Page.navigate", url=url)
            page.wait_for("Page.loadEventFired")
            page.evaluate(LOADED)
            found += [f"image that does not show: {alt}" for alt in page.evaluate(BROKEN_IMAGES)]
            found += _too_wide(page, width)
            found += _bad_events(page, url)
            page.events.clear()
            if screenshot:
                ending = "" if name == "desktop" else f"-{name}"
                _screenshot(page, screenshot.with_stem(screenshot.stem + ending))
        return found


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.open_report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="report.html")
    parser.add_argument(
        "--screenshot", type=Path, metavar="PNG", help="where to write what is seen"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what is wrong; the exit code is 1 where something is."""
    args = get_parser().parse_args(argv)
    found = look(args.file, args.screenshot)
    for line in found:
        print(f"{args.file}: {line}")
    print(
        f"{args.file}: {'NOT ' if found else ''}in order at {', '.join(map(str, WIDTHS.values()))}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
