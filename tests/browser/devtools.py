"""A headless Chromium, driven over its DevTools protocol with the standard library alone."""

import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.websocket import WebSocket

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves this machine
]
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Page:
    """A tab: commands by `call`, and what happened meanwhile in `events`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer.

        Raises:
            RuntimeError: the browser refuses it.
        """
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.receive())
            if message.get("id") == number:
                break
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return message["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait_for(self, event: str) -> None:
        """Waits until an event of this name has come."""
        while not any(found.get("method") == event for found in self.events):
            self.events.append(json.loads(self._socket.receive()))


def find_browser() -> str:
    """The path of a Chromium.

    Raises:
        FileNotFoundError: there is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed")
    return found


@contextmanager
def open_browser(seconds: float = 60) -> Iterator[Page]:
    """A new browser with an empty profile and one empty tab; both are gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [find_browser(), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        browser = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            port = _port(Path(profile) / "DevToolsActivePort", seconds)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(tab for tab in json.load(answer) if tab["type"] == "page")
            socket = WebSocket(port, "/" + tab["webSocketDebuggerUrl"].split("/", 3)[3])
            yield Page(socket)
            socket.close()
        finally:
            browser.terminate()
            browser.wait()


def _port(file: Path, seconds: float) -> int:
    """The port that the browser writes down once it listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if file.is_file() and file.read_text().strip():
            return int(file.read_text().split()[0])
        time.sleep(0.05)
    raise TimeoutError("the browser does not start")
