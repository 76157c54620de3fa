"""Keys: what is true of each trial, from the organisers' own files or from a table.

The files of ASVspoof have no header and are known by their shape: 2019's protocols
(`ASVspoof2019.LA.cm.eval.trl.txt`), 2021's keys of each track (`CM/trial_metadata.txt`, columns
as in the README of the organisers' evaluation package) and ASVspoof 5's protocols
(`ASVspoof5.eval.track_1.tsv`, columns as in the README of the database). A table with a header,
of tabs, commas or spaces, is known by the names of its columns; `utt label` needs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad.data.tables import NO_ATTACK
from fad.evaluation.trials.columns_file import DROPPED, LOGITS, Sheet, read_sheet
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
NO_ATTACK_WORDS = (NO_ATTACK, "", "bonafide")  # what keys say of the attack of bona fide speech
_KEPT = ("attack", "speaker", "phase")  # also where all trials have the same
_NO_COLUMN = ("utt", "score", "label", "trim", *LOGITS)


@dataclass(frozen=True)
class Key:
    """What is known of the trials of a set.

    Attributes:
        path: the file that says so.
        labels: `bonafide` or `spoof` by utterance.
        columns: by name (`attack`, `speaker`, `codec`, `phase`, ...) the value by utterance.
    """

    path: Path
    labels: dict[str, str]
    columns: dict[str, dict[str, str]]


def read_key(
    path: str | Path, chosen: Mapping[str, str] | None = None, bonafide: str | None = None
) -> Key:
    """Reads a key.

    Args:
        path: a file of one of the `LAYOUTS`, or with a header.
        chosen: the header's column by name, as `read_sheet` takes it.
        bonafide: which of the labels 0 and 1 is bona fide, where they are numbers.

    Raises:
        FadError: as `read_sheet`; a list of trials without labels; an unknown label; an attack
            that does not fit its label.
    """
    sheet = read_sheet(path, LAYOUTS, ("utt", "label"), chosen, "--key_columns")
    if "label" not in sheet.columns:
        raise FadError(
            f"{path}: a list of trials, without labels: give the key, such as ASVspoof 2021's "
            "CM/trial_metadata.txt"
        )
    labels = sheet.labels(bonafide)
    by_utt = dict(zip(sheet.columns["utt"], labels, strict=True))
    return Key(sheet.path, by_utt, columns_of(sheet, labels))


def columns_of(sheet: Sheet, labels: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """What a sheet says of its trials besides score and label, by name and utterance.

    A column in which all trials have the same is left out, but for attack, speaker and phase.
    The word `bonafide`, with which keys fill the columns of spoofs, becomes `-`.

    Args:
        sheet: the file.
        labels: `bonafide` or `spoof` of each row, None where it does not say.

    Raises:
        FadError: bona fide speech has an attack, or spoofed speech the attack `bonafide`.
    """
    utts = sheet.columns["utt"]
    found = {}
    for name, cells in sheet.columns.items():
        if name in _NO_COLUMN or (name not in _KEPT and len(set(cells)) < 2):
            continue
        if name == "attack":
            _check_attacks(sheet, cells, labels or ())
        if name == "phase" and "trim" in sheet.columns:
            cells = list(map(pa_phase, cells, sheet.columns["trim"]))
        values = (NO_ATTACK if cell in NO_ATTACK_WORDS else cell for cell in cells)
        found[name] = dict(zip(utts, values, strict=True))
    return found


def _check_attacks(sheet: Sheet, attacks: Sequence[str], labels: Sequence[str]) -> None:
    for row, (attack, label) in enumerate(zip(attacks, labels, strict=False)):
        if label == "bonafide" and attack not in NO_ATTACK_WORDS:
            raise FadError(
                f"{sheet.place(row)}: attack '{attack[:40]}' of bona fide speech: are the columns "
                f"in another order? Expected is '{NO_ATTACK}' there"
            )
        if label == "spoof" and attack == "bonafide":
            raise FadError(f"{sheet.place(row)}: attack 'bonafide' of spoofed speech: mend the key")


def pa_phase(phase: str, trim: str) -> str:
    """Tells PA's two hidden subsets apart: simulated replay, and real replay (trimmed)."""
    hidden = {"notrim": "hidden1", "trim": "hidden2"}
    return hidden.get(trim, phase) if phase == "hidden" else phase
