"""Distils the factors of PELA from the whole encoder, on speech without labels (arXiv 2310.10700).

The loss of a step, over the n blocks and their m linear layers, is

    1/n sum_i MSE(student's z_i, teacher's z_i) + 1/m sum_j (max |W_l W_r - W|_j - 1e-3)^2,

Both terms have weight 1, as in the authors' program for Swin. The margin is that of their program
for ALBEF (each of their programs has its own; DeiT's has no second term). Their third term, the
teacher's pre-training task, is left out.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fad.adaptation.pela import PELA, read_factors
from fad.config import registry
from fad.config.resolve import difference
from fad.data.batches import Batch, EpochBatches, RandomCrops, training_loader
from fad.data.sources import AudioSource
from fad.encoders.boundary import FRONTEND
from fad.encoders.checkpoint import pretrained_sha256, read_checkpoint
from fad.models.detector import write_weights
from fad.train.schedules import warmup_cosine
from fad.train.stopping import Stopped, StopSignals
from fad.utils.devices import autocast
from fad.utils.errors import FadError
from fad.utils.files import atomic_path
from fad.utils.locks import held
from fad.utils.masks import padding_mask
from fad.utils.memory import let_pass
from fad.utils.progress import progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DistillSettings:
    """The options of distillation; see `fad.bin.distill --help`.

    Raises:
        FadError: a number is out of its range.
    """

    c: float
    steps: int
    batch_size: int
    lr: float
    seed: int
    crop_samples: int
    encoder: str = "xlsr"

    def __post_init__(self) -> None:
        least = {"c": 0, "steps": 1, "batch_size": 1, "lr": 0, "seed": 0, "crop_samples": 400}
        for name, bound in least.items():
            value = getattr(self, name)
            if not bound <= value < 2**31 or (value == 0 and name != "seed"):
                raise FadError(f"--{name} {value}: it must be over 0, and at least {bound}")


def distil(
    pretrained: Path,
    audio: Path,
    out: Path,
    settings: DistillSettings,
    device: torch.device,
    num_workers: int,
    checkpoint_steps: int,
) -> None:
    """Distils and writes `out`; resumes from `<out>.checkpoint.pt` if there is one.

    Args:
        pretrained: the pre-trained file: it is the teacher, and the student starts from it.
        audio: a `dump/audio/<set>`; its labels are not read.
        out: the file of factors, as `PELA` reads it.
        settings: all options that the result depends on.
        device: where to compute.
        num_workers: processes that read audio.
        checkpoint_steps: steps from one checkpoint to the next.

    Raises:
        FadError: an input is missing, or `out` has other settings; the text names it.
        Stopped: SIGTERM or SIGUSR1 has come; the state is saved.
    """
    if not (audio / "wav.scp").is_file():
        raise FadError(f"{audio}: missing or not complete: run stage 2 (dump) for this set")
    about = asdict(settings) | {"base_sha256": pretrained_sha256(pretrained)}
    with held(out.parent / f".{out.name}.lock"):
        distiller = Distiller(pretrained, audio, settings, device, num_workers)
        about["data"] = distiller.data
        checkpoint = out.with_name(f"{out.name}.checkpoint.pt")
        if out.exists():
            _check_same(out, read_factors(out)[1], about)
            logger.info("%s: there already", out)
        else:
            _run(distiller, checkpoint, about, checkpoint_steps)
            write_weights(out, distiller.pela.owned(), about)
        checkpoint.unlink(missing_ok=True)


def _run(
    distiller: "Distiller", checkpoint: Path, about: dict[str, Any], checkpoint_steps: int
) -> None:
    """Takes the remaining steps."""
    if checkpoint.exists():
        distiller.load_state(_read(checkpoint, about))
        logger.info("going on after step %d (%s)", distiller.step, checkpoint)
    else:
        distiller.pela.start(lambda: about["base_sha256"])
    with StopSignals() as stop:  # also while saving: a second signal must not interrupt it
        try:
            for _ in distiller.steps(stop):
                if distiller.step % checkpoint_steps == 0:
                    _save(checkpoint, distiller, about)
        except Stopped:
            _save(checkpoint, distiller, about)
            logger.warning("told to stop: saved at step %d; the same goes on", distiller.step)
            raise


class Distiller:
    """The frozen encoder, its factored copy, and the training of the copy.

    Crops and their order depend only on the seed.

    Args:
        pretrained: as for `distil`.
        audio: as for `distil`.
        settings: as for `distil`.
        device: as for `distil`.
        num_workers: as for `distil`.

    Attributes:
        step: steps done.
        data: a hash of the utterances' ids and lengths.
    """

    def __init__(
        self,
        pretrained: Path,
        audio: Path,
        settings: DistillSettings,
        device: torch.device,
        num_workers: int,
    ) -> None:
        self.settings, self.device, self.step = settings, device, 0
        checkpoint = read_checkpoint(pretrained)
        load = registry.get("encoder", settings.encoder)
        self.teacher = load(checkpoint).requires_grad_(False).to(device)
        self.student, self.pela = load(checkpoint), PELA(settings.c)
        self.pela.attach(self.student)
        self.student.to(device)
        grid = self.teacher.grid
        source = AudioSource(audio, grid, self.teacher.normalize)
        lines = (f"{u} {n}\n" for u, n in zip(source.utts, source.frames, strict=True))
        self.data = hashlib.sha256("".join(lines).encode()).hexdigest()
        self.batches = EpochBatches(len(source.utts), settings.batch_size, settings.seed)
        frames = grid.num_frames(settings.crop_samples)
        crops = RandomCrops(source, frames, settings.seed)
        self.loader = training_loader(crops, self.batches, num_workers, device.type == "cuda")
        self.optimizer = torch.optim.AdamW(self.pela.trainable(), lr=settings.lr)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, warmup_cosine(settings.steps, len(self.batches))
        )

    def steps(self, stop: StopSignals) -> Iterator[None]:
        """Takes the remaining steps; a signal ends it after a step.

        Raises:
            FadError: the loss is not finite.
        """
        total = self.settings.steps
        with progress(total=total, initial=self.step, desc="distil", unit="step") as bar:
            while self.step < total:
                self.batches.begin(*divmod(self.step, len(self.batches)))
                for batch in self.loader:
                    with stop.deferred():
                        features, change = self._step(batch)
                    bar.update()
                    bar.set_postfix(features=f"{features:.4f}", change=f"{change:.2e}")
                    yield
                    if self.step == total:
                        break

    def _step(self, batch: Batch) -> tuple[float, float]:
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(self.device, "auto"):
            features = self._distance(batch.inputs.to(self.device), batch.lens.to(self.device))
        change = self.pela.perturbation(self.teacher)
        loss = features + change
        if not torch.isfinite(loss):
            raise FadError(f"the loss is {loss.item()} at step {self.step + 1}: lower --lr")
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        return features.item(), change.item()

    def _distance(self, wav: Tensor, lens: Tensor) -> Tensor:
        """The MSE between outputs, over real frames only; the mean over blocks.

        Args:
            wav: prepared waveforms (B, S).
            lens: (B,) samples in each.
        """
        with torch.no_grad():
            frames, lens = self.teacher.frontend(wav, lens)
            wanted, _ = self.teacher(frames, lens, FRONTEND)
        found, _ = self.student(frames, lens, FRONTEND)
        mask = padding_mask(lens, frames.shape[1])
        real = slice(None) if mask is None else ~mask
        pairs = zip(found, wanted, strict=True)
        return torch.stack([F.mse_loss(x[real].float(), y[real].float()) for x, y in pairs]).mean()

    def state(self) -> dict[str, Any]:
        """The state to resume training."""
        return {
            "step": self.step,
            "factors": {name: value.detach() for name, value in self.pela.owned().items()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Resumes from `state`."""
        self.step = state["step"]
        for name, value in self.pela.owned().items():
            value.copy_(state["factors"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def _save(path: Path, distiller: Distiller, about: dict[str, Any]) -> None:
    with atomic_path(path) as part:
        torch.save({"about": about, **distiller.state()}, part)


def _read(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        old = state["about"]
    except Exception as error:  # a damaged file makes torch raise almost anything
        let_pass(error)
        reason = " ".join(str(error).split())[:200]
        raise FadError(f"{path}: damaged; remove it to distil anew: {reason}") from None
    _check_same(path, old, about)
    return state


def _check_same(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    changed = difference({"encoder": "xlsr", **old}, new)  # older files know only this encoder
    if changed:
        raise FadError(
            f"{path} was made with other options or other data; give another --out or remove it. "
            f"There (-) and now (+):\n{changed}"
        )
