"""A command as training is one: told to stop, it saves and ends with 143, and then goes on.

worker.py FOLDER [WORD ...]; words:
    saves    SIGTERM: saves, ends with 143; a start that finds what was saved ends well
    ignores  SIGTERM changes nothing
    child    has a child that traces the signals it gets
    once     a start over ends well
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CHILD = """
import os, signal, sys, time
def tell(number, frame):
    open(sys.argv[1], "a").write(f"child {signal.Signals(number).name}\\n")
signal.signal(signal.SIGTERM, tell)
open(sys.argv[1], "a").write("child starts\\n")
while os.getppid() == int(sys.argv[2]):
    time.sleep(0.05)
"""

folder, words = Path(sys.argv[1]), sys.argv[2:]
node = os.environ.get("SLURM_NODEID", "0")
restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
asked = False


def tell(text: str) -> None:
    """A line of the trace, by one write."""
    with open(folder / "trace", "a") as file:
        file.write(f"{node}.{restarts} {text}\n")


def stop(_number: int, _frame: object) -> None:
    """Notes that it came."""
    global asked
    if not asked:
        tell("SIGTERM")
    asked = True


if "saves" in words:
    signal.signal(signal.SIGTERM, stop)
if "ignores" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(f"starts {os.getpid()}")
if "child" in words:
    subprocess.Popen([sys.executable, "-c", CHILD, str(folder / "trace"), str(os.getpid())])
saved = folder / f"saved.{node}"
end = time.time() + 150
while not saved.exists() and not ("once" in words and restarts != "0"):
    if asked:
        time.sleep(0.5)
        saved.touch()
        tell("saved")
        sys.exit(143)
    if time.time() > end:
        sys.exit("nobody stopped this")
    time.sleep(0.05)
tell("done")
