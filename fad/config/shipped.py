"""The configs shipped with fad: the files of conf/, in a checkout or an installed package."""

import re
from pathlib import Path

from fad.config.plain_yaml import read_yaml
from fad.config.registry import MODEL
from fad.utils.errors import FadError, nearest

BASE = "base"
USUAL_METHOD = "lora"  # tables join each part to it


def conf_dir() -> Path:
    """The folder of YAML files: conf/ of a checkout, or its copy beside this file in a wheel."""
    packaged = Path(__file__).with_name("conf")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


def names() -> list[str]:
    """All names that `--config` takes and joins, in alphabetical order."""
    return sorted(path.stem for path in conf_dir().glob("*.yaml") if path.stem != BASE)


def methods() -> list[str]:
    """The names whose file chooses an adaptation."""
    return [name for name in names() if "adaptation" in read_yaml(find(name))]


def parts() -> list[str]:
    """The other names, such as back-ends, which are joined to a method."""
    return [name for name in names() if "adaptation" not in read_yaml(find(name))]


def listed() -> list[str]:
    """The rows of tables: each method, and each part joined to the usual method."""
    return sorted([*methods(), *(f"{USUAL_METHOD}+{part}" for part in parts())])


def counted() -> list[str]:
    """Those of `listed` that change the model, and so its parameters and its cost."""
    same = {part for part in parts() if not read_yaml(find(part)).keys() & set(MODEL)}
    return [name for name in listed() if name.rpartition("+")[2] not in same]


def find(name: str) -> Path:
    """The file of a name.

    Raises:
        FadError: there is no such file; the text has the nearest spelling.
    """
    path = conf_dir() / f"{name}.yaml"
    if name not in names() and name != BASE:
        raise FadError(f"no such config in conf/; {nearest(name, {*names(), *listed()})}")
    return path


def describe(name: str) -> str:
    """A config in one sentence, from the first lines of its files.

    Raises:
        FadError: there is no such file, or it does not begin with a comment.
    """
    first, *others = name.split("+")
    if not others:
        return _first_line(find(first))
    return "; ".join([f"As `{first}`", *(_first_line(find(part)) for part in others)])


def _first_line(path: Path) -> str:
    line = path.read_text(encoding="utf-8").partition("\n")[0]
    if not re.fullmatch(r"# \S.*\.", line):
        raise FadError(f"{path}: its first line must say what it is: '# One sentence.'")
    return line[2:-1]
