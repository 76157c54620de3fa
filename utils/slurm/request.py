"""Reads the command line of run_slurm.py and conf/slurm.conf into a request to sbatch."""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs import log_for_job, parse_jobs

from slurm.conf import Conf, read_conf
from slurm.task import Spec

CONF = Path(__file__).resolve().parents[2] / "conf" / "slurm.conf"
OWN_OPTIONS = ("config", "max_jobs_run", "threads_per_gpu", "mem_per_gpu")
# The options that are numbers, with their smallest values.
LEAST = {"gpu": 0, "num_nodes": 1, "num_threads": 1, "max_jobs_run": 1, "max_requeues": 0}
LEAST |= {"grace": 0, "stop_before": 0, "threads_per_gpu": 1}


@dataclass(frozen=True)
class Request:
    """What to run, and how it is submitted."""

    name: str  # of the job; unique among submissions
    log: str  # as given, with JOB in it
    numbers: list[int]  # of the tasks; empty without JOB=
    spec: Spec
    sbatch: list[str]  # the command with the site's options and the user's
    max_jobs_run: str
    grace: float  # seconds

    @property
    def is_array(self) -> bool:
        """Whether JOB= was given."""
        return bool(self.numbers)

    @property
    def logs(self) -> dict[int, Path]:
        """The log of each task."""
        if not self.is_array:
            return {0: Path(self.log)}
        return {n: Path(log_for_job(self.log, n)) for n in self.numbers}

    @property
    def folder(self) -> Path:
        """The folder in which its tasks and run_slurm.py exchange files."""
        return (Path(self.log).parent / f".{self.name}.slurm").absolute()


def read_request(argv: Sequence[str]) -> Request:
    """Reads the command line.

    Raises:
        ValueError: For an error in it or in the configuration.
    """
    given, rest = split_options(argv)
    path = given.get("config") or os.environ.get("FAD_SLURM_CONF") or str(CONF)
    conf = read_conf(Path(path))
    for name in given:
        conf.check_name(name, OWN_OPTIONS)
    values = {**conf.defaults, **given}
    check_numbers(values)
    values |= of_all_gpus(values)
    numbers, log, command = parse_jobs(rest)
    check_log(log)
    env = {}
    if "num_threads" in values:
        env["OMP_NUM_THREADS"] = values["num_threads"]
    if given.get("gpu") == "0":
        env["CUDA_VISIBLE_DEVICES"] = ""
    return Request(
        name=make_name(log),
        log=log,
        numbers=numbers,
        spec=Spec(
            command=command,
            cwd=os.getcwd(),
            is_array=bool(numbers),
            num_nodes=int(values.get("num_nodes", 1)),
            env=env,
            max_requeues=int(values.get("max_requeues", 0)),
        ),
        sbatch=sbatch_words(conf, values),
        max_jobs_run=values.get("max_jobs_run", ""),
        grace=float(values.get("grace", 30)),
    )


def split_options(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Takes `--name value` and `--name=value` from the front; the last value of a name counts."""
    given: dict[str, str] = {}
    rest = list(argv)
    while rest and rest[0].startswith("--"):
        name, equals, value = rest.pop(0)[2:].partition("=")
        if not equals:
            if not rest:
                raise ValueError(f"--{name}: the value is missing")
            value = rest.pop(0)
        given[name] = value
    return given, rest


def check_numbers(values: dict[str, str]) -> None:
    """Raises ValueError for a value that is not a number or too small."""
    for name, least in LEAST.items():
        value = values.get(name, str(least))
        if not re.fullmatch(r"\d{1,9}", value) or int(value) < least:
            raise ValueError(f"--{name} {value}: give a whole number from {least} up")


def of_all_gpus(values: dict[str, str]) -> dict[str, str]:
    """The threads and the memory of a node, from those of each of its GPUs.

    Slurm's own options for this differ in what they can stand beside, and its steps lose them.
    """
    gpus, found = int(values.get("gpu", 0)), {}
    if gpus and "threads_per_gpu" in values:
        found["num_threads"] = str(gpus * int(values["threads_per_gpu"]))
    if gpus and "mem_per_gpu" in values:
        memory = re.fullmatch(r"(\d{1,9})([KMGT]?)", values["mem_per_gpu"])
        if memory is None:
            raise ValueError(f"--mem_per_gpu {values['mem_per_gpu']}: give a size such as 32G")
        found["mem"] = f"{gpus * int(memory[1])}{memory[2]}"
    return found


def check_log(log: str) -> None:
    """Raises ValueError for a name that sbatch would misread."""
    if "\\" in log or "\n" in log:
        raise ValueError(f"log {log!r}: no backslash or newline in its name")


def sbatch_words(conf: Conf, values: dict[str, str]) -> list[str]:
    """The command of the configuration with the words of the options."""
    return conf.words({name: value for name, value in values.items() if name not in OWN_OPTIONS})


def make_name(log: str) -> str:
    """A unique name for the job that people recognise."""
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", Path(log_for_job(log, "")).stem).strip("_")[:30]
    return f"{stem or 'job'}-{secrets.token_hex(5)}"
