"""Records which weights made a set's scores, of which audio, and how.

So scores of another model or of other audio are detected. `<set>.weights.sha256` is beside the
scores, in the format of `sha256sum --check`. That program ignores lines that begin with #. Such a
line has the fingerprint of the audio; another has the scoring mode (`int8`, `fp32-compute2`) if it
is not float32 at full cost.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fad.data.fingerprint import audio_fingerprint
from fad.experiment.directory import ExperimentDir
from fad.experiment.names import WEIGHTS
from fad.utils.errors import FadError
from fad.utils.files import sha256_file, write_text

FP32, INT8 = "fp32", "int8"
PRECISIONS = (FP32, INT8)
_RECORD = re.compile(
    r"(?:# precision (?P<mode>[a-z0-9-]+)\n)?(?:# audio (?P<audio>[0-9a-f]{64})\n)?"
    r"(?P<weights>[0-9a-f]{64})  best\.safetensors\n"
)


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


@dataclass(frozen=True)
class Record:
    """What made a set's scores.

    Attributes:
        mode: the scoring mode, as text.
        audio: the fingerprint of the audio; None in a record of an older version.
        weights: the sha256 of the weights.
    """

    mode: str
    audio: str | None
    weights: str


def record_scoring(
    model: ExperimentDir, scores: Path, audio: Path, mode: ScoringMode = FULL
) -> None:
    """Writes a record beside a set's scores.

    Args:
        model: the experiment of the model.
        scores: the set's file of scores.
        audio: the set's `dump/audio/<set>`.
        mode: the scoring mode.
    """
    note = "" if mode == FULL else f"# precision {mode}\n"
    note += f"# audio {audio_fingerprint(audio)}\n"
    write_text(_path(scores), f"{note}{model.weights_sha256()}  {WEIGHTS}\n")


def recorded_weights(scores: Path) -> str | None:
    """The sha256 of the weights that made a set's scores; None without a record.

    Raises:
        FadError: the record is damaged.
    """
    found = _read_record(scores)
    return None if found is None else found.weights


def check_weights(model: ExperimentDir, scores: Path) -> Record:
    """Checks that the current weights of `model` made the scores; returns their record.

    Raises:
        FadError: other weights made them, or there is no record.
    """
    sha256, found = model.weights_sha256(), _read_record(scores)
    if found is None:
        raise FadError(f"{scores}: without {_path(scores).name} beside it: run stage 4 again")
    if found.weights != sha256:
        raise FadError(f"{scores}: of other weights than {model.weights}: run stage 4 again")
    return found


def check_scores(model: ExperimentDir, scores: Path, audio: Path) -> None:
    """Checks that the current weights of `model` made the scores, of the audio of this dump.

    Raises:
        FadError: other weights made them, or of other audio, or there is no record.
    """
    if check_weights(model, scores).audio != audio_fingerprint(audio):
        raise FadError(f"{scores}: of other audio than {audio} has now: run stage 4 again")


def why_not_scored(
    model: ExperimentDir, scores: Path, audio: Path, mode: ScoringMode = FULL
) -> str | None:
    """Why a set has to be scored; None if it has scores of these weights, audio and mode.

    Args:
        model: the experiment of the model.
        scores: the set's file of scores.
        audio: the set's `dump/audio/<set>`.
        mode: the scoring mode.

    Raises:
        FadError: the model or the dump cannot be read.
    """
    if not scores.is_file():
        return f"{scores} is not there"
    try:
        check_scores(model, scores, audio)
        found = _read_record(scores)
    except FadError as error:
        return str(error)
    if found is None or found.mode != str(mode):
        return f"{scores}: was not made in {mode}"
    return None


def _read_record(scores: Path) -> Record | None:
    path = _path(scores)
    if not path.is_file():
        return None
    found = _RECORD.fullmatch(path.read_bytes().decode("ascii", errors="replace"))
    if not found:
        raise FadError(f"{path}: no sha256 of weights: score the set again")
    return Record(found["mode"] or FP32, found["audio"], found["weights"])


def _path(scores: Path) -> Path:
    return scores.with_name(f"{scores.name}.weights.sha256")
