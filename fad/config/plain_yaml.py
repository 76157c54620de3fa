"""YAML with plain values only, for configs and files that come with a model."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fad.utils.errors import FadError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# ValueError: a 13th month, a number of 5,000 digits, or not UTF-8; RecursionError: a thousand "[".
NOT_PLAIN = (yaml.YAMLError, ValueError, RecursionError)


class _PlainLoader(yaml.SafeLoader):
    """Loads plain values: no tags, aliases, repeated keys or line breaks in a value.

    With aliases of aliases a file of a kilobyte prints as gigabytes. If a key comes twice, PyYAML
    silently keeps the last.
    """

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
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


def parse_yaml(text: str) -> Any:
    """Parses a text of plain YAML.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: (`NOT_PLAIN`) it is not plain YAML.
    """
    return yaml.load(text, Loader=_PlainLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a file with a YAML mapping of plain values; empty for an empty file.

    Raises:
        FadError: the file is unreadable, not plain YAML, or not a mapping.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FadError(f"{path}: cannot be read: {error.strerror}") from None
    except NOT_PLAIN as error:
        reason = " ".join(str(error).split())[:300]
        raise FadError(f"{path}: not plain YAML: {reason}: correct it") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise FadError(f"{path}: expected keys and values at the top")
    return content


def dotted_values(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Each value as one line of YAML, by its key with dots for depth."""
    values: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            values |= dotted_values(value, f"{prefix}{key}.")
        else:  # in a list, since YAML adds an end mark to a document that is a bare word
            text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=1e6)
            values[f"{prefix}{key}"] = text.strip()[1:-1]
    return values
