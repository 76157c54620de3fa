"""Makes data directories from a user's own clips, listed in a protocol or sorted into folders."""

import csv
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from fad.data.corpus import (
    SETS,
    UNKNOWN_SPEAKER,
    Clip,
    corpus_folder,
    recipe_parser,
    split_by_speaker,
    write_corpus,
)
from fad.data.folders import audio_below, warn_of_ignored
from fad.data.labels import SPELLINGS
from fad.data.lines import iter_lines
from fad.data.tables import NO_ATTACK
from fad.utils.cli import run
from fad.utils.errors import FadError, nearest

DESCRIPTION = """\
Makes data directories from your clips. DIR holds either protocol.tsv (or protocol.csv), with the
columns path and label and perhaps utt, attack, speaker, split, codec, lang, phase; or the folders
bonafide/ and spoof/<attack>/, perhaps inside train/, dev/ and eval/. Clips without a split are
divided by speaker.

  python local/prepare.py --corpus_dir /data/mine --out data
"""

CORPUS = "custom"
PROTOCOLS = ("protocol.tsv", "protocol.csv")
COLUMNS = ("utt", "path", "label", "attack", "speaker", "split")
FACTS = ("codec", "lang", "phase")  # columns that results are divided by, where they are there
UNKNOWN_ATTACK = "unknown"
SPLIT_SPELLINGS = {name: name for name in SETS} | {
    **dict.fromkeys(("training",), "train"),
    **dict.fromkeys(("val", "valid", "validation", "development"), "dev"),
    **dict.fromkeys(("test", "evaluation"), "eval"),
}

logger = logging.getLogger(__name__)


def read_clips(corpus_dir: Path) -> list[Clip]:
    """Reads a protocol where there is one, and folders otherwise."""
    protocols = [corpus_dir / name for name in PROTOCOLS if (corpus_dir / name).is_file()]
    if len(protocols) > 1:
        raise FadError(f"{corpus_dir}: has both {' and '.join(PROTOCOLS)}: remove one of them")
    return read_protocol(protocols[0]) if protocols else read_folders(corpus_dir)


def read_protocol(protocol: Path) -> list[Clip]:
    """Reads a table with a header, of tabs or commas; paths count from the protocol's folder.

    Raises:
        FadError: It names the line: a column or value is missing, or a label, a split or an attack
            is not what it may be.
    """
    lines = (f"{line}\n" for line in iter_lines(protocol))
    try:
        return [_clip(protocol, number, row) for number, row in _rows(protocol, lines)]
    except csv.Error as error:
        raise FadError(f"{protocol}: not a table of tabs or commas ({error}): mend it") from None


def _rows(protocol: Path, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields line numbers and rows, each with a stripped value for every column of the header."""
    header = next(lines, "")
    tabs = "\t" in header
    quoting = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    options = {"delimiter": "\t" if tabs else ",", "quoting": quoting, "strict": True}
    names = [name.strip() for name in next(csv.reader([header], **options), [])]
    for needed in ("path", "label"):
        if needed not in names:
            raise FadError(f"{protocol}:1: no column '{needed}' in the header: has {names}")
    unused = sorted(set(names) - set(COLUMNS) - set(FACTS))
    logger.info("%s: columns not used: %s", protocol, unused or "none")
    reader = csv.reader(lines, **options)
    for row in reader:
        number = reader.line_num + 1  # the header is a line too
        if row and len(row) != len(names):
            raise FadError(
                f"{protocol}:{number}: {len(row)} columns, but {len(names)} in the header: "
                "give every column a value (- where unknown)"
            )
        if row:
            yield number, dict(zip(names, map(str.strip, row), strict=True))


def _clip(protocol: Path, number: int, row: dict[str, str]) -> Clip:
    where = f"{protocol}:{number}"
    path, label = row["path"], SPELLINGS.get(row["label"].lower())
    if not path:
        raise FadError(f"{where}: no path: give one or remove the line")
    if label is None:
        raise FadError(f"{where}: label '{row['label']}': {nearest(row['label'], SPELLINGS)}")
    word = _optional(row, "split", "")
    split = SPLIT_SPELLINGS.get(word.lower(), "")
    if word and not split:
        raise FadError(f"{where}: split '{word}': {nearest(word, SPLIT_SPELLINGS)}")
    return Clip(
        name=_optional(row, "utt", _name(path)),
        path=protocol.parent / path,
        label=label,
        attack=_attack(where, label, _optional(row, "attack", NO_ATTACK)),
        speaker=_optional(row, "speaker", UNKNOWN_SPEAKER),
        split=split,
        source=where,
        facts={fact: row[fact] for fact in FACTS if fact in row},
    )


def _optional(row: dict[str, str], column: str, default: str) -> str:
    value = row.get(column, "")
    return default if value in ("", "-") else value


def _attack(where: str, label: str, attack: str) -> str:
    if label == "spoof":
        return UNKNOWN_ATTACK if attack == NO_ATTACK else attack
    if attack != NO_ATTACK:
        raise FadError(f"{where}: attack '{attack}' of bona fide speech: write - or mend the label")
    return NO_ATTACK


def _name(path: str) -> str:
    """`a/b.wav` -> `a/b`, of which unsafe characters are replaced later."""
    return str(PurePosixPath(path).with_suffix("")).lstrip("/")


def read_folders(corpus_dir: Path) -> list[Clip]:
    """Reads `bonafide/**` and `spoof/<attack>/**`, perhaps inside train/, dev/ and eval/."""
    splits = [name for name in SETS if (corpus_dir / name).is_dir()]
    clips: list[Clip] = []
    ignored = Counter[str]()
    for split in splits or [""]:
        for label in ("bonafide", "spoof"):
            folder = corpus_dir / split / label
            if not folder.is_dir():
                raise FadError(
                    f"{folder}: no such folder: {corpus_dir} must have {' or '.join(PROTOCOLS)}, "
                    "or bonafide/ and spoof/<attack>/ (README.md shows both)"
                )
            paths = audio_below(folder, ignored)
            clips += [_folder_clip(corpus_dir, path, label, split) for path in paths]
    warn_of_ignored(ignored)
    return clips


def _folder_clip(corpus_dir: Path, path: Path, label: str, split: str) -> Clip:
    inside = path.relative_to(corpus_dir / split / label).parts
    attack = inside[0] if len(inside) > 1 else UNKNOWN_ATTACK
    name = _name(path.relative_to(corpus_dir).as_posix())
    attack = attack if label == "spoof" else NO_ATTACK
    return Clip(name=name, path=path, label=label, attack=attack, split=split)


def complete_splits(clips: list[Clip]) -> list[Clip]:
    """Divides clips where none has a split; refuses a corpus where only some have one."""
    without = [clip for clip in clips if not clip.split]
    if not without:
        return clips
    if len(without) < len(clips):
        raise FadError(
            f"{without[0].source}: no split, but other clips have one: give it to all or to none"
        )
    if all(clip.speaker == UNKNOWN_SPEAKER for clip in clips):
        logger.warning(
            "no splits and no speakers given: clips are divided, 60/20/20, so one voice may be in "
            "train and eval: the error rates may then be too good"
        )
    else:
        logger.info("no splits given: divided by speaker, 60/20/20")
    return split_by_speaker(clips)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the clips, completes their splits and writes the sets."""
    args = recipe_parser(DESCRIPTION).parse_args(argv)
    write_corpus(args.out, CORPUS, complete_splits(read_clips(corpus_folder(args))))


if __name__ == "__main__":
    run(main)
