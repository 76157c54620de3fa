"""results.json of the bench: each program writes its own parts and leaves the others'."""

import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from fad.utils.files import write_json
from fad.utils.git import git_hash

RESULTS = Path(__file__).with_name("results.json")
LIBRARIES = ("torch", "transformers", "peft", "fairseq-fixed", "loralib", "numpy")


def read(path: Path) -> dict[str, Any]:
    """What was written before, or nothing."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def merge(path: Path, parts: dict[str, Any]) -> dict[str, Any]:
    """Writes these parts into the file in the place of older ones, and returns the whole."""
    whole = read(path) | parts
    write_json(path, whole)
    return whole


def machine() -> dict[str, Any]:
    """What the numbers are of: the machine, the libraries, the day and the commit."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_mib": memory_mib("MemTotal"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": git_hash(),
    }


def cpu_model() -> str:
    """As the kernel names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory_mib(key: str) -> int:
    """A line of /proc/meminfo: `MemTotal`, or `MemAvailable` without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) // 1024
    raise KeyError(key)


def version(name: str) -> str | None:
    """Of an installed distribution."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
