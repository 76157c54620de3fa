"""The scored trials of one set: scores joined with labels and further columns."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fad.data.tables import NO_ATTACK, check_same_keys
from fad.utils.errors import FadError, nearest

UNKNOWN = "-"
"""The value of a column that is not known, and of bona fide trials in a column about spoofs."""
HEADLINE_PHASE = "eval"
"""The phase of a challenge's results, if a set has several (ASVspoof 2021)."""


@dataclass(frozen=True)
class Trials:
    """The trials of one set, as vectors of one length N.

    Attributes:
        name: where the trials come from, for messages.
        utts: (N,) str as objects, sorted.
        scores: (N,) float64, higher is more bona fide.
        is_bonafide: (N,) bool.
        columns: (N,) str by name: `attack`, `speaker`, `codec`, `lang`, `phase`, ...; only those
            that are known.
    """

    name: str
    utts: np.ndarray
    scores: np.ndarray
    is_bonafide: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def attacks(self) -> np.ndarray | None:
        """(N,) names of attacks, None if they are not known."""
        return self.columns.get("attack")

    @property
    def speakers(self) -> np.ndarray | None:
        """(N,) names of speakers, None if none is known; the utterance's for an unknown one."""
        names = self.columns.get("speaker")
        if names is None or (names == UNKNOWN).all():
            return None
        unknown = names == UNKNOWN
        return np.where(unknown, self.utts, names) if unknown.any() else names

    @property
    def bonafide(self) -> np.ndarray:
        """(N_b,) float64, scores of the bona fide trials."""
        return self.scores[self.is_bonafide]

    @property
    def spoof(self) -> np.ndarray:
        """(N_s,) float64, scores of the spoofed trials."""
        return self.scores[~self.is_bonafide]

    @property
    def has_both_classes(self) -> bool:
        """Whether there are bona fide and spoofed trials."""
        return bool(self.is_bonafide.any() and not self.is_bonafide.all())

    def spoofs_of(self, attacks: Set[str]) -> np.ndarray:
        """(N,) bool, the spoofed trials of these attacks; none where attacks are not known."""
        if self.attacks is None:
            return np.zeros_like(self.is_bonafide)
        return ~self.is_bonafide & np.isin(self.attacks, sorted(attacks))

    def spoof_attacks(self) -> list[str]:
        """Names of the spoofs' attacks, sorted; empty if they are not known."""
        if self.attacks is None:
            return []
        return sorted(set(self.attacks[~self.is_bonafide].tolist()) - {NO_ATTACK})

    def subset(self, which: np.ndarray) -> "Trials":
        """Selects trials by a mask (N,) bool or by indices (M,) int."""
        columns = {name: column[which] for name, column in self.columns.items()}
        return replace(
            self,
            utts=self.utts[which],
            scores=self.scores[which],
            is_bonafide=self.is_bonafide[which],
            columns=columns,
        )


def make_trials(
    name: str,
    scores: Mapping[str, float],
    labels: Mapping[str, str],
    columns: Mapping[str, Mapping[str, str]] | None = None,
    files: Mapping[str, str | Path | None] | None = None,
) -> Trials:
    """Joins tables by utterance.

    Args:
        name: where the scores come from, for messages.
        scores: score by utterance.
        labels: `bonafide` or `spoof` by utterance.
        columns: further tables by utterance, such as `attack`, `speaker`, `codec`, `phase`; the
            `attack` of bona fide trials is not used.
        files: the files of the `labels` and of the columns, by their names, for messages.

    Raises:
        FadError: the tables have different utterances, or none.
    """
    columns = columns or {}
    named = {
        str((files or {}).get(kind) or f"the {kind} of {name}"): table
        for kind, table in ({"labels": labels} | dict(columns)).items()
    }
    try:
        check_same_keys({name: scores, **named})
    except FadError as error:
        raise FadError(f"{error}: score exactly the trials that the labels name") from error
    if not scores:
        raise FadError(f"{name}: no trial: score the set")
    utts = sorted(scores)
    return Trials(
        name=name,
        utts=np.array(
            utts, dtype=object
        ),  # in an array of <U, one long name makes all entries long
        scores=np.array([scores[utt] for utt in utts], dtype=np.float64),
        is_bonafide=np.array([labels[utt] == "bonafide" for utt in utts], dtype=bool),
        columns={key: np.array([table[utt] for utt in utts]) for key, table in columns.items()},
    )


def check_classes(trials: Trials, phase: str | None = None) -> None:
    """Checks that both classes have trials; `phase` is for the message.

    Raises:
        FadError: a class has none.
    """
    for kind, mask in (("bona fide", trials.is_bonafide), ("spoofed", ~trials.is_bonafide)):
        if not mask.any():
            raise FadError(
                f"{trials.name}{f', phase {phase}' if phase else ''}: no {kind} trial: error rates "
                "need trials of both classes"
            )


def choose_phase(trials: Trials, phase: str | None = None) -> str | None:
    """Chooses the phase of the results; None if the trials have no phases.

    Args:
        trials: the trials.
        phase: the phase wanted; by default `eval`, else the only phase.

    Raises:
        FadError: there is no such phase, or none is wanted and there are several without `eval`.
    """
    known = [] if "phase" not in trials.columns else sorted(set(trials.columns["phase"].tolist()))
    if phase is not None:
        if phase not in known:
            raise FadError(f"{trials.name}: phase '{phase}': {_hint(phase, known)}")
        return phase
    if not known or HEADLINE_PHASE in known:
        return HEADLINE_PHASE if known else None
    if len(known) > 1:
        raise FadError(f"{trials.name}: has the phases {', '.join(known)}: say which with --phase")
    return known[0]


def of_phase(trials: Trials, phase: str | None) -> Trials:
    """The trials of a phase; all trials if it is None."""
    if phase is None:
        return trials
    return trials.subset(trials.columns["phase"] == phase)


def _hint(phase: str, known: list[str]) -> str:
    return nearest(phase, known) if known else "the trials have no phases: give a key that has them"
