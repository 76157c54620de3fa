"""Records which weights made a set's scores, and how, to detect scores of another model.

`<set>.weights.sha256` is beside the scores, in the format of `sha256sum --check`. That program
ignores lines that begin with #. Such a line has the scoring mode (`int8`, `fp32-compute2`) if it is
not float32 at full cost.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fad.experiment.directory import ExperimentDir
from fad.experiment.names import WEIGHTS
from fad.utils.errors import FadError
from fad.utils.files import sha256_file, write_text

FP32, INT8 = "fp32", "int8"
PRECISIONS = (FP32, INT8)
_RECORD = re.compile(rb"(?:# precision ([a-z0-9-]+)\n)?([0-9a-f]{64})  best\.safetensors\n")


@dataclass(frozen=True)
class ScoringMode:
    """What scores depend on besides the weights and the audio; as text `fp32`, `int8-compute2`.

    Attributes:
        precision: one of `PRECISIONS`.
        compute: the largest factor of pooling over time; 1 is full cost.
    """

    precision: str = FP32
    compute: int = 1

    def __str__(self) -> str:
        return self.precision if self.compute == 1 else f"{self.precision}-compute{self.compute}"


FULL = ScoringMode()


def describe_scoring(model: ExperimentDir, mode: ScoringMode = FULL) -> list[str]:
    """What scores depend on besides the audio, as lines; the weights name the pre-trained file.

    Raises:
        FadError: the config or the weights are missing.
    """
    model.check_model()
    files = (model.config, model.weights)
    return [f"precision {mode}", *(f"{path.name} {sha256_file(path)}" for path in files)]


def record_weights(model: ExperimentDir, scores: Path, mode: ScoringMode = FULL) -> None:
    """Writes the sha256 of the model's weights beside a set's scores, and the scoring mode."""
    note = "" if mode == FULL else f"# precision {mode}\n"
    write_text(_record(scores), f"{note}{model.weights_sha256()}  {WEIGHTS}\n")


def recorded_weights(scores: Path) -> str | None:
    """The sha256 of the weights that made a set's scores; None without a record.

    Raises:
        FadError: the record is damaged.
    """
    found = _read_record(scores)
    return None if found is None else found[1]


def check_weights(model: ExperimentDir, scores: Path) -> None:
    """Checks that the current weights of `model` made the scores.

    Raises:
        FadError: other weights made them, or there is no record.
    """
    sha256 = model.weights_sha256()
    recorded = recorded_weights(scores)
    if recorded is None:
        raise FadError(f"{scores}: without {_record(scores).name} beside it: run stage 4 again")
    if recorded != sha256:
        raise FadError(f"{scores}: of other weights than {model.weights}: run stage 4 again")


def is_scored(model: ExperimentDir, scores: Path, audio: Path, mode: ScoringMode = FULL) -> bool:
    """Whether a set has scores of the current weights and this mode that are newer than its dump.

    Args:
        model: the experiment of the model.
        scores: the set's file of scores.
        audio: the set's `dump/audio/<set>`.
        mode: the scoring mode.
    """
    if not scores.is_file() or _changed(scores) <= _changed(audio / "wav.scp"):
        return False
    try:
        return _read_record(scores) == (str(mode), model.weights_sha256())
    except FadError:
        return False


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _read_record(scores: Path) -> tuple[str, str] | None:
    """Scoring mode and sha256 of the weights; None without a record."""
    record = _record(scores)
    if not record.is_file():
        return None
    found = _RECORD.fullmatch(record.read_bytes())
    if not found:
        raise FadError(f"{record}: no sha256 of weights: score the set again")
    return (found[1] or FP32.encode()).decode(), found[2].decode()


def _record(scores: Path) -> Path:
    return scores.with_name(f"{scores.name}.weights.sha256")
