"""Makes the data directories of skeleton."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fad.data.corpus import SETS, Clip, corpus_folder, recipe_parser, write_corpus
from fad.data.folders import audio_below, warn_of_ignored
from fad.data.tables import LABELS
from fad.utils.cli import run
from fad.utils.errors import FadError

CORPUS = "skeleton"


def read_corpus(corpus_dir: Path) -> list[Clip]:
    """Lists every clip of the corpus. Change this function for another layout.

    It now reads `<split>/bonafide/*` and `<split>/spoof/<attack>/*` with the splits train, dev and
    eval. For a corpus with a protocol, read the protocol instead, one clip a line. Give
    `speaker=...` if the speaker is known. If there are no splits, return `split_by_speaker(clips)`,
    from the module of `Clip`. This function need not care for ids, tables, sorting and checks.
    """
    clips = []
    ignored = Counter[str]()
    for split in SETS:
        for label in LABELS:
            folder = corpus_dir / split / label
            if not folder.is_dir():
                raise FadError(f"{folder}: no such folder: README.md shows the layout")
            for path in audio_below(folder, ignored):
                name = str(path.relative_to(corpus_dir).with_suffix(""))
                attack = path.parent.name if label == "spoof" else "-"
                clips.append(Clip(name, path, label, attack, split=split))
    warn_of_ignored(ignored)
    return clips


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the corpus and writes the sets."""
    args = recipe_parser(__doc__).parse_args(argv)
    write_corpus(args.out, CORPUS, read_corpus(corpus_folder(args)))


if __name__ == "__main__":
    run(main)
