"""fad's contenders: all that the bench knows of fad's detector is in this file."""

import torch
from torch import Tensor

from fad.config.resolve import load_config
from fad.encoders.boundary import FRONTEND, NONE, Boundary, block, needed_outputs
from fad.models.detector import Detector, build_detector
from tests.bench.work import Step, Work, scoring_step, training_step

TOP_HALF = range(13, 25)


def lora_dump(work: Work) -> Step:
    """LoRA from stored frontend frames."""
    return _from_frames(_lora(work), work)


def lora_ckpt(work: Work) -> Step:
    """The same, each block's activations computed again in the backward pass."""
    detector = _lora(work)
    detector.encoder.activation_checkpointing = True
    return _from_frames(detector, work)


def lora_audio(work: Work) -> Step:
    """LoRA from waveforms."""
    return _training(_lora(work), work.wav(), work.lens(), NONE)


def lora_block12(work: Work) -> Step:
    """LoRA in blocks 13 to 24 from the stored outputs of blocks up to 12 that are needed."""
    detector = _lora(work, f"adaptation_conf.blocks={list(TOP_HALF)}")
    below = TOP_HALF.start - 1
    needed = needed_outputs(block(below), detector.encoder.wanted)
    frames = _num_frames(detector, work)
    stored = torch.randn(work.batch, int(frames[0]), len(needed), detector.encoder.dim)
    return _training(detector, stored, frames, block(below))


def full(work: Work) -> Step:
    """Full tuning, from waveforms."""
    return _training(_detector(work, "full"), work.wav(), work.lens(), NONE)


def score(work: Work) -> Step:
    """The score of audio, LoRA merged."""
    return _scoring(_merged(work), work)


def score_int8(work: Work) -> Step:
    """The same with the linear layers of the blocks in 8 bits."""
    from fad.encoders.int8 import quantise

    detector = _merged(work)
    quantise(detector.encoder)
    return _scoring(detector, work)


def _detector(work: Work, method: str, *overrides: str) -> Detector:
    torch.manual_seed(0)
    return build_detector(load_config(method, list(overrides)), work.pretrained)


def _lora(work: Work, *more: str) -> Detector:
    conf = {"rank": work.rank, "alpha": 2 * work.rank, "dropout": 0.0}
    own = [f"adaptation_conf.{key}={value}" for key, value in conf.items()]
    own += ["adaptation_conf.target_modules=[q_proj, v_proj]", *more]
    return _detector(work, "lora", *own)


def _merged(work: Work) -> Detector:
    detector = _lora(work)
    detector.adaptation.merge()
    return detector.eval()


def _num_frames(detector: Detector, work: Work) -> Tensor:
    return detector.encoder.grid.num_frames(work.lens())


def _from_frames(detector: Detector, work: Work) -> Step:
    frames = _num_frames(detector, work)
    stored = torch.randn(work.batch, int(frames[0]), detector.encoder.grid.channels)
    return _training(detector, stored, frames, FRONTEND)


def _training(detector: Detector, inputs: Tensor, lens: Tensor, boundary: Boundary) -> Step:
    detector.train()
    return training_step(lambda: detector(inputs, lens, boundary), detector.trainable())


def _scoring(detector: Detector, work: Work) -> Step:
    wav, lens = work.wav(), work.lens()
    return scoring_step(lambda: detector(wav, lens, NONE))
