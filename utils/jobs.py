"""Shared by run_local.py and run_slurm.py: JOB, the format of a log, and the report of failures."""

import re
import shlex
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

TAIL_LINES = 20
TAILS_SHOWN = 3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def parse_jobs(rest: Sequence[str]) -> tuple[list[int], str, list[str]]:
    """Splits `[JOB=1:N] LOG COMMAND...` into numbers (none without JOB=), log and command.

    Raises:
        ValueError: If a part is missing, or several jobs would write the same log.
    """
    numbers: list[int] = []
    rest = list(rest)
    if rest and rest[0].startswith("JOB="):
        match = re.fullmatch(r"JOB=(\d+):(\d+)", rest.pop(0))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("JOB= takes a range from 1 up, such as JOB=1:8")
        numbers = list(range(int(match[1]), int(match[2]) + 1))
    if len(rest) < 2:
        raise ValueError("a log file and a command are needed")
    if len(numbers) > 1 and log_for_job(rest[0], 1) == rest[0]:
        raise ValueError(f"log '{rest[0]}' would be shared by all jobs; put JOB in its name")
    return numbers, rest[0], rest[1:]


def log_for_job(log: str, number: int | str) -> str:
    """Replaces each JOB that is a word of its own in the log's name, not in its folders."""
    folder, slash, name = log.rpartition("/")
    # A function, since re.sub would read a text as a template.
    name = re.sub(r"(?<![A-Za-z0-9])JOB(?![A-Za-z0-9])", lambda _: str(number), name)
    return folder + slash + name


def command_for_job(command: Sequence[str], number: int | str) -> list[str]:
    """Replaces each argument that is JOB; one that only holds it, such as a tag, is left."""
    return [str(number) if word == "JOB" else word for word in command]


def log_head(command: Sequence[str], started: float) -> str:
    """The first lines of a log."""
    text = f"command: {shlex.join(command)}\nhost: {socket.gethostname()}\n"
    text += f"started: {clock(started)}"
    return "# " + text.replace("\n", "\n# ") + "\n"


def log_foot(code: int, started: float, ended: float) -> str:
    """The last lines of a log; a negative code means a signal."""
    reason = f" (signal {signal.Signals(-code).name})" if code < 0 else ""
    text = f"# ended: {clock(ended)}, after {ended - started:.0f} s\n"
    return text + f"# exit code: {code}{reason}\n"


def clock(seconds: float) -> str:
    """A time in the format of logs."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def show_failures(program: str, logs: Sequence[Path], total: int) -> None:
    """Prints the end of the first few failing logs, and the paths of all."""
    print(f"{program}: error: {len(logs)} of {total} jobs failed", file=sys.stderr)
    for log in logs[:TAILS_SHOWN]:
        print(f"==> {log} <==", file=sys.stderr)
        lines = _read(log).split("\n")
        # Only the last state of a progress bar.
        print("\n".join(line.rsplit("\r", 1)[-1] for line in lines[-TAIL_LINES:]), file=sys.stderr)
    for log in logs[TAILS_SHOWN:]:
        print(f"also failed: {log}", file=sys.stderr)


def _read(log: Path) -> str:
    try:
        return log.read_bytes().decode(errors="replace")
    except OSError as error:
        return f"(no log: {error.strerror})"
