"""Files of columns from any toolkit: with or without a header, with tabs, commas or spaces.

In a file without a header, the number of columns and the place of the label decide which of the
known layouts it has. In a file with a header, columns are recognised by a short list of names, or
the user names them. Nothing is guessed: two columns that could mean the same are an error that
lists them.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad.data.labels import NUMBERS, NUMBERS_OF_FLOATS, is_word_for_label, read_label
from fad.data.tables import read_lines
from fad.utils.errors import FadError, nearest

NAMES = {
    "utt": (
        "utt",
        "utterance",
        "file",
        "filename",
        "path",
        "trial",
        "trial-anon",
        "id",
        "id-audio",
    ),
    "score": ("score", "cm-score"),
    "label": ("label", "key", "cm-label"),
    "attack": ("attack", "attack-label", "attack-anon"),
    "speaker": ("speaker", "speaker-id", "spk"),
    "phase": ("phase", "subset"),
    "lang": ("lang", "language"),
    "codec": ("codec",),
    "source": ("source",),
    "vocoder": ("vocoder",),
    "gender": ("gender",),
}
"""Recognised names of columns in a header; case does not matter, and _ is the same as -."""

DROPPED = "."  # in a layout: a column that is not used
LOGITS = ("bonafide_logit", "spoof_logit")  # in a score file, instead of a score
Layout = Sequence[str]
_OWN = ("utt", "score", *LOGITS)  # columns whose cells all differ
_LONGEST = 1000  # most characters of a cell
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_SHOWN = 12  # most columns of a header that a message lists


@dataclass(frozen=True)
class ColumnsFile:
    """The columns of a file.

    Attributes:
        path: the file.
        columns: cells of each column by its name, in the order of the rows; always with `utt`.
        first_line: line number of the first row, from 1.
    """

    path: Path
    columns: dict[str, list[str]]
    first_line: int

    def place(self, row: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.path}:{self.first_line + row}"

    def labels(self, bonafide: str | None = None) -> list[str]:
        """The column `label`, as `bonafide` or `spoof`.

        Raises:
            FadError: as `read_label`, with the line.
        """
        words, meanings = self.columns["label"], {}
        for word in dict.fromkeys(words):
            try:
                meanings[word] = read_label(word, bonafide)
            except FadError as error:
                raise FadError(f"{self.place(words.index(word))}: {error}") from None
        return [meanings[word] for word in words]


def read_columns_file(
    path: str | Path,
    layouts: Sequence[Layout],
    needed: Sequence[str],
    chosen: Mapping[str, str] | None = None,
    option: str = "--columns",
) -> ColumnsFile:
    """Reads a file of columns.

    Args:
        path: UTF-8 text. Its first line is a header if it has a known name for `utt`, if it has
            commas, or if `chosen` is given.
        layouts: allowed layouts of a file without a header: the names of its columns in their
            order, each with `utt`.
        needed: names that a header must have columns for.
        chosen: the header's column by name, for columns whose names are not in `NAMES`.
        option: the option that sets `chosen`, for messages.

    Raises:
        FadError: the file is unreadable or empty, a line has another number of columns than the
            first, a column is missing or ambiguous, a cell is very long, or an utterance has no
            name or occurs twice.
    """
    path = Path(path)
    lines = read_lines(path)
    if not lines:
        raise FadError(f"{path}: the file is empty: make it again")
    if lines[0].lstrip()[:1] in ("{", "["):
        raise FadError(f"{path}: is JSON: write lines of `utt score`, or CSV with a header")
    delimiter = _delimiter(path, lines[0], named=bool(chosen))
    words = next(_rows(path, lines[:1], delimiter), [])
    if delimiter == "," and not chosen and not _is_header(words) and any(map(is_number, words)):
        raise FadError(
            f"{path}:1: a number where a header's names would be ({_listed(words)}): put a line of "
            "names above, or give lines of `utt score` (cut -d, -f2,4 takes columns 2 and 4)"
        )
    if chosen or delimiter == "," or _is_header(words):
        places = _named_places(path, words, needed, chosen or {}, option)
        form, first_line = "the header", 2
    else:
        layout = _fitting(path, layouts, lines[0].split(), option)
        places = {name: place for place, name in enumerate(layout) if name != DROPPED}
        words, delimiter = list(layout), None
        form, first_line = f"'{_form(layout)}'", 1
    rows = _rows(path, lines[first_line - 1 :], delimiter)
    file = ColumnsFile(path, _cells(path, rows, places, len(words), form, first_line), first_line)
    _check_lengths(file)
    _check_utts(file)
    return file


def _delimiter(path: Path, first: str, named: bool) -> str | None:
    """The delimiter of the first line: a tab, a comma, or None for white space."""
    if "\t" in first:
        return "\t"
    word = (first.split() or [""])[0]
    if ";" in word:
        raise FadError(f"{path}:1: columns are separated by ';': separate them by tabs or commas")
    # In a line that need not be a header, the comma of `u1 1,5` is a decimal comma.
    return "," if "," in (first if named else word) else None


def _rows(path: Path, lines: Sequence[str], delimiter: str | None) -> Iterator[list[str]]:
    """The cells of each line, stripped."""
    if delimiter is None:
        return map(str.split, lines)
    if delimiter == "\t":
        return ([cell.strip() for cell in line.split("\t")] for line in lines)
    return _csv_rows(path, lines)


def _csv_rows(path: Path, lines: Sequence[str]) -> Iterator[list[str]]:
    reader = csv.reader(lines, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            if reader.line_num != number:
                raise FadError(f"{path}: a quoted cell goes over the end of its line: repair it")
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise FadError(f"{path}: not a table with commas ({error}): repair it") from None


def _fold(word: str) -> str:
    return word.lower().replace("_", "-")


def _is_header(words: Sequence[str]) -> bool:
    return any(_fold(word) in NAMES["utt"] for word in words)


def is_number(word: str) -> bool:
    """Whether a word is a number and so no name of a column."""
    return bool(_NUMBER.fullmatch(word))


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(word[:40] for word in words[:_SHOWN])
    return shown + (", ..." if len(words) > _SHOWN else "")


def _named_places(
    path: Path,
    header: Sequence[str],
    needed: Sequence[str],
    chosen: Mapping[str, str],
    option: str,
) -> dict[str, int]:
    """The index of each column that the user chose or that has a known name."""
    places = {}
    for name, column in chosen.items():
        if header.count(column) != 1:
            what = f"{header.count(column)} columns" if column in header else "no column"
            known = nearest(column[:40], [word[:40] for word in header[:_SHOWN]])
            raise FadError(f"{path}:1: {what} '{column[:40]}' in the header: {known}")
        places[name] = header.index(column)
    for name, words in NAMES.items():
        found = [place for place, word in enumerate(header) if _fold(word) in words]
        if name in chosen or not found:
            continue
        if len(found) > 1:
            rivals = " and ".join(header[place][:40] for place in found[:3])
            raise FadError(
                f"{path}:1: columns {rivals} could each be '{name}': say which, such as "
                f"{option} {name}={header[found[0]][:40]}"
            )
        places[name] = found[0]
    for name in needed:
        if name not in places:
            raise FadError(
                f"{path}:1: no column for '{name}' in the header ({_listed(header)}): say which "
                f"it is with {option} {name}=COLUMN, or give the file a header"
            )
    return places


def _form(layout: Layout) -> str:
    return " ".join("-" if name == DROPPED else name for name in layout)


def _fitting(path: Path, layouts: Sequence[Layout], words: Sequence[str], option: str) -> Layout:
    """The layout with this many columns whose label, if it has one, is where a label is."""
    same = [layout for layout in layouts if len(layout) == len(words)]
    if not same:
        forms = "; ".join(f"'{_form(layout)}'" for layout in layouts)
        raise FadError(
            f"{path}:1: {len(words)} columns, but without a header expected is one of {forms}; "
            f"other columns are named by a header, or with {option}"
        )
    with_label = [(layout, words[layout.index("label")]) for layout in same if "label" in layout]
    # A number may be a score too, so a layout with a word as its label goes first.
    spelled = [layout for layout, word in with_label if is_word_for_label(word)]
    if not spelled and ("utt", "score", "label") in same and all(map(is_number, words[1:])):
        return _numbers_only(path, words, option)
    fitting = spelled or [
        layout for layout, word in with_label if word in NUMBERS and _has_a_score(layout, words)
    ]
    if len(fitting) > 1:
        raise FadError(
            f"{path}:1: {' and '.join(repr(_form(layout)) for layout in fitting)} both fit: give "
            "the file a header"
        )
    return (fitting or same)[0]


def _numbers_only(path: Path, words: Sequence[str], option: str) -> Layout:
    """The layout of an utterance and two numbers, of which one is a label if it can be."""
    first, second = (NUMBERS_OF_FLOATS.get(word, word) in NUMBERS for word in words[1:])
    if second and not first:
        return ("utt", "score", "label")
    if first and not second:
        return ("utt", "label", "score")
    raise FadError(
        f"{path}:1: two numbers behind the utterance: two logits? Give the file a header, such as "
        f"utt,a,b, and {option} utt=utt,spoof_logit=a,bonafide_logit=b"
    )


def _has_a_score(layout: Layout, words: Sequence[str]) -> bool:
    """Whether the layout has no score, or a number is where its score is."""
    return "score" not in layout or words[layout.index("score")][-1:].isdigit()


def _cells(
    path: Path,
    rows: Iterator[list[str]],
    places: Mapping[str, int],
    width: int,
    form: str,
    first_line: int,
) -> dict[str, list[str]]:
    """The cells of the columns at `places`; equal cells share one string in memory."""
    columns: dict[str, list[str]] = {name: [] for name in places}
    own = [(columns[name].append, place) for name, place in places.items() if name in _OWN]
    shared = [(columns[name].append, place) for name, place in places.items() if name not in _OWN]
    known: dict[str, str] = {}
    for number, cells in enumerate(rows, start=first_line):
        if len(cells) != width:
            raise FadError(
                f"{path}:{number}: {len(cells)} columns where {width} are expected: {form}"
            )
        for append, place in own:
            append(cells[place])
        for append, place in shared:
            append(known.setdefault(cells[place], cells[place]))
    return columns


def _check_lengths(file: ColumnsFile) -> None:
    """Refuses very long cells: an array of text is as wide as its longest cell."""
    for name, cells in file.columns.items():
        longest = max(map(len, cells), default=0)
        if longest > _LONGEST:
            row = next(row for row, cell in enumerate(cells) if len(cell) > _LONGEST)
            raise FadError(
                f"{file.place(row)}: {name} '{cells[row][:40]}...' has {len(cells[row]):,} "
                f"characters: at most {_LONGEST:,}"
            )


def _check_utts(file: ColumnsFile) -> None:
    utts = file.columns["utt"]
    if not utts:
        raise FadError(f"{file.path}: only a header, no trial: make it again")
    seen: set[str] = set()
    for row, utt in enumerate(utts):
        if not utt:
            raise FadError(f"{file.place(row)}: the utterance has no name: give it one")
        if utt in seen:
            raise FadError(
                f"{file.place(row)}: '{utt[:80]}' occurs twice ({len(utts)} lines, "
                f"{len(set(utts))} names): keep one line for each"
            )
        seen.add(utt)
