"""A method's config: conf/base.yaml, the method's own file over it, `--set` over both."""

import contextlib
import difflib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from fad.config.registry import SLOTS, check_keys
from fad.config.train import NULLABLE
from fad.utils.errors import FadError, nearest

CONF_DIR = Path(__file__).resolve().parents[2] / "conf"
# Of an experiment's config.yaml, besides the pre-trained file: sha256 of what it was made from.
NOT_SETTINGS = ("data", "files")
_NULLABLE = {f"train.{name}" for name in NULLABLE}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# ValueError: a 13th month, a number of 5,000 digits, or not UTF-8; RecursionError: a thousand "[".
_NOT_PLAIN = (yaml.YAMLError, ValueError, RecursionError)


class _PlainLoader(yaml.SafeLoader):
    """YAML's values, each on a line and once: no tags, aliases, repeated keys or line breaks.

    Aliases of aliases make a file of a kilobyte print as gigabytes, and of a key that comes twice
    PyYAML silently keeps the last.
    """

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        if isinstance(node.value, str) and _CONTROL.search(node.value):
            raise yaml.YAMLError(f"a control character in {node.value[:40]!r}")
        return super().construct_scalar(node)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias (*{self.peek_event().anchor}): write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, count in Counter(keys).items():
            if count > 1:
                raise yaml.YAMLError(f"the key '{key}' comes twice: keep one of them")
        return super().construct_mapping(node, deep)


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=_PlainLoader)


def load_config(name: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Resolves a config.

    Args:
        name: a method of conf/ (`lora`) or the path of a YAML file (`my/lora.yaml`).
        overrides: `key=value` with dots for depth (`adaptation_conf.rank=8`), values in YAML.

    Returns:
        Every key of base.yaml, with the `*_conf` of the chosen names, checked.

    Raises:
        FadError: no such file, an unknown key, or a value of another type.
    """
    config = merge_config(name, overrides)
    try:
        for slot in SLOTS:
            check_keys(slot, config[slot], config[f"{slot}_conf"])
    except FadError as error:
        raise FadError(f"--config {name}: {error}") from None
    return config


def merge_config(name: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """As `load_config`, without a look at the constructors: nothing heavy is imported.

    Raises:
        FadError: no such file, an unknown key of base.yaml, or a value of another type.
    """
    config = read_yaml(CONF_DIR / "base.yaml")
    path = _find(name)
    if path.resolve() != CONF_DIR / "base.yaml":
        _merge(config, read_yaml(path), str(path))
    for override in overrides or []:
        _merge(config, _parse_override(override), f"--set {override}")
    return config


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping of plain values; tags are refused by the safe loader.

    Raises:
        FadError: unreadable, not YAML, or not a mapping.
    """
    try:
        content = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FadError(f"{path}: cannot be read: {error.strerror}") from None
    except _NOT_PLAIN as error:
        reason = " ".join(str(error).split())[:300]
        raise FadError(f"{path}: not plain YAML: {reason}: correct it") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise FadError(f"{path}: expected keys and values at the top")
    return content


def dump_config(config: dict[str, Any]) -> str:
    """The config as YAML text, keys in the order of base.yaml."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The values that differ between two configs, `-` old and `+` new; empty where none do.

    A line each, with the key from the top: `- train.lr: 0.01`.
    """
    before, after = dotted_values(old), dotted_values(new)
    return "\n".join(
        f"{sign} {key}: {values[key]}"
        for key in before | after
        for sign, values in (("-", before), ("+", after))
        if key in values and before.get(key) != after.get(key)
    )


def dotted_values(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Each value as YAML in one line, by its key with dots for depth."""
    values: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            values |= dotted_values(value, f"{prefix}{key}.")
        else:  # in a list, since YAML marks the end of a document that is a word alone
            text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=1e6)
            values[f"{prefix}{key}"] = text.strip()[1:-1]
    return values


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    methods = {file.stem: file for file in CONF_DIR.glob("*.yaml")}
    if name not in methods:
        known = methods.keys() - {"base"}
        raise FadError(f"--config {name[:80]}: no such method in conf/; {nearest(name, known)}")
    return methods[name]


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", key):
        blanks = " without blanks" if " " in key else ""
        raise FadError(f"--set {text}: expected key=value{blanks}, such as train.lr=1e-4")
    try:
        parsed: Any = _parse(value)
    except _NOT_PLAIN:
        raise FadError(f"--set {text[:80]}: the value is not plain YAML") from None
    for part in reversed(key.split(".")):
        parsed = {part: parsed}
    return parsed


def _merge(base: dict[str, Any], over: dict[str, Any], source: str, prefix: str = "") -> None:
    """Puts `over` into `base` in place; choosing another name in a slot empties its `_conf`."""
    for slot in SLOTS:
        if not prefix and slot in over and over[slot] != base[slot]:
            base[f"{slot}_conf"] = {}
    for key, value in over.items():
        where = f"{prefix}{key}"
        open_ended = prefix.endswith("_conf.")  # its keys are the constructor's, checked later
        if key not in base and not open_ended:
            raise FadError(f"{source}: unknown key '{where}'; {_nearest_key(str(key), base)}")
        if isinstance(base.get(key), dict):
            if not isinstance(value, dict):
                raise FadError(f"{source}: '{where}' needs keys below it, not '{value}'")
            _merge(base[key], value, source, f"{where}.")
        else:
            # A constructor may take several types (`all` or a list of blocks) and checks them.
            free = open_ended or (value is None and where in _NULLABLE)
            old = None if free else base[key]
            base[key] = _like(old, value, f"{source}: '{where}'")


def _nearest_key(key: str, base: dict[str, Any]) -> str:
    """Spelling help for a key; one that is known a level below is said from the top."""
    below = {
        leaf: f"{part}.{leaf}"
        for part, leaves in base.items()
        if isinstance(leaves, dict)
        for leaf in leaves
    }
    close = difflib.get_close_matches(key, [*base, *below], n=1, cutoff=0.5)
    if close and close[0] in below:
        return f"did you mean '{below[close[0]]}'?"
    return nearest(key, base)


def _like(old: Any, new: Any, where: str) -> Any:
    """`new`, if it has the type of `old`; an integer may stand for a float.

    YAML 1.1 reads `1e-4` as a word, since it has no dot: where a number is wanted it is one.
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
