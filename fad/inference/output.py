"""How `score` writes its lines: as text with tabs, as CSV, or as JSON."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from fad.utils.printable import printable

FORMATS = ("text", "csv", "json")


class Output:
    """Writes one line for each file, or for each window of one, to standard output.

    Args:
        form: one of `FORMATS`. `csv` begins with a line of names; each line of `json` is an object.
        names: of the columns behind the path.
    """

    def __init__(self, form: str, names: Sequence[str]) -> None:
        self._form, self._names = form, ["path", *names]
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        if form == "csv":
            self._csv.writerow(self._names)

    def write(self, path: Path, values: Sequence[str]) -> None:
        """Writes one line; values that are numbers are numbers in JSON.

        In text, what cannot be printed in a name is escaped: no name adds a column or a line.
        """
        row = [str(path), *values]
        if self._form == "csv":
            self._csv.writerow(row)
        elif self._form == "json":
            found = dict(zip(self._names, [row[0], *map(_number, values)], strict=True))
            print(json.dumps(found))
        else:
            print("\t".join(map(printable, row)))
        sys.stdout.flush()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
