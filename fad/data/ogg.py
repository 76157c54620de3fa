"""Chained Ogg: several streams one after another in a file, of which libsndfile reads the first."""

from pathlib import Path

_MAGIC = b"OggS"
_HEADER = 27  # bytes of a page's header, of which the last is the number of its segments
_FLAGS, _FIRST = 5, 2  # the place of a page's flags, and the flag of a stream's first page


def links(path: Path) -> list[slice]:
    """The bytes of each link of an Ogg file; one for a file that is not chained, none for others.

    Source: RFC 3533, section 6. A link begins with first pages that follow other pages.
    """
    content = path.read_bytes()
    starts, place, first_before = [], 0, False
    while content[place : place + len(_MAGIC)] == _MAGIC and place + _HEADER <= len(content):
        first = bool(content[place + _FLAGS] & _FIRST)
        if first and not first_before:
            starts.append(place)
        first_before = first
        segments = content[place + _HEADER - 1]
        body = place + _HEADER + segments
        place = body + sum(content[place + _HEADER : body])
    return [slice(*ends) for ends in zip(starts, [*starts[1:], len(content)], strict=True)]
