"""How errors quote what a file says."""

import pytest

from fad.encoders.pretrained import shown


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        (None, "None"),
        ("x" * 1000, "'" + "x" * 79),
        (nested(100_000), "<list too deep to print>"),
    ],
    ids=["on one line", "none", "cut", "deep"],
)
def test_a_value_is_quoted_on_one_short_line(value, text):
    assert shown(value) == text
