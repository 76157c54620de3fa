"""conf/slurm.conf: the options of run_slurm.py, and their words for sbatch.

Lines are as in Kaldi: `command WORDS`, `option NAME=VALUE WORDS`, `default NAME=VALUE`. Words are
split as in a shell, with quotes, but nothing is expanded.
"""

import difflib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ANY = "*"  # a line with this value applies to all values; $0 in its words stands for the value


@dataclass
class Conf:
    """The content of a file: `options[name][value or ANY]` are words, which may contain `$0`."""

    path: Path
    command: list[str] = field(default_factory=list)
    options: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def check_name(self, name: str, others: Iterable[str] = ()) -> None:
        """Raises ValueError with the nearest spelling for an unknown option."""
        known = sorted({*self.options, *others})
        if name in known:
            return
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean --{near[0]}?" if near else f"{self.path} has {', '.join(known)}"
        raise ValueError(f"unknown option --{name}; {hint}")

    def words(self, values: dict[str, str]) -> list[str]:
        """The command and the words of each value, in the order of the options' first lines."""
        found = list(self.command)
        for name in self.options:
            if name in values:
                found += self._words_of(name, values[name])
        return found

    def _words_of(self, name: str, value: str) -> list[str]:
        lines = self.options[name]
        if value not in lines and ANY not in lines:
            raise ValueError(f"--{name} {value}: {self.path} knows {', '.join(sorted(lines))}")
        return [word.replace("$0", value) for word in lines.get(value, lines.get(ANY, []))]


def read_conf(path: Path) -> Conf:
    """Reads a file.

    Raises:
        ValueError: For a bad line, with file and line number.
    """
    conf = Conf(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}: give --config or FAD_SLURM_CONF") from None
    for number, line in enumerate(lines, start=1):
        try:
            _read_line(conf, shlex.split(line, comments=True))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    if not conf.command:
        raise ValueError(f"{path}: no line 'command sbatch'")
    for name, value in conf.defaults.items():
        if name not in conf.options:
            raise ValueError(f"{path}: default {name}={value}: there is no line 'option {name}=*'")
    return conf


def _read_line(conf: Conf, words: list[str]) -> None:
    if not words:
        return
    kind, *rest = words
    if kind not in ("command", "option", "default"):
        raise ValueError(f"'{kind}': a line starts with command, option or default")
    if not rest:
        raise ValueError(f"nothing behind '{kind}'")
    if kind == "command":
        conf.command = rest
        return
    name, equals, value = rest[0].partition("=")
    if not name or not equals:
        raise ValueError(f"'{kind} {rest[0]}': write {kind} NAME=VALUE")
    if kind == "option":
        conf.options.setdefault(name, {})[value] = rest[1:]
    elif len(rest) == 1:
        conf.defaults[name] = value
    else:
        raise ValueError(f"default {name}={value}: '{rest[1]}' is too much")
