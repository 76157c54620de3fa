"""Prepares a waveform, in the same way for dumping, training and scoring."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fad.data.lengths import MIN_SAMPLES
from fad.encoders.base import FAIRSEQ_EPS


def prepare_waveform(wav: np.ndarray, normalize: bool, eps: float = FAIRSEQ_EPS) -> Tensor:
    """Normalises the whole utterance if the checkpoint asks for it, and repeats a short one.

    Args:
        wav: (S,) float32 at 16 kHz.
        normalize: whether to scale to zero mean and unit variance over the utterance.
        eps: what is added to the variance then; `normalize_eps` of the encoder.

    Returns:
        (max(S, 64,600),) float32; a short utterance is repeated and cut to 64,600 samples.
    """
    x = torch.from_numpy(np.ascontiguousarray(wav, dtype=np.float32))
    if normalize:
        x = F.layer_norm(x, x.shape, eps=eps)
    if len(x) < MIN_SAMPLES:
        x = x.repeat(-(-MIN_SAMPLES // len(x)))[:MIN_SAMPLES]
    return x
