"""The clauses of the adaptation contract as functions, so that planted faults can be held to them.

Each takes detectors and returns what breaks the clause: an empty result means that it holds.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from fad.adaptation.base import TrainState
from fad.models.detector import Detector

LABELS = torch.tensor([0, 1, 1])


def padded_batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three clips (3, S) of noise with lengths (3,), padded with zeros."""
    lens = torch.tensor([4000, 3000, 2400])
    wav = torch.randn(3, 4000, generator=torch.Generator().manual_seed(seed))
    return wav * (torch.arange(4000) < lens[:, None]), lens


def real_frames(detector: Detector) -> list[Tensor]:
    """What the back-end gets of the padded batch, real frames only, each (N, D)."""
    with torch.no_grad():
        hidden, lens = detector.encoder(*padded_batch())
        hidden = detector.adaptation.outputs(hidden, lens)
    return [torch.cat([x[i, :n] for i, n in enumerate(lens)]) for x in hidden]


def largest_difference(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> float:
    """The largest absolute difference between tensors in pairs."""
    pairs = zip(ours, theirs, strict=True)
    return max((a.float() - b.float()).abs().max().item() for a, b in pairs)


def step_0_difference(ours: Detector, base: Detector) -> float:
    """Clause: at step 0 the back-end gets what the base model gives; of one output, its last."""
    given = real_frames(ours)
    return largest_difference(given, real_frames(base)[-len(given) :])


def logits(detector: Detector) -> Tensor:
    """(3, 2) on the padded batch, without gradient and in the mode that the detector is in."""
    with torch.no_grad():
        return detector(*padded_batch())


def train_steps(detector: Detector, steps: int = 2, lr: float = 1e-2) -> dict[str, float]:
    """Takes AdamW steps, each followed by `after_step`, with dropout and draws seeded by the step.

    Returns:
        Each owned parameter's largest absolute gradient (0 if None).
    """
    detector.train()
    optimizer = torch.optim.AdamW(detector.trainable(), lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _step: 1.0)
    largest = dict.fromkeys(detector.adaptation.owned(), 0.0)
    for step in range(steps):
        torch.manual_seed(step)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(detector(*padded_batch(step)), LABELS).backward()
        for name, value in detector.adaptation.owned().items():
            if value.grad is not None:
                largest[name] = max(largest[name], value.grad.abs().max().item())
        optimizer.step()
        schedule.step()
        detector.adaptation.after_step(TrainState(step + 1, steps, optimizer, schedule))
    return largest


def without_gradient(gradients: dict[str, float], excused: tuple[str, ...] = ()) -> list[str]:
    """Clause: within two steps every owned parameter has a gradient that is not zero."""
    return [name for name, size in gradients.items() if size == 0.0 and not name.endswith(excused)]


def frozen_state(detector: Detector) -> dict[str, Tensor]:
    """A copy of all in the encoder that the method does not save: parameters and buffers."""
    saved = {id(value) for value in detector.adaptation.saved().values()}
    tensors = [*detector.encoder.named_parameters(), *detector.encoder.named_buffers()]
    return {name: value.detach().clone() for name, value in tensors if id(value) not in saved}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> list[str]:
    """Clause: what is not saved of the base is bit-identical after training."""
    assert before.keys() == after.keys()
    return [name for name in before if not torch.equal(before[name], after[name])]


def reload_difference(trained: Detector, fresh: Detector) -> float:
    """Clause: saved while in eval, put into a fresh build in eval, the scores are the same."""
    trained.eval()
    wanted, saved = logits(trained), trained.trained_state()
    fresh.eval().load_trained_state({name: x.clone() for name, x in saved.items()}, "memory")
    return (logits(fresh) - wanted).abs().max().item()


def whole_reload_difference(trained: Detector, fresh: Detector) -> float:
    """The same with torch's own `state_dict` of everything, which a method must not break."""
    trained.eval()
    wanted, saved = logits(trained), trained.state_dict()
    fresh.load_state_dict({name: x.clone() for name, x in saved.items()})
    return (logits(fresh.eval()) - wanted).abs().max().item()


def padding_difference(detector: Detector) -> float:
    """Clause: an utterance padded in a batch scores as it does alone."""
    detector.eval()
    wav, lens = padded_batch()
    with torch.no_grad():
        alone = [detector(wav[i : i + 1, :n], lens[i : i + 1]) for i, n in enumerate(lens)]
    return (torch.cat(alone) - logits(detector)).abs().max().item()
