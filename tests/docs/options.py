"""Holds a command's options to the program that it calls, without running it."""

import argparse
import importlib
import importlib.util
import itertools
import re
import shlex
from collections.abc import Iterator
from functools import cache

from fad.config import shipped
from fad.config.resolve import load_config
from fad.utils.errors import FadError
from tests.docs.documents import ROOT

# Scripts whose options stand in the block of another, to which they hand them on.
FORWARDED = {"run.sh": "egs/TEMPLATE/fad.sh"}
SCRIPTS = {
    "fad.sh": "egs/TEMPLATE/fad.sh",
    "TEMPLATE/study.sh": "egs/TEMPLATE/study.sh",
    "demo.sh": "egs/mini/demo.sh",
    "tools/setup.sh": "tools/setup.sh",
    "tools/download_xlsr.sh": "tools/download_xlsr.sh",
    **FORWARDED,
}
# Python programs that are called by a path, by the file that has their parser.
PROGRAMS = {
    "utils/launch.py": "utils/launch.py",
    "run_local.py": "utils/run_local.py",
    "run_slurm.py": "utils/run_local.py",  # the same command line
    "tools/check_install.py": "tools/check_install.py",
    "tools/generate_docs.py": "tools/generate_docs.py",
    "local/pretrain.py": "egs/mini/local/pretrain.py",
}
# Where a path in a command may count from.
FOLDERS = (".", "egs", "utils")
_BLOCK = re.compile(r"^# Options$(.*?)^# End of options$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(python -m|python tools/|make|(\S*/)?\w+\.(sh|py)) ")
_OPTION = re.compile(r"^(--[a-z]\w*)(?:=(.*))?$", re.DOTALL)


def script_options(path: str) -> set[str]:
    """The options in a shell script's block."""
    text = (ROOT / path).read_text(encoding="utf-8")
    names = re.findall(r"^([a-z]\w*)=", _BLOCK.search(text)[1], re.MULTILINE)
    return {f"--{name}" for name in names} | {"--help"}


@cache
def module_options(name: str) -> set[str]:
    """The options of a module that runs: of its parser, or those that its source adds."""
    module = importlib.import_module(name)
    if hasattr(module, "get_parser"):
        parser: argparse.ArgumentParser = module.get_parser()
        return set(parser._option_string_actions)
    return source_options(f"{name.replace('.', '/')}.py")


def source_options(path: str) -> set[str]:
    """The options that a file adds to a parser, read without importing it."""
    source = (ROOT / path).read_text(encoding="utf-8")
    return set(re.findall(r'add_argument\(\s*"(--\w+)"', source)) | {"--help"}


@cache
def any_options() -> set[str]:
    """All options of all programs: for one that stands alone in a sentence."""
    entries = (ROOT / "fad/bin").glob("[a-z]*.py")
    found = [module_options(f"fad.bin.{path.stem}") for path in entries]
    found += [script_options(path) for path in SCRIPTS.values()]
    found += [source_options(path) for path in PROGRAMS.values()]
    found += [file_options(path) for path in data_programs()]
    return set().union(*found)


def file_options(path: str) -> set[str]:
    """The options of a shell script, or those that a Python file adds."""
    return script_options(path) if path.endswith(".sh") else source_options(path)


def data_programs() -> list[str]:
    """What makes the data of some recipe."""
    found = [
        path for name in ("data.sh", "prepare.py") for path in ROOT.glob(f"egs/*/local/{name}")
    ]
    return [path.relative_to(ROOT).as_posix() for path in found]


def make_targets() -> set[str]:
    """What `make` makes."""
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def program_of(words: list[str]) -> tuple[set[str] | None, list[str]]:
    """The options of the program that a command calls, and its words after the program.

    None stands for a program that is not of this repository.

    Raises:
        LookupError: it looks like one of this repository, and there is none.
    """
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words[:2] == ["python", "-m"]:
        if words[2] == "mkdocs":
            return None, words[3:]
        if importlib.util.find_spec(words[2]) is None:
            raise LookupError(f"no module {words[2]}")
        return module_options(words[2]), words[3:]
    if words[:1] == ["python"]:
        words = words[1:]
    name = re.sub(r"^(\.{1,2}/)+", "", words[0]) if words else ""
    if name in PROGRAMS:
        return source_options(PROGRAMS[name]), words[1:]
    if name in SCRIPTS:
        return script_options(SCRIPTS[name]), words[1:]
    if name.endswith((".sh", ".py")) and not any((ROOT / at / name).is_file() for at in FOLDERS):
        raise LookupError(f"no program {name}")
    return None, words[1:]


def options_in(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each `--name` with its value: what follows `=`, or the next word, or nothing."""
    for word, after in itertools.zip_longest(words, words[1:], fillvalue=""):
        found = _OPTION.match(word)
        if found:
            yield found[1], found[2] if found[2] is not None else after


def check_override(override: str, config: str) -> str | None:
    """What is wrong with a `--set`; for `config`, or where no config is known for any."""
    names = [config] if config else shipped.names()
    for name in names:
        try:
            load_config(name, [override])
            return None
        except FadError as error:
            reason = str(error)
    return reason


def check_values(options: list[tuple[str, str]]) -> list[str]:
    """What is wrong with values that only fad can know: configs, overrides, options handed on."""
    wrong = []
    config = next((value for name, value in options if name == "--config"), "")
    if not re.fullmatch(r"[a-z]\w*(\+[a-z]\w*)*", config):
        config = ""
    if config:
        try:
            load_config(config)
        except FadError as error:
            wrong.append(str(error))
            config = ""
    for name, value in options:
        if name == "--set" and "=" in value:
            wrong.append(check_override(value, config))
        if name == "--run_opts" and value:
            wrong += check_handed_on(value, [FORWARDED["run.sh"]])
        if name == "--data_opts" and value:
            wrong += check_handed_on(value, data_programs())
    return [text for text in wrong if text]


def check_handed_on(option: str, programs: list[str]) -> list[str]:
    """What is wrong with an option within an option."""
    known = set().union(*map(file_options, programs))
    name = option.partition("=")[0]
    return [] if name in known else [f"{name} is an option of none of {', '.join(programs)}"]


def check(text: str) -> list[str]:
    """What is wrong with a command; nothing where its program is not of this repository."""
    words = shlex.split(text, comments=True)
    if not words:
        return []
    if words[0] == "make":
        names = [word for word in words[1:] if "=" not in word]
        return [f"make has no target {name}" for name in names if name not in make_targets()]
    try:
        known, rest = program_of(words)
    except LookupError as error:
        return [str(error)]
    found = list(options_in(rest))
    if known is None:
        return []
    unknown = [f"{name} is no option of {words[0]}" for name, _ in found if name not in known]
    return unknown + check_values(found)


def check_span(text: str) -> list[str]:
    """What is wrong with code in a sentence: a command with its options, or options alone."""
    try:
        words = shlex.split(text)
    except ValueError:  # not shell
        return []
    if words and words[0].startswith("--"):
        found = list(options_in(words))
        unknown = [name for name, _ in found if name not in any_options()]
        return [f"{name} is no program's option" for name in unknown] + check_values(found)
    return check(text) if _COMMAND.match(text) else []
