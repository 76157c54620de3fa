"""Options of programs that read scores and keys of any toolkit.

`fad.evaluation.trials.reading` reads files by these options. `python -m fad.bin.evaluate --help`
(`fad.evaluation.trials.formats`) shows the formats of the files.
"""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from fad.data.labels import NUMBERS
from fad.data.tables import LABELS
from fad.evaluation.trials.score_files import PAIRS

_NAMES: dict[str, Any] = {
    "type": partial(str.split, sep=","),
    "default": [],
    "metavar": "NAME=COLUMN,...",
}


def add_score_options(parser: ArgumentParser) -> None:
    """Adds the options that say how to read a score file."""
    add = parser.add_argument
    add("--columns", **_NAMES, help="names of columns in the scores' header")
    add("--logits", choices=PAIRS, metavar="A,B", help="scores are pairs '[a, b]' of these logits")
    add(
        "--higher",
        choices=LABELS,
        default="bonafide",
        help="what a higher score means; with spoof, as for P(fake), all signs are changed "
        "(default bonafide)",
    )
    add("--bonafide", choices=NUMBERS, help="which number is bona fide, if labels are numbers")


def add_key_options(parser: ArgumentParser) -> None:
    """Adds the options that say which trials were scored."""
    add = parser.add_argument
    add("--key", "--labels", help="the organisers' key, a table such as utt2label, or data/<set>")
    add("--key_columns", **_NAMES, help="names of columns in the key's header")
    add("--phase", help="phase of the key to take (default: eval, if it has one)")
    add("--stems", action="store_true", help="compare names without folders and audio endings")
