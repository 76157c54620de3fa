"""Keys: the truth about each trial, from the organisers' files or from a table.

The files of ASVspoof have no header and are recognised by their columns: 2019's protocols
(`ASVspoof2019.LA.cm.eval.trl.txt`), 2021's keys of each track (`CM/trial_metadata.txt`, columns
as in the README of the organisers' evaluation package) and ASVspoof 5's protocols
(`ASVspoof5.eval.track_1.tsv`, columns as in the README of the database). A table with a header,
with tabs, commas or spaces, is recognised by the names of its columns; `utt label` needs no header.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad.data.tables import NO_ATTACK
from fad.evaluation.trials.columns_file import DROPPED, LOGITS, ColumnsFile, read_columns_file
from fad.utils.errors import FadError

ASVSPOOF2019 = ("speaker", "utt", "environment", "attack", "label")
ASVSPOOF2021_LA = ("speaker", "utt", "codec", "transmission", "attack", "label", DROPPED, "phase")
ASVSPOOF2021_PA = (
    *("speaker", "utt", "room", "microphone", "distance"),
    *("attacker_room", "attacker_microphone", "replay_device", "attacker_distance"),
    *("label", "trim", "phase"),
)
ASVSPOOF2021_DF = (
    *("speaker", "utt", "codec", "source", "attack", "label", DROPPED, "phase"),
    *("vocoder", DROPPED, DROPPED, DROPPED, "lang"),
)
ASVSPOOF5 = (
    *("speaker", "utt", "gender", "codec", DROPPED, DROPPED, DROPPED),
    *("attack", "label", DROPPED),
)
LAYOUTS = (
    ("utt",),
    ("utt", "label"),
    ASVSPOOF2019,
    ASVSPOOF2021_LA,
    ASVSPOOF2021_PA,
    ASVSPOOF2021_DF,
    ASVSPOOF5,
)
NO_ATTACK_WORDS = (NO_ATTACK, "", "bonafide")  # what keys have as the attack of bona fide speech
_KEPT = ("attack", "speaker", "phase")  # kept even if all trials have the same value
_NO_COLUMN = ("utt", "score", "label", "trim", *LOGITS)


@dataclass(frozen=True)
class Key:
    """The contents of a key: what is known about the trials of a set.

    Attributes:
        path: the file.
        labels: `bonafide` or `spoof` by utterance.
        columns: further columns by name (`attack`, `speaker`, `codec`, `phase`, ...): value by
            utterance.
    """

    path: Path
    labels: dict[str, str]
    columns: Mapping[str, Mapping[str, str]]


def read_key(
    path: str | Path, chosen: Mapping[str, str] | None = None, bonafide: str | None = None
) -> Key:
    """Reads a key.

    Args:
        path: a file of one of the `LAYOUTS`, or with a header.
        chosen: the header's column by name, as `read_columns_file` takes it.
        bonafide: which of the labels 0 and 1 is bona fide, if labels are numbers.

    Raises:
        FadError: as `read_columns_file`; a list of trials without labels; an unknown label; an
            attack that does not fit its label.
    """
    file = read_columns_file(path, LAYOUTS, ("utt", "label"), chosen, "--key_columns")
    if "label" not in file.columns:
        raise FadError(
            f"{path}: a list of trials, without labels: give the key, such as ASVspoof 2021's "
            "CM/trial_metadata.txt"
        )
    labels = file.labels(bonafide)
    by_utt = dict(zip(file.columns["utt"], labels, strict=True))
    return Key(file.path, by_utt, columns_of(file, labels))


def columns_of(file: ColumnsFile, labels: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """The columns of a file besides score and label: by name, value by utterance.

    A column with the same value for all trials is left out, unless it is attack, speaker or phase.
    The word `bonafide`, which keys write in columns about spoofs, becomes `-`.

    Args:
        file: the file.
        labels: `bonafide` or `spoof` of each row, None if the file has no labels.

    Raises:
        FadError: bona fide speech has an attack, or spoofed speech the attack `bonafide`.
    """
    utts = file.columns["utt"]
    found = {}
    for name, cells in file.columns.items():
        if name in _NO_COLUMN or (name not in _KEPT and len(set(cells)) < 2):
            continue
        if name == "attack":
            _check_attacks(file, cells, labels or ())
        if name == "phase" and "trim" in file.columns:
            cells = list(map(pa_phase, cells, file.columns["trim"]))
        values = (NO_ATTACK if cell in NO_ATTACK_WORDS else cell for cell in cells)
        found[name] = dict(zip(utts, values, strict=True))
    return found


def _check_attacks(file: ColumnsFile, attacks: Sequence[str], labels: Sequence[str]) -> None:
    for row, (attack, label) in enumerate(zip(attacks, labels, strict=False)):
        if label == "bonafide" and attack not in NO_ATTACK_WORDS:
            raise FadError(
                f"{file.place(row)}: attack '{attack[:40]}' of bona fide speech: are the columns "
                f"in another order? Expected is '{NO_ATTACK}' there"
            )
        if label == "spoof" and attack == "bonafide":
            raise FadError(f"{file.place(row)}: attack 'bonafide' of spoofed speech: mend the key")


def pa_phase(phase: str, trim: str) -> str:
    """Distinguishes PA's two hidden subsets: simulated replay, and real replay (trimmed)."""
    hidden = {"notrim": "hidden1", "trim": "hidden2"}
    return hidden.get(trim, phase) if phase == "hidden" else phase
