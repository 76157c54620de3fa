"""What makes a result look better than it is: a clip or a speaker in two sets; and odd data.

An unknown speaker is written as the utterance itself: such speakers are never counted as known.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from fad.data import tables
from fad.data.digests import DIGESTS, check_digest
from fad.utils.errors import FadError

SHOWN = 3  # names in a message

Set = Mapping[str, Mapping[str, str]]
"""The tables of a set, by name."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overlap:
    """How much of a test set a model has met in training.

    Attributes:
        clips: trials whose samples are those of a clip of the training set.
        speakers: known speakers that are in both sets.
    """

    clips: int
    speakers: int


def known_speakers(utt2spk: Mapping[str, str]) -> set[str]:
    """The speakers of a set, without utterances whose speaker is unknown."""
    return {speaker for utt, speaker in utt2spk.items() if speaker != utt}


def count_speakers(utt2spk: Mapping[str, str]) -> str:
    """The number of speakers in words: `24 speakers, and 7 clips of unknown ones`."""
    unknown = sum(speaker == utt for utt, speaker in utt2spk.items())
    known = len(known_speakers(utt2spk))
    if unknown == len(utt2spk):
        return "speakers unknown"
    more = f", and {_counted(unknown, 'clip')} of unknown ones" if unknown else ""
    return _counted(known, "speaker") + more


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def warn_of_shared(sets: Mapping[str, Set]) -> None:
    """Warns of each file and each known speaker that two sets have, before anything is decoded."""
    _warn_of_common(sets, "speaker", lambda found: known_speakers(found["utt2spk"]))
    _warn_of_common(sets, "file", lambda found: found["wav.scp"].values())


def _warn_of_common(
    sets: Mapping[str, Set], what: str, names: Callable[[Set], Iterable[str]]
) -> None:
    found = {name: set(names(tables)) for name, tables in sets.items()}
    for one, other in combinations(found, 2):
        if common := sorted(found[one] & found[other]):
            logger.warning(
                "%s and %s have %s in common (%s): error rates will look better than they are",
                *(one, other, _counted(len(common), what)),
                ", ".join(common[:SHOWN]) + (", ..." if len(common) > SHOWN else ""),
            )


def warn_of_replaced(directory: Path, wav_scp: Mapping[str, str]) -> None:
    """Warns if a data directory holds other clips than those that will be written there."""
    try:
        old = tables.read_table(directory / "wav.scp").keys()
    except FadError:
        return  # none, or a damaged one
    if not old & wav_scp.keys():
        logger.warning(
            "%s: other data take the place of its %d clips; dumps and experiments of those stay as "
            "they are until stages 2 to 5 are run",
            *(directory, len(old)),
        )


def warn_of_repeated(audio: Path) -> None:
    """Warns of clips of a `dump/audio/<set>` with the same samples, and of one with two labels."""
    seen: dict[bytes, int] = {}  # for each digest the labels, a bit each
    repeated, columns = 0, {audio / DIGESTS: check_digest, audio / "utt2label": tables.check_label}
    for _, (text, label) in tables.read_together(columns):
        digest = bytes.fromhex(text)
        repeated += digest in seen
        seen[digest] = seen.get(digest, 0) | 1 << tables.LABELS.index(label)
    both = sum(labels == 3 for labels in seen.values())
    if both:
        logger.warning(
            "%s: %d clips are there as bona fide and as spoof: correct their labels", audio, both
        )
    if repeated:
        logger.warning("%s: %d clips have the samples of another clip there", audio, repeated)


def overlap(train: Path, test: Path) -> Overlap:
    """How much two `dump/audio/<set>` have in common: the same samples, the same known speakers.

    Raises:
        FadError: a table is missing or malformed.
    """
    met = set(_digests(train))
    clips = sum(digest in met for digest in _digests(test))
    speakers = (known_speakers(tables.read_table(path / "utt2spk")) for path in (train, test))
    return Overlap(clips, len(set.intersection(*speakers)))


def _digests(audio: Path) -> Iterator[bytes]:
    for _, (digest,) in tables.read_together({audio / DIGESTS: check_digest}):
        yield bytes.fromhex(digest)
