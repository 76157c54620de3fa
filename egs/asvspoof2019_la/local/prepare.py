"""Makes data directories from the official release of ASVspoof 2019 LA."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fad.data.corpus import Clip, corpus_folder, recipe_parser, write_corpus
from fad.data.lines import iter_lines
from fad.data.tables import ASV_SCORES, NO_ATTACK
from fad.utils.cli import parse_bool, run
from fad.utils.errors import FadError
from fad.utils.files import is_file, write_text

DESCRIPTION = """\
Makes data directories from the official release of ASVspoof 2019 LA: DIR is its folder LA, with
ASVspoof2019_LA_{train,dev,eval}/flac, ASVspoof2019_LA_cm_protocols and ASVspoof2019_LA_asv_scores.

  python local/prepare.py --corpus_dir /corpora/LA --out data
"""

CORPUS = "asvspoof2019_la"
PROTOCOLS = "ASVspoof2019_LA_cm_protocols"


class Official(NamedTuple):
    """A set as released: its protocol's kind, and its numbers of trials."""

    kind: str
    trials: int
    bonafide: int


OFFICIAL = {
    "train": Official("trn", 25380, 2580),
    "dev": Official("trl", 24844, 2548),
    "eval": Official("trl", 71237, 7355),
}

logger = logging.getLogger(__name__)


def find_root(corpus_dir: Path) -> Path:
    """The folder LA: `corpus_dir` itself or the one in it."""
    for root in (corpus_dir, corpus_dir / "LA"):
        if (root / PROTOCOLS).is_dir():
            return root
    raise FadError(f"{corpus_dir}: no folder {PROTOCOLS} in it or in its LA: unpack LA.zip there")


def read_protocol(root: Path, split: str, check_counts: bool) -> list[Clip]:
    """Reads `speaker utt - attack label` lines.

    Raises:
        FadError: A line is not like that, or the numbers are not the official ones.
    """
    path = root / PROTOCOLS / f"ASVspoof2019.LA.cm.{split}.{OFFICIAL[split].kind}.txt"
    if not path.is_file():
        raise FadError(f"{path}: no such protocol: unpack LA.zip in full")
    flac = root / f"ASVspoof2019_LA_{split}" / "flac"
    clips = [
        _clip(f"{path}:{n}", line, flac, split) for n, line in enumerate(iter_lines(path), start=1)
    ]
    found = len(clips), sum(clip.label == "bonafide" for clip in clips)
    if check_counts and found != OFFICIAL[split][1:]:
        raise FadError(
            f"{path}: {found[0]} trials, {found[1]} of them bona fide, but officially "
            f"{OFFICIAL[split].trials} and {OFFICIAL[split].bonafide}: fetch it again, "
            "or for a subset of your own give run.sh --data_opts=--check_counts=false"
        )
    return clips


def _clip(where: str, line: str, flac: Path, split: str) -> Clip:
    words = line.split()
    if len(words) != 5 or (words[3] == NO_ATTACK) != (words[4] == "bonafide"):
        raise FadError(f"{where}: {line[:80]!r}: expected '<speaker> <utt> - <attack> <label>'")
    speaker, utt, _, attack, label = words
    return Clip(utt, flac / f"{utt}.flac", label, attack, speaker, split, source=where)


def keep_present(clips: list[Clip], allow_missing: bool) -> list[Clip]:
    """Checks that the audio is there; with `allow_missing`, says what is not and goes on."""
    missing = [clip for clip in clips if not is_file(clip.path)]
    if not missing:
        return clips
    message = f"{missing[0].path}: no such clip; {len(missing)} of {len(clips)} clips are missing"
    if not allow_missing:
        raise FadError(
            f"{message}: complete the corpus, or to go on without them give run.sh "
            "--data_opts=--allow_missing=true"
        )
    logger.warning("%s: GOING ON WITHOUT THEM: results are not those of ASVspoof 2019 LA", message)
    gone = set(missing)
    return [clip for clip in clips if clip not in gone]


def copy_asv_scores(root: Path, split: str, out: Path) -> None:
    """Copies the organisers' speaker verification scores, which min t-DCF needs."""
    name = f"ASVspoof2019.LA.asv.{split}.gi.trl.scores.txt"
    path = root / "ASVspoof2019_LA_asv_scores" / name
    if path.is_file():
        write_text(out / ASV_SCORES, "".join(f"{line}\n" for line in iter_lines(path)))
    else:
        logger.warning("%s: no such file: there will be no min t-DCF for %s", path, split)
        (out / ASV_SCORES).unlink(missing_ok=True)


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = recipe_parser(DESCRIPTION)
    flag = {"type": parse_bool, "metavar": "true|false"}
    parser.add_argument("--check_counts", default=True, **flag, help="official numbers only")
    parser.add_argument("--allow_missing", default=False, **flag, help="keep what is there")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the three protocols, checks them and writes the sets."""
    args = get_parser().parse_args(argv)
    root = find_root(corpus_folder(args))
    clips = [clip for split in OFFICIAL for clip in read_protocol(root, split, args.check_counts)]
    clips = keep_present(clips, args.allow_missing)
    for split in ("dev", "eval"):
        copy_asv_scores(root, split, args.out / split)
    write_corpus(args.out, CORPUS, clips)


if __name__ == "__main__":
    run(main)
