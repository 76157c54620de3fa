"""The options by which programs take scores and keys of anyone.

`fad.evaluation.trials.reading` follows them.

`python -m fad.bin.evaluate --help` (`fad.evaluation.trials.formats`) says what the files may look
like.
"""

from argparse import ArgumentParser
from functools import partial

from fad.data.labels import NUMBERS
from fad.evaluation.trials.score_files import PAIRS

_NAMES = {"type": partial(str.split, sep=","), "default": [], "metavar": "NAME=COLUMN,..."}


def add_score_options(parser: ArgumentParser) -> None:
    """Adds how a file of scores is read."""
    add = parser.add_argument
    add("--columns", **_NAMES, help="columns of the scores' header")
    add("--logits", choices=PAIRS, metavar="A,B", help="scores are pairs '[a, b]' of these logits")
    add("--bonafide", choices=NUMBERS, help="which number is bona fide where labels are numbers")


def add_key_options(parser: ArgumentParser) -> None:
    """Adds how the trials of scores are known."""
    add = parser.add_argument
    add("--key", "--labels", help="the organisers' key, a table such as utt2label, or data/<set>")
    add("--key_columns", **_NAMES, help="columns of the key's header")
    add("--phase", help="phase of the key that is taken (eval where there is one)")
    add("--stems", action="store_true", help="compare names without folders and audio endings")
