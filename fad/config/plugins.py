"""A user's own methods, back-ends, losses and encoders, from files named by `--plugin`.

A plugin is a Python file that registers what configs can then name:

    from fad.config.registry import register

    @register("backend", "my_pool")
    class MyPool(Backend): ...

Its code runs, so the command line and the environment variable FAD_PLUGINS (paths with `:` between
them) are the only ways to name one. A config or a model never brings a plugin with it: what
config.yaml records of plugins is compared and never loaded.
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
    """A file that was imported.

    Attributes:
        path: absolute.
        sha256: of the code that ran.
        names: what it has registered, as (slot, name).
    """

    path: Path
    sha256: str
    names: frozenset[tuple[str, str]]


_loaded: dict[str, Plugin] = {}  # by the name of the file


def load_plugin(path: str | Path) -> None:
    """Imports a plugin; the same file a second time is left as it is.

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
    """Runs the code as a module of its own: the bytes that were read, and no cache of them."""
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
    """Where in the plugin an error comes from; a SyntaxError says that itself."""
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
    """The plugins that a config names something of: sha256 by file name."""
    chosen = {
        (slot, name)
        for slot in SLOTS.keys() & config.keys()
        for name in (config[slot] if slot in CHAINS else [config[slot]])
    }
    return {name: each.sha256 for name, each in _loaded.items() if each.names & chosen}


class _LoadPlugin(argparse.Action):
    """Imports at once, so that what follows the options can name what the plugin has."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
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
