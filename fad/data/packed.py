"""Many short texts in one piece of memory, which forked processes share.

A list of a million strings is a million objects. Reading one counts a reference within it, and so
copies its page: each data worker would end with a copy of its own of all that it reads.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import overload


class Texts(Sequence[str]):
    """A sequence of texts that can grow; what is read of it is made anew each time.

    Args:
        texts: the first of them.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Adds one at the end."""
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]  # as a list: from the end too, and not beyond it
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode()
