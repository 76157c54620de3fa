"""Opens a report in a headless Chromium and fails on everything that a reader would trip over.

    python -m tests.browser.open_report egs/mini/exp/report.html --screenshot report.png

It fails on: a console message of level warning or error, an exception, a request for anything but
the file itself and the images embedded in it, an image that does not show, a page wider than its
window (1280 and 390 pixels). --screenshot writes the whole page as seen at both widths. It needs
the extra `browser` of setup.py and Debian's package chromium.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {"desktop": 1280, "phone": 390}
HEIGHT = 900
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ONLY_THIS_MACHINE = "--host-resolver-rules=MAP * ~NOTFOUND"
BROKEN_IMAGES = """async () => {
    const images = Array.from(document.images);
    await Promise.all(images.map(image => image.decode().catch(() => 0)));
    return images.filter(image => !image.naturalWidth).map(image => image.alt);
}"""


@dataclass
class Seen:
    """What a browser saw of a page.

    Attributes:
        title: of the page.
        headings: texts of its h1 and h2.
        faults: everything that is wrong; empty if the page is in order.
    """

    title: str = ""
    headings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def find_browser() -> str:
    """Returns the path of an installed Chromium; none is ever downloaded.

    Raises:
        FileNotFoundError: there is none.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(
            f"none of {', '.join(BROWSERS)} is installed: apt-get install chromium"
        )
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium that reaches no other machine; it is closed afterwards."""
    with sync_playwright() as playwright:
        options = {"executable_path": find_browser(), "args": [ONLY_THIS_MACHINE]}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


def _listen(page: Page, url: str, faults: list[str]) -> None:
    """Adds what the console, the script engine and the network report to the faults."""

    def on_console(message) -> None:
        if message.type in ("error", "warning"):
            faults.append(f"console: {message.text}")

    def on_request(request) -> None:
        if request.url != url and not request.url.startswith("data:"):
            faults.append(f"request: {request.url[:200]}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("request", on_request)
    page.on("requestfailed", lambda request: faults.append(f"failed request: {request.failure}"))


def _look_at_width(browser: Browser, url: str, width: int, screenshot: Path | None) -> Seen:
    page = browser.new_page(viewport={"width": width, "height": HEIGHT})
    seen = Seen()
    _listen(page, url, seen.faults)
    page.goto(url)
    seen.faults += [f"image that does not show: {alt}" for alt in page.evaluate(BROKEN_IMAGES)]
    needed = page.evaluate("document.documentElement.scrollWidth")
    if needed > width:
        seen.faults.append(f"at {width} pixels the page is {needed} wide")
    seen.title, seen.headings = page.title(), page.locator("h1, h2").all_inner_texts()
    if screenshot:
        page.screenshot(path=screenshot, full_page=True)
    page.close()
    return seen


def look(file: Path, screenshot: Path | None = None) -> Seen:
    """Opens a page at every width of `WIDTHS`.

    Args:
        file: the report.
        screenshot: a PNG to write; `-phone` is added to the name of the narrow one.

    Returns:
        The title and the headings at the last width, and the faults at all widths.
    """
    url = file.resolve().as_uri()
    faults = []
    with open_browser() as browser:
        for name, width in WIDTHS.items():
            ending = "" if name == "desktop" else f"-{name}"
            path = screenshot and screenshot.with_stem(screenshot.stem + ending)
            seen = _look_at_width(browser, url, width, path)
            faults += seen.faults
    return Seen(seen.title, seen.headings, faults)


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
    """Prints the faults; the exit code is 1 if there are any."""
    args = get_parser().parse_args(argv)
    faults = look(args.file, args.screenshot).faults
    for fault in faults:
        print(f"{args.file}: {fault}")
    widths = ", ".join(map(str, WIDTHS.values()))
    print(f"{args.file}: {'NOT ' if faults else ''}in order at {widths}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
