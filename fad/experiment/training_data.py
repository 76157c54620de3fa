"""The data of training: recorded by stage 3, read by stage 5."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from fad.data.attacks import read_attacks
from fad.data.fingerprint import fingerprint
from fad.data.leaks import known_speakers
from fad.data.tables import NO_ATTACK, read_labels, read_table
from fad.experiment.directory import ExperimentDir
from fad.experiment.summary import TRAINING_DATA, read_train_summary
from fad.utils.errors import FadError

logger = logging.getLogger(__name__)


def describe_training_data(audio: Path, dev: Path) -> dict[str, Any]:
    """The names of both sets, and the training set's clips of each class, speakers and attacks.

    Args:
        audio: the training set's data directory.
        dev: the dev set's data directory.

    Raises:
        FadError: a table is missing or malformed.
    """
    labels = Counter(read_labels(audio / "utt2label").values())
    attacks = set(read_attacks(audio / "utt2attack").values()) - {NO_ATTACK}
    return {
        "train_set": audio.name,
        "dev_set": dev.name,
        "bonafide": labels["bonafide"],
        "spoof": labels["spoof"],
        "speakers": len(known_speakers(read_table(audio / "utt2spk"))),
        "attacks": sorted(attacks),
    }


def read_training_data(exp: ExperimentDir, dump: Path) -> dict[str, Any] | None:
    """Reads the `describe_training_data` that stage 3 recorded.

    An older experiment has no record. The dump is then described instead, if it is still the data
    that the model was trained on; otherwise the result is None, with a warning.

    Args:
        exp: the experiment.
        dump: the recipe's `dump`, for an experiment without the record.

    Raises:
        FadError: the experiment has no summary, or a table is malformed.
    """
    recorded = read_train_summary(exp).get(TRAINING_DATA)
    if recorded is not None:
        return recorded
    reason = _why_not(exp, dump)
    if reason is None:
        sets = [dump / "audio" / name for name in exp.trained_on()]  # one, where dev is train
        return describe_training_data(sets[0], sets[-1])
    logger.warning(
        "%s: does not say which attacks it was trained on, and %s: seen and unseen attacks are not "
        "told apart; run stage 3 again, which only adds the record",
        exp.summary,
        reason,
    )
    return None


def check_same_data(exp: ExperimentDir, scores: Path, audio: Path) -> None:
    """Checks that a set that the model was trained or chosen on is what it was then.

    Sets of other names, which only test the model, may be anything.

    Args:
        exp: the experiment.
        scores: the set's file of scores; its name in `exp/<tag>/scores` is the name of the set.
        audio: the set's `dump/audio/<set>` now.

    Raises:
        FadError: the dump has other clips or labels than the set had in training.
    """
    for name, recorded in exp.trained_on_if_known().items():
        if scores.resolve() == exp.scores(name).resolve() and fingerprint(audio) != recorded:
            raise FadError(
                f"{audio}: not the {name} set that {exp.path} was trained with (other clips or "
                "labels): bring its data back by stages 1 and 2, score without it by --calibrate "
                "false, or train on the new data with another --tag"
            )


def training_audio(exp: ExperimentDir, dump: Path) -> Path | None:
    """The dump of the set that the model was trained on; None if it is other data now, or gone.

    Args:
        exp: the experiment.
        dump: the recipe's `dump`.
    """
    sets = exp.trained_on_if_known()
    if not sets:
        return None
    train = dump / "audio" / next(iter(sets))
    try:
        return train if fingerprint(train) == sets[train.name] else None
    except FadError:
        return None


def _why_not(exp: ExperimentDir, dump: Path) -> str | None:
    """Why the dump is not the data that the model was trained on; None if it is."""
    try:
        sets = exp.trained_on()
        name = next(iter(sets))
        if fingerprint(dump / "audio" / name) != sets[name]:
            return f"{dump / 'audio' / name} is other data now"
    except FadError as error:
        return str(error)
    return None
