"""Asks Slurm about jobs through its programs; a missing answer is an error, not an answer."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

ASK_SECONDS = 60  # for one answer
RUNNING = {"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"}
QUEUED = {"PENDING", "CONFIGURING", "COMPLETING", "REQUEUED", "RESIZING"}
LIVE = RUNNING | QUEUED | {"REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}


# Messages of Slurm's programs when they do not know whether a request was carried out.
IN_DOUBT = re.compile(
    r"no answer|timed out|timeout|unable to contact|connection|temporar|zero bytes|try again",
    re.IGNORECASE,
)


class Busy(Exception):
    """The controller, or the program that asks it, gave no answer or an error."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether another attempt may succeed."""
        return IN_DOUBT.search(str(self)) is not None


@dataclass(frozen=True)
class State:
    """A job in `scontrol show job`."""

    name: str  # such as RUNNING
    reason: str
    exit_code: str  # code:signal
    restarts: int
    is_preempted: bool  # it has to leave soon


@dataclass(frozen=True)
class Row:
    """A task in the queue."""

    job: str  # of the whole array
    number: int  # 0 if it is not an array
    state: str
    reason: str


def ask(*command: str, env: Mapping[str, str] | None = None) -> str:
    """Runs a program of Slurm; returns its standard output.

    Raises:
        Busy: If it fails or takes too long, with the end of its error output.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            env=env,
            # Ctrl-C must reach only the program that asks.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Busy(f"{command[0]}: no answer in {ASK_SECONDS} s") from None
    except OSError as error:
        raise Busy(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Busy(f"{command[0]}: " + " / ".join(lines[-3:]))
    return done.stdout


def find_rows(name: str) -> list[Row]:
    """This user's tasks with that job name in the queue.

    It asks by name. By number, a job that has left the queue would be an error, as a controller
    that does not answer.
    """
    text = ask(
        *("squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--name={name}"),
        "--format=%F|%K|%T|%r",
    )
    rows = []
    for line in text.splitlines():
        job, number, state, reason = line.split("|", 3)
        rows.append(Row(job, int(number) if number.isdigit() else 0, state, reason))
    return rows


def cancel(name: str, *options: str) -> None:
    """Cancels all of this user's jobs with that name."""
    ask("scancel", "--quiet", f"--user={os.getuid()}", f"--name={name}", *options)


def find_state(job: str) -> State | None:
    """The state of a job or of an array's task (12_3); None if the controller does not know it."""
    try:
        text = ask("scontrol", "--oneliner", "show", "job", job)
    except Busy as error:
        if "Invalid job id" in str(error):
            return None
        raise
    # File names follow Command=.
    found = dict(re.findall(r"(?:^| )(\w+)=(\S*)", text.split(" Command=")[0]))
    return State(
        name=found["JobState"],
        reason=found.get("Reason", "None"),
        exit_code=found.get("ExitCode", ""),
        restarts=int(found.get("Restarts", 0)),
        is_preempted=found.get("PreemptTime", "None") not in ("None", "Unknown"),
    )


def find_fate(job: str) -> str:
    """How a job ended, in Slurm's words; empty if it has not ended."""
    state = find_state(job)
    if state is not None:
        if state.name in LIVE:
            return ""
        reason = "" if state.reason == "None" else f", {state.reason}"
        return f"{state.name} (exit code {state.exit_code}{reason})"
    try:
        text = ask(
            *("sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={job}"),
            "--format=State,ExitCode",
        )
    except Busy:  # there is no accounting
        text = ""
    lines = text.splitlines()
    return " (exit code ".join(lines[-1].split("|")) + ")" if lines else "unknown to Slurm by now"


def max_array_index() -> int | None:
    """The largest number of a task of an array; None if unknown."""
    try:
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", ask("scontrol", "show", "config"), re.M)
    except Busy:
        return None
    return int(found[1]) - 1 if found else None
