"""The rooms of fad/: who may import whom, as a plan, and as the source has it.

    python -m tests.house              # rooms by floor, and what each imports
    python -m tests.house --markdown   # the table of CONTRIBUTING.md

A room is a folder of fad/; each folder of fad/evaluation is one. A room stands one floor above the
highest room that it may import, so that no import goes up and none goes round.
"""

import argparse
import ast
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

TORCH = {"torch", "numpy"}
AUDIO = {"torchaudio", "soundfile", "av", "kaldiio"}

# room -> (rooms that it may import besides utils, packages besides the standard library).
# `omegaconf` is what old fairseq files are made of: its containers are allowed by name.
PLAN: dict[str, tuple[set[str], set[str]]] = {
    "utils": (set(), {"torch", "tqdm"}),
    "config": (set(), {"yaml"}),
    "encoders": (set(), TORCH | {"safetensors", "fairseq", "omegaconf"}),
    "backends": (set(), {"torch"}),
    "losses": (set(), {"torch"}),
    "augment": ({"config"}, {"numpy"}),
    "evaluation.metrics": (set(), {"numpy", "scipy"}),
    "adaptation": ({"encoders"}, {"torch", "torchaudio", "loralib", "safetensors"}),
    "data": ({"encoders"}, TORCH | AUDIO),
    "evaluation.plots": ({"evaluation.metrics"}, {"numpy", "matplotlib"}),
    "evaluation.trials": ({"data"}, {"numpy"}),
    "experiment": ({"config", "data"}, {"numpy"}),
    "models": (
        {"config", "encoders", "adaptation", "backends", "losses", "experiment"},
        TORCH | {"safetensors"},
    ),
    "dump": ({"config", "data", "encoders", "models"}, TORCH | {"kaldiio", "soundfile"}),
    "evaluation.calibration": (
        {"data", "experiment", "evaluation.metrics", "evaluation.trials"},
        {"numpy", "scipy"},
    ),
    "inference": (
        {"data", "encoders", "adaptation", "models", "experiment"}
        | {"evaluation.metrics", "evaluation.calibration"},
        TORCH | {"tqdm"},
    ),
    "evaluation.results": (
        {"config", "data", "experiment", "evaluation.metrics", "evaluation.trials"}
        | {"evaluation.calibration", "evaluation.plots"},
        {"numpy", "jsonschema"},
    ),
    "evaluation.sasv": (
        {"data", "evaluation.metrics", "evaluation.trials", "evaluation.results"},
        {"numpy"},
    ),
    "evaluation.html": (
        {"config", "experiment", "evaluation.plots", "evaluation.results"},
        {"jinja2", "markupsafe"},
    ),
    "study": (
        {"config", "data", "experiment", "evaluation.metrics", "evaluation.plots"}
        | {"evaluation.results"},
        {"numpy", "matplotlib"},
    ),
    "train": (
        {"config", "data", "dump", "encoders", "adaptation", "augment", "models", "experiment"}
        | {"inference", "evaluation.metrics"},
        TORCH,
    ),
}
# Entry points may import anything, and nothing imports them.
ENTRY = "bin"


def room_of(module: str) -> str:
    """The room of a dotted name: `encoders` of `fad.encoders.xlsr`; `""` of `fad` itself."""
    _, first, second, *_ = [*module.split("."), "", ""]
    return f"{first}.{second}" if first == "evaluation" and second else first


def source_files() -> list[Path]:
    """All Python files of fad/."""
    return sorted((ROOT / "fad").rglob("*.py"))


def module_of(path: Path) -> str:
    """`fad.encoders.xlsr` of its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str) -> set[str]:
    """The dotted names that are imported anywhere in a text of Python.

    Raises:
        ValueError: an import is relative.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("a relative import")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def wrong_imports(room: str, names: set[str]) -> list[str]:
    """Those of the imported names that a room may not import."""
    rooms, packages = PLAN[room]
    allowed = rooms | {room, "utils", ""}
    return sorted(
        name
        for name in names
        if (
            room_of(name) not in allowed
            if name.split(".")[0] == "fad"
            else name.split(".")[0] not in packages | sys.stdlib_module_names
        )
    )


@functools.cache
def floor(room: str) -> int:
    """The floor of a room, 1 for `utils`; Python's own RecursionError where the plan goes round."""
    if room == "utils":
        return 1
    if room == ENTRY:
        return 1 + max(map(floor, PLAN))
    return 1 + max(map(floor, {"utils", *PLAN[room][0]}))


def arrows() -> dict[str, set[str]]:
    """The rooms that each room of the source imports."""
    found: dict[str, set[str]] = {}
    for path in source_files():
        module = module_of(path)
        names = imports(path.read_text(encoding="utf-8"))
        rooms = {room_of(name) for name in names if name.split(".")[0] == "fad"}
        found.setdefault(room_of(module), set()).update(rooms - {room_of(module), ""})
    return {room: rooms for room, rooms in found.items() if room not in ("", "evaluation")}


def purpose(room: str) -> str:
    """The first line of the room's docstring."""
    path = ROOT / "fad" / room.replace(".", "/") / "__init__.py"
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0].rstrip(".")


def markdown() -> str:
    """The plan as a table, floor by floor from the top."""
    lines = ["| floor | room of `fad/` | what lives there | may import, besides `utils` |"]
    lines.append("|---|---|---|---|")
    for room in sorted({ENTRY, *PLAN}, key=lambda name: (-floor(name), name)):
        rooms = "anything" if room == ENTRY else ", ".join(f"`{r}`" for r in sorted(PLAN[room][0]))
        path = room.replace(".", "/")
        lines.append(f"| {floor(room)} | `{path}/` | {purpose(room)} | {rooms or '-'} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the house."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--markdown", action="store_true", help="the table of CONTRIBUTING.md")
    if parser.parse_args(argv).markdown:
        print(markdown())
        return
    found = arrows()
    count = sum(len(rooms) for room, rooms in found.items() if room != ENTRY)
    floors = max(map(floor, [ENTRY]))
    print(f"{len(found)} rooms on {floors} floors, {count} imports between rooms besides bin's")
    for number in range(floors, 0, -1):
        print(f"floor {number}")
        for room in sorted(name for name in found if floor(name) == number):
            print(f"  {room:24} -> {' '.join(sorted(found[room] - {'utils'})) or '-'}")


if __name__ == "__main__":
    main()
