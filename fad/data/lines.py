"""Lines of text files, one at a time: a file of a million lines takes the memory of one."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from fad.errors import FadError

# Text for terminals and other line ends: no path or name needs them, and messages would show them.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def control_character(text: str) -> str | None:
    """The first control character other than tab, None where there is none."""
    if text.isprintable():  # which no such character is, and which is known much sooner
        return None
    found = CONTROL.search(text)
    return found and found[0]


def iter_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text that others may have made, without their ends.

    Raises:
        FadError: No such file, not UTF-8, or a control character other than tab in it.
    """
    done = 0
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                text = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
                line = text.decode().removesuffix("\n").removesuffix("\r")
                if found := control_character(line):
                    raise FadError(
                        f"{path}:{number}: has the control character {found!r}: remove it, or "
                        "convert the file to UTF-8 (iconv)"
                    )
                if text:
                    yield line
                done += len(raw)
    except UnicodeDecodeError as error:
        raise FadError(
            f"{path}: not UTF-8 at byte {done + error.start}: convert it (iconv)"
        ) from None
    except OSError as error:
        raise FadError(f"{path}: cannot be read ({error.strerror}): make or mend it") from None
