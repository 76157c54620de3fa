"""A user's own methods, back-ends, losses and encoders, from files named by `--plugin`.

A plugin is a Python file that registers names for configs:

    from fad.config.registry import register

    @register("backend", "my_pool")
    class MyPool(Backend): ...

Its code runs. So only the command line and the environment variable FAD_PLUGINS (paths with `:`
between them) can name one. A config or a model never loads a plugin: the plugins in config.yaml are
only compared.
"""

import argparse
import hashlib
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from fad.config.registry import CHAINS, SLOTS
from fad.utils.errors import FadError

ENVIRONMENT = "FAD_PLUGINS"


@dataclass(frozen=True)
class Plugin:
    """A plugin that was imported.

    Attributes:
        path: its absolute path.
        sha256: the sha256 of the code that ran.
        names: the registered names, as (slot, name).
    """

    path: Path
    sha256: str
    names: frozenset[tuple[str, str]]


_loaded: dict[str, Plugin] = {}  # by the name of the file


def load_plugin(path: str | Path) -> None:
    """Imports a plugin; a second import of the same file does nothing.

    Raises:
        FadError: the file cannot be read, its code fails, a name is taken, or another plugin has
            the same file name.
    """
    path = Path(path).absolute()
    known = _loaded.get(path.name)
    if known is not None and known.path == path:
        return
    if known is not None:
        raise FadError(f"--plugin {path}: {known.path} has the same name: rename one of them")
    try:
        code = path.read_bytes()
    except OSError as error:
        raise FadError(f"--plugin {path}: cannot be read: {error.strerror}") from None
    before = {slot: dict(table) for slot, table in SLOTS.items()}
    try:
        _run(path, code)
    except BaseException:
        for slot, table in before.items():
            SLOTS[slot].clear()
            SLOTS[slot].update(table)
        raise
    names = {(slot, name) for slot in SLOTS for name in SLOTS[slot].keys() - before[slot].keys()}
    _loaded[path.name] = Plugin(path, hashlib.sha256(code).hexdigest(), frozenset(names))


def _run(path: Path, code: bytes) -> None:
    """Runs the bytes that were read as a module of its own, without a cache of bytecode."""
    module = ModuleType(f"fad_plugin_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(code, path, "exec"), module.__dict__)
    except FadError as error:
        raise FadError(f"--plugin {path}: {error}") from None
    except (Exception, SystemExit) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise FadError(f"--plugin {path}: {_line(error, path)}{what}: correct it") from error


def _line(error: BaseException, path: Path) -> str:
    """The line of the plugin that raised an error; empty for a SyntaxError, which has its own."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"line {lines[-1]}: " if lines else ""


def load_environment() -> None:
    """Imports the plugins of FAD_PLUGINS.

    Raises:
        FadError: as `load_plugin`.
    """
    for path in os.environ.get(ENVIRONMENT, "").split(os.pathsep):
        if path:
            load_plugin(path)


def plugins_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The plugins that a config uses: sha256 by file name."""
    chosen = {
        (slot, name)
        for slot in SLOTS.keys() & config.keys()
        for name in (config[slot] if slot in CHAINS else [config[slot]])
    }
    return {name: each.sha256 for name, each in _loaded.items() if each.names & chosen}


class _LoadPlugin(argparse.Action):
    """Imports the plugin at once, so that later options can name what it registers."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        load_plugin(values)


def add_plugin_option(parser: argparse.ArgumentParser) -> None:
    """Adds --plugin."""
    parser.add_argument(
        "--plugin",
        action=_LoadPlugin,
        default=argparse.SUPPRESS,
        metavar="FILE.py",
        help="your own file that registers methods, back-ends, losses or encoders; it is run; may "
        f"be repeated ({ENVIRONMENT} does the same)",
    )
