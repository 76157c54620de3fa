"""Resolves a config: conf/base.yaml, then the files of `--config`, then the values of `--set`."""

import contextlib
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fad.config import shipped
from fad.config.plain_yaml import NOT_PLAIN, dotted_values, parse_yaml, read_yaml
from fad.config.plugins import load_environment
from fad.config.registry import CHAINS, SLOTS, check_keys, chosen
from fad.config.train import NULLABLE
from fad.utils.errors import FadError, nearest

# Keys of config.yaml, besides `pretrained`, that are not settings: the sha256 of the inputs.
NOT_SETTINGS = ("data", "files", "plugins")
_NULLABLE = {f"train.{name}" for name in NULLABLE}
_YAML_FILE = re.compile(r"\.ya?ml$")


def load_config(name: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Resolves a config.

    Args:
        name: a method of conf/ (`lora`), the path of a YAML file (`my/lora.yaml`), or several of
            both joined by + (`lora+aasist`). No two may set a key to different values.
        overrides: `key=value` with dots for depth (`adaptation_conf.rank=8`), values in YAML.

    Returns:
        Every key of base.yaml, with the `*_conf` of the chosen names, checked.

    Raises:
        FadError: a missing file, files in conflict, an unknown key, or a value of another type.
    """
    load_environment()
    config = merge_config(name, overrides)
    try:
        for slot, chosen_name, conf in chosen(config):
            check_keys(slot, chosen_name, conf)
    except FadError as error:
        raise FadError(f"--config {name}: {error}") from None
    return config


def merge_config(name: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """As `load_config`, but without checking the constructors, so nothing heavy is imported.

    Raises:
        FadError: a missing file, files in conflict, an unknown key of base.yaml, or a value of
            another type.
    """
    config = read_yaml(shipped.find(shipped.BASE))
    _put(config, _join(name, config))
    for override in overrides or []:
        _put(config, _checked(config, _parse_override(override), f"--set {override}"))
    return config


def config_name(name: str) -> str:
    """The name of a config and its experiment: `my/lora.yaml+aasist` -> `lora+aasist`."""
    return "+".join(_YAML_FILE.sub("", part).rpartition("/")[2] for part in name.split("+"))


def dump_config(config: dict[str, Any]) -> str:
    """The config as YAML text, keys in the order of base.yaml."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The values that differ between two configs, `-` old and `+` new; empty if they are equal.

    One line for each, with the key from the top: `- train.lr: 0.01`.
    """
    before, after = dotted_values(old), dotted_values(new)
    return "\n".join(
        f"{sign} {key}: {values[key]}"
        for key in before | after
        for sign, values in (("-", before), ("+", after))
        if key in values and before.get(key) != after.get(key)
    )


def _join(name: str, base: dict[str, Any]) -> dict[str, Any]:
    """The settings of all files of `name`, joined."""
    parts = name.split("+")
    joined: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for number, part in enumerate(parts):
        if part in parts[:number]:
            raise FadError(f"--config {name[:80]}: '{part}' comes twice: leave one out")
        path, source = _find(part, name)
        if path.resolve() != shipped.find(shipped.BASE).resolve():
            settings = _checked(base, read_yaml(path), source)
            _unite(joined, settings, source, owners, f"--config {name[:80]}")
    return joined


def _find(part: str, name: str) -> tuple[Path, str]:
    """The file of one part of a name, and its name in messages."""
    if _YAML_FILE.search(part) or "/" in part:
        return Path(part), part
    try:
        return shipped.find(part), f"conf/{part}.yaml"
    except FadError as error:
        which = f"'{part[:80]}': " if part != name else ""
        raise FadError(f"--config {name[:80]}: {which}{error}") from None


def _unite(
    joined: dict[str, Any],
    settings: dict[str, Any],
    source: str,
    owners: dict[str, str],
    option: str,
    prefix: str = "",
) -> None:
    """Adds a file's settings to those of earlier files; `owners` has the file of each key."""
    for key, value in settings.items():
        where = f"{prefix}{key}"
        if isinstance(value, dict) and isinstance(joined.get(key, {}), dict):
            below = joined.setdefault(key, {})
            _unite(below, value, source, owners, option, f"{where}.")
        elif joined.setdefault(key, value) != value:
            raise FadError(
                f"{option}: {owners[where]} and {source} set '{where}' differently: "
                f"{joined[key]} and {value}: leave one of them out"
            )
        owners.setdefault(where, source)


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", key):
        blanks = " without blanks" if " " in key else ""
        raise FadError(f"--set {text}: expected key=value{blanks}, such as train.lr=1e-4")
    try:
        parsed: Any = parse_yaml(value)
    except NOT_PLAIN:
        raise FadError(f"--set {text[:80]}: the value is not plain YAML") from None
    for part in reversed(key.split(".")):
        parsed = {part: parsed}
    return parsed


def _put(config: dict[str, Any], settings: dict[str, Any]) -> None:
    """Puts checked settings into `config`; another name in a slot empties the slot's `_conf`."""
    for slot in SLOTS.keys() - CHAINS:
        if settings.get(slot, config[slot]) != config[slot]:
            config[f"{slot}_conf"] = {}
    _update(config, settings)


def _update(config: dict[str, Any], settings: dict[str, Any]) -> None:
    for key, value in settings.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _update(config[key], value)
        else:
            config[key] = value


def _checked(
    base: dict[str, Any],
    settings: dict[str, Any],
    source: str,
    prefix: str = "",
    root: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns `settings` with each value in the type of the same key in `base`.

    Raises:
        FadError: `base` does not have a key, or a value is of another type.
    """
    checked: dict[str, Any] = {}
    for key, value in settings.items():
        where = f"{prefix}{key}"
        # Names in a chain and keys of constructors are checked later.
        open_ended = prefix.endswith("_conf.") or prefix.partition(".")[0] in CHAINS
        if key not in base and not open_ended:
            raise FadError(
                f"{source}: unknown key '{where}'; {_nearest_key(str(key), base, root or base)}"
            )
        if isinstance(base.get(key), dict):
            if not isinstance(value, dict):
                raise FadError(f"{source}: '{where}' needs keys below it, not '{value}'")
            checked[key] = _checked(base[key], value, source, f"{where}.", root or base)
        else:
            # A constructor may take several types (`all` or a list of blocks) and checks them.
            free = open_ended or (value is None and where in _NULLABLE)
            old = None if free else base[key]
            checked[key] = _like(old, value, f"{source}: '{where}'")
    return checked


def _nearest_key(key: str, base: dict[str, Any], root: dict[str, Any]) -> str:
    """Spelling help for a key; a key of another part is shown from the top."""
    below = {
        leaf: f"{part}.{leaf}"
        for part, leaves in root.items()
        if isinstance(leaves, dict)
        for leaf in leaves
    }
    close = difflib.get_close_matches(key, [*base, *below], n=1, cutoff=0.5)
    if close and close[0] not in base:
        return f"did you mean '{below[close[0]]}'?"
    return nearest(key, base)


def _like(old: Any, new: Any, where: str) -> Any:
    """Returns `new` if it has the type of `old`; an integer may stand for a float.

    YAML 1.1 reads `1e-4` as a word, since it has no dot; here it is a number if one is needed.
    """
    if isinstance(new, str) and not isinstance(old, str):
        with contextlib.suppress(ValueError):
            new = float(new)
    if old is None or isinstance(old, list | dict):
        return new
    if isinstance(old, float) and type(new) is int:
        return float(new)
    if type(old) is not type(new):
        raise FadError(f"{where} is of type {type(old).__name__}, not '{new}'")
    return new
