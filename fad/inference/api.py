"""What `import fad` offers: a trained detector that scores files and arrays."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from fad.data.audio import SAMPLE_RATE, read_audio, resample
from fad.data.level import with_level
from fad.experiment.scores import FP32
from fad.inference.loading import load_for_scoring
from fad.inference.scoring import check_finite, score_waveform
from fad.models.detector import Detector
from fad.utils.errors import FadError


class Scorer:
    """A trained detector that is ready to score; see `load`. Higher scores mean bona fide.

    Attributes:
        model: the detector in torch, on its device and in eval mode.
        device: where it scores.
    """

    def __init__(self, model: Detector, device: torch.device) -> None:
        self.model, self.device = model, device

    def score(self, audio: str | Path | np.ndarray, rate: int = SAMPLE_RATE) -> float:
        """The score of one recording: by default logit[bonafide] - logit[spoof].

        Args:
            audio: a file of any format, or samples (S,) float in [-1, 1], one channel.
            rate: samples a second of an array; a file has its own.

        Raises:
            FadError: the file cannot be read, the array is not such audio, or the score is not
                finite.
        """
        name = "the array" if isinstance(audio, np.ndarray) else str(audio)
        wav = _checked(audio, rate) if isinstance(audio, np.ndarray) else read_audio(audio)
        score = score_waveform(self.model, wav, self.device)
        check_finite([name], np.array([score]))
        return score

    def score_files(self, paths: Iterable[str | Path]) -> Iterator[tuple[str, float]]:
        """Yields each path with its score, one after another.

        It ends at the first file that cannot be scored. To go on after such a file, call `score`
        for each file and catch its error.

        Raises:
            FadError: a file cannot be read or scored; the text names it.
        """
        for path in paths:
            yield str(path), self.score(path)


def load(
    model: str | Path,
    pretrained: str | Path | None = None,
    device: str | torch.device = "cpu",
    precision: str = FP32,
    compute: int = 1,
) -> Scorer:
    """Loads an `exp/<tag>` that stage 3 made.

        detector = fad.load("egs/mini/exp/demo_lora")
        print(detector.score("a.wav"))

    Args:
        model: has `config.yaml` and `best.safetensors`.
        pretrained: the pre-trained file, if it has moved since training.
        device: torch's name of the device, such as `cuda`; on a GPU this turns TF32 off for the
            process.
        precision: `fp32`, or `int8` in the encoder's blocks on a CPU.
        compute: for the method `stochastic`: pools time by factors up to this one.

    Raises:
        FadError: the model cannot be read, or cannot score in that way.
    """
    try:
        place = torch.device(device)
    except RuntimeError:
        raise FadError(
            f"device '{device}': give a name that torch knows, such as cpu or cuda"
        ) from None
    base = None if pretrained is None else Path(pretrained)
    return Scorer(load_for_scoring(Path(model), base, place, precision, compute), place)


def _checked(wav: np.ndarray, rate: int) -> np.ndarray:
    """Checks samples (S,) and resamples them to 16 kHz, (S',) float32."""
    if wav.ndim != 1 or not len(wav) or not np.issubdtype(wav.dtype, np.floating):
        raise FadError(
            f"the array has shape {wav.shape} and type {wav.dtype}: give samples (S,) as floats "
            "from -1 to 1, one channel"
        )
    if not np.isfinite(wav).all():
        raise FadError("the array has samples that are not finite")
    if type(rate) is not int or rate < 1:
        raise FadError(f"rate is {rate}: give samples a second, such as 16000")
    return with_level("the array", resample(wav.astype(np.float32, copy=False), rate))
