"""Turns a list of clips into the data directories of a corpus: the end of every stage 1."""

import argparse
import hashlib
import logging
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from fad.data.attacks import name_attack, short_attacks
from fad.data.digests import DIGESTS, STATES
from fad.data.leaks import count_speakers, warn_of_replaced, warn_of_shared
from fad.data.lines import control_character
from fad.data.tables import LABELS, LENGTHS, NO_ATTACK, REQUIRED, check_id, write_data_dir
from fad.utils.errors import FadError, nearest
from fad.utils.files import is_file

SETS = ("train", "dev", "eval")
UNKNOWN_SPEAKER = "-"  # becomes the utterance itself
UNKNOWN_FACT = "-"
SHARES = {"train": 0.6, "dev": 0.2, "eval": 0.2}
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".mp4", ".aac", ".ogg", ".oga", ".opus", ".wma"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".amr", ".webm", ".sph", ".rf64", ".w64"),
    *(".3gp", ".mkv", ".mka", ".mov", ".avi", ".flv", ".ts", ".spx", ".wv", ".tta", ".voc", ".vox"),
    *(".mp2", ".ac3", ".eac3", ".g722", ".gsm", ".nist", ".3ga", ".m4b", ".f4a"),
)

_FACT = re.compile(r"[a-z][a-z0-9_]*")
_NO_FACTS: Mapping[str, str] = MappingProxyType({})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance of a corpus. It is small, since there may be a million.

    Attributes:
        name: Its id in the corpus; characters unsafe in a table become `_`.
        path: The audio file, of any format; kept as a string, which needs a third of a Path.
        label: `bonafide` or `spoof`.
        attack: The system that made a spoof; `-` for bona fide speech.
        speaker: `-` if unknown.
        split: `train`, `dev`, `eval`, or empty if the corpus has no splits.
        source: Where the clip is listed, such as `protocol.tsv:12`, for messages.
        facts: Other facts by name: `codec`, `lang`, `phase`, ... Each becomes a table
            `utt2<name>`, by which stage 5 divides its results; `-` if unknown.
    """

    name: str
    path: str | Path
    label: str
    attack: str = NO_ATTACK
    speaker: str = UNKNOWN_SPEAKER
    split: str = ""
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))
        object.__setattr__(self, "facts", self.facts or _NO_FACTS)
        for name in ("label", "attack", "speaker", "split"):  # many clips share each word
            object.__setattr__(self, name, sys.intern(getattr(self, name)))


def safe_id(name: str) -> str:
    """Replaces every character that `fad.data.tables.check_id` refuses with `_`.

    A hash follows where letters of other scripts were replaced: names of one length would be the
    same without it.
    """
    safe = re.sub(r"^[-.]|[^A-Za-z0-9._+=@:-]", "_", name)
    if name.isascii():
        return safe
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{safe}-{digest}"


def is_audio(path: Path) -> bool:
    """Whether a file has an audio suffix and is not hidden."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def split_by_speaker(clips: Iterable[Clip], seed: int = 0) -> list[Clip]:
    """Splits clips 60/20/20 into train, dev and eval, keeping each speaker in one set.

    Speakers with many clips come first; ties are ordered by a hash of seed and name. Each speaker
    goes to the set that lacks most of its labels; among equals, to the one where these labels stay
    furthest below their share. A label with at least three speakers is therefore in every set, and
    the same clips are always split the same way.
    """
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        unknown = clip.speaker == UNKNOWN_SPEAKER
        by_speaker[f"clip {clip.name}" if unknown else f"speaker {clip.speaker}"].append(clip)

    def turn(speaker: str) -> tuple[int, bytes]:
        return -len(by_speaker[speaker]), hashlib.sha256(f"{seed} {speaker}".encode()).digest()

    taken: Counter[tuple[str, str]] = Counter()
    divided = []
    for speaker in sorted(by_speaker, key=turn):
        labels = Counter(clip.label for clip in by_speaker[speaker])
        split = min(SETS, key=partial(_need, labels, taken))
        taken.update({(split, label): count for label, count in labels.items()})
        divided += [replace(clip, split=split) for clip in by_speaker[speaker]]
    return divided


def _need(labels: Counter[str], taken: Counter[tuple[str, str]], split: str) -> tuple[int, float]:
    """A sort key for splits, for a speaker with these labels: the smallest value needs it most."""
    present = sum(taken[split, label] > 0 for label in labels)
    after = sum(taken[split, label] + count for label, count in labels.items())
    return present, after / SHARES[split]


def recipe_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that fad.sh gives to every recipe's local/prepare.py."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--corpus_dir", type=Path, metavar="DIR", help="where the corpus lies")
    add("--out", type=Path, default=Path("data"), help="folder of the data directories (data)")
    add("--nj", type=int, default=1, help="jobs, for a preparation that takes long (1)")
    return parser


def corpus_folder(args: argparse.Namespace) -> Path:
    """The value of --corpus_dir as an absolute path.

    Raises:
        FadError: it was not given, or is not a folder.
    """
    if args.corpus_dir is None:
        raise FadError("where is the corpus? Give --corpus_dir DIR; README.md shows its layout")
    if not args.corpus_dir.is_dir():
        raise FadError(
            f"--corpus_dir {args.corpus_dir}: no such folder: correct the path, or unpack the "
            "corpus there as README.md shows"
        )
    return args.corpus_dir.absolute()


def write_corpus(
    out: str | Path,
    corpus: str,
    clips: Sequence[Clip],
    sets: Sequence[str] = SETS,
    attack_corpus: str | None = None,
) -> None:
    """Checks clips and writes `<out>/<set>` for each set, with utterance ids `<corpus>-<name>`.

    Args:
        out: Folder of the data directories, `data` in a recipe.
        corpus: Name of the recipe.
        clips: All clips, each with a split among `sets`.
        sets: The sets to write.
        attack_corpus: The corpus that names the attacks, by default `corpus`: ASVspoof 2021 uses
            those of `asvspoof2019_la`.

    Raises:
        FadError: An audio file is missing, two names become the same, a split is unknown, or a set
            has no clip; before anything is written.
    """
    attack_corpus = attack_corpus or corpus
    _check_files(clips)
    facts = _fact_names(clips)
    tables: dict[str, dict[str, dict[str, str]]] = {name: defaultdict(dict) for name in sets}
    utts, speakers, attacks = _Names("utterance id"), _Names("speaker"), _Names("attack")
    for clip in clips:
        for kind, word, words in (("split", clip.split, sets), ("label", clip.label, LABELS)):
            if word not in words:
                raise FadError(f"{_where(clip)}{kind} '{word}': {nearest(word, words)}")
        utt = utts.add_new(f"{corpus}-{safe_id(clip.name)}", clip)
        table = tables[clip.split]
        table["wav.scp"][utt] = _absolute(clip.path)
        table["utt2label"][utt] = clip.label
        spoof, known = clip.attack != NO_ATTACK, clip.speaker != UNKNOWN_SPEAKER
        attack = attacks.add(clip.attack) if spoof else NO_ATTACK
        table["utt2attack"][utt] = name_attack(attack_corpus, attack) if spoof else NO_ATTACK
        table["utt2spk"][utt] = speakers.add(clip.speaker) if known else utt
        for fact in facts:
            table[f"utt2{fact}"][utt] = clip.facts.get(fact) or UNKNOWN_FACT
    for name in sets:
        _check_classes(name, Counter(tables[name]["utt2label"].values()))
    warn_of_shared(tables)
    for name in sets:
        warn_of_replaced(Path(out) / name, tables[name]["wav.scp"])
        write_data_dir(Path(out) / name, tables[name])
        _log_counts(Path(out) / name, tables[name])


class _Names:
    """Remembers the original of each safe name; refuses two originals with one safe name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.owner: dict[str, str] = {}
        self.clips: dict[str, Clip] = {}

    def add(self, name: str) -> str:
        safe = safe_id(name)
        if self.owner.setdefault(safe, name) != name:
            raise FadError(
                f"the {self.kind}s '{self.owner[safe]}' and '{name}' both become '{safe}': "
                "rename one of them"
            )
        return check_id(safe, self.kind)

    def add_new(self, safe: str, clip: Clip) -> str:
        if other := self.clips.get(safe):
            raise FadError(
                f"{_where(clip)}{clip.path}: {self.kind} '{safe}' is taken by "
                f"{_where(other)}{other.path}: remove one of them or give each its own id"
            )
        self.clips[safe] = clip
        return check_id(safe, f"{_where(clip)}{clip.path}: {self.kind}")


def _absolute(path: str | Path) -> str:
    return os.fspath(path) if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _where(clip: Clip) -> str:
    return f"{clip.source}: " if clip.source else ""


def _check_files(clips: Sequence[Clip]) -> None:
    if not clips:
        raise FadError("the corpus has no clip: is --corpus_dir the right folder?")
    for clip in clips:
        if control_character(str(clip.path)):
            raise FadError(f"{_where(clip)}{clip.path!r} has a control character: rename it")
        if not _is_utf8(str(clip.path)):
            raise FadError(f"{_where(clip)}{clip.path!a} is not UTF-8: rename it")
    missing = [clip for clip in clips if not is_file(clip.path)]
    if missing:
        more = f" ({len(missing)} of {len(clips)} are missing)" if len(missing) > 1 else ""
        raise FadError(
            f"{_where(missing[0])}no audio file {missing[0].path}{more}: "
            "correct the path or complete the corpus"
        )


def _is_utf8(text: str) -> bool:
    """Whether a path can be written to a table: Python has other bytes as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fact_names(clips: Sequence[Clip]) -> list[str]:
    """The names of all facts of the clips.

    Raises:
        FadError: A name cannot be part of a table's name, or such a table has another meaning.
    """
    names = sorted({name for clip in clips for name in clip.facts})
    for name in names:
        if not _FACT.fullmatch(name) or f"utt2{name}" in (*REQUIRED, LENGTHS, DIGESTS, STATES):
            raise FadError(
                f"'{name[:40]}' cannot be the name of a fact: use small letters, digits and _, and "
                "none of attack, digest, label, num_samples, spk, state"
            )
    return names


def _check_classes(name: str, counts: Counter[str]) -> None:
    lacking = [label for label in LABELS if not counts[label]]
    if len(lacking) == len(LABELS):
        raise FadError(
            f"the {name} set has no clip: move some there (with fewer than three speakers of a "
            "class, give each clip a split), or leave the set out"
        )
    if lacking:
        logger.warning(
            "the %s set has no %s clip among %d: it can be scored, but nothing can be trained or "
            "calibrated on it, and error rates need both classes",
            *(name, lacking[0], counts.total()),
        )


def _log_counts(directory: Path, table: dict[str, dict[str, str]]) -> None:
    labels = Counter(table["utt2label"].values())
    attacks = Counter(table["utt2attack"].values())
    short = short_attacks(attacks.keys() - {NO_ATTACK})
    shown = ", ".join(f"{short[attack]} {attacks[attack]}" for attack in sorted(short))
    summary = f"{labels['bonafide']} bona fide, {labels['spoof']} spoof ({shown})"
    logger.info("%s: %s, %s", directory, summary, count_speakers(table["utt2spk"]))
