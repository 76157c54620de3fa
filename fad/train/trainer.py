"""The training loop."""

import logging
import math
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from fad.adaptation.base import TrainState
from fad.data.batches import Batch, EpochBatches, Source, collate, training_loader
from fad.detector import WEIGHTS, Detector, save_detector
from fad.devices import autocast, peak_memory_mb
from fad.errors import FadError
from fad.metrics.eer import eer
from fad.progress import progress
from fad.scoring import log_ratio, predict
from fad.train.checkpointing import CHECKPOINT, Progress, load_checkpoint, save_checkpoint
from fad.train.schedule import warmup_cosine
from fad.train.settings import TrainSettings

CONDITION_CROPS = 64  # enough for a mean and a deviation, a few batches' time

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a detector; the best epoch is by dev EER, ties by dev loss.

    Crops, their order and dropout derive from seed, epoch and step alone, so that a run that was
    stopped goes on to the same result.

    Args:
        detector: on its device.
        loss: logits, labels -> weighted loss and weight of each example.
        train, dev: utterances; `train_labels`, `dev_labels` their classes (N,), 1 = bonafide.
        settings: the `train` part of the config.
        exp: the experiment's directory, for checkpoint.pt, best.safetensors and TensorBoard.
        base_sha256: of the pre-trained file, saved with what is trained.
        crop_frames: frames in a training crop.
    """

    def __init__(
        self,
        detector: Detector,
        loss: nn.Module,
        train: Source,
        train_labels: np.ndarray,
        dev: Source,
        dev_labels: np.ndarray,
        settings: TrainSettings,
        exp: Path,
        base_sha256: str,
        crop_frames: int,
    ) -> None:
        self.detector, self.loss, self.settings = detector, loss, settings
        self.train_set, self.dev_set = train, dev
        self.train_labels = torch.from_numpy(train_labels)
        self.dev_labels = torch.from_numpy(dev_labels)
        self.exp, self.base_sha256 = exp, base_sha256
        self.device = next(detector.backend.parameters()).device
        self.batches = EpochBatches(len(train.utts), settings.batch_size, settings.seed)
        self.loader = training_loader(train, crop_frames, self.batches, settings.num_workers)
        self.steps_per_epoch = math.ceil(len(self.batches) / settings.accumulate)
        self.total_steps = self.steps_per_epoch * settings.epochs
        self.optimiser = torch.optim.AdamW(
            detector.trainable(), lr=settings.lr, weight_decay=settings.weight_decay
        )
        self.schedule = warmup_cosine(self.optimiser, self.total_steps, settings.warmup)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.progress = Progress()

    def run(self) -> Progress:
        """Trains to the last epoch or the early stop; goes on from `checkpoint.pt` if there is one.

        Raises:
            FadError: a loss or a dev score is not finite; the utterances are named.
        """
        self._resume()
        if self.progress.step == 0:
            self._condition()
        if not self._done():
            self._epochs()
        if not self.progress.finished:
            self.progress.finished = True
            self._save()
        best = self.progress.best
        logger.info("best epoch %d: dev EER %.2f %%", best["epoch"], 100 * best["dev_eer"])
        return self.progress

    def _condition(self) -> None:
        """Shows the back-end the first crops of the first epoch, about 64 of them."""
        self.batches.epoch = 0
        few = islice(self.batches, math.ceil(CONDITION_CROPS / self.settings.batch_size))
        crops = (collate([self.loader.dataset[key] for key in keys]) for keys in few)
        inputs = ((b.inputs.to(self.device), b.lens.to(self.device)) for b in crops)
        with autocast(self.device, self.settings.precision):
            self.detector.condition(inputs, self.train_set.boundary)

    def _epochs(self) -> None:
        # An epoch that was stopped is done again: what it wrote is hidden.
        first = self.progress.step + 1
        with SummaryWriter(str(self.exp / "tensorboard"), purge_step=first) as board:
            while not self._done():
                self._epoch(board)

    def _done(self) -> bool:
        done = self.progress
        if done.finished or done.epoch >= self.settings.epochs:
            return True
        return done.best is not None and done.epoch - done.best["epoch"] >= self.settings.patience

    def _epoch(self, board: SummaryWriter) -> None:
        started = time.perf_counter()
        train_loss = self._train_epoch(board)
        seconds = time.perf_counter() - started
        dev_eer, dev_loss = self._validate()
        done = self.progress
        done.epoch += 1
        found = {"epoch": done.epoch, "dev_eer": dev_eer, "dev_loss": dev_loss}
        if done.is_best(dev_eer, dev_loss):
            done.best = found
            save_detector(self.detector, self.exp / WEIGHTS, self.base_sha256)
        done.history.append({**found, "train_loss": train_loss, "seconds": seconds})
        done.peak_memory_mb = max(done.peak_memory_mb, peak_memory_mb(self.device))
        self._save()
        board.add_scalar("dev/eer", dev_eer, done.step)
        board.add_scalar("dev/loss", dev_loss, done.step)
        logger.info(
            "epoch %d of %d: train loss %.4f, dev loss %.4f, dev EER %.2f %%, %.1f s%s",
            done.epoch,
            self.settings.epochs,
            train_loss,
            dev_loss,
            100 * dev_eer,
            seconds,
            ", the best so far" if done.best["epoch"] == done.epoch else "",
        )

    def _train_epoch(self, board: SummaryWriter) -> float:
        """One pass over the training set; the mean loss of its steps."""
        self.detector.train()
        self.batches.epoch = self.progress.epoch
        losses, batches = [], iter(self.loader)
        desc = f"epoch {self.progress.epoch + 1}/{self.settings.epochs}"
        with progress(total=self.steps_per_epoch, desc=desc, unit="step", leave=False) as bar:
            while group := list(islice(batches, self.settings.accumulate)):
                losses.append(self._step(group))
                bar.update()
                bar.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
                if self.progress.step % self.settings.log_interval == 0:
                    self._log_step(board, losses[-1])
        return float(np.mean(losses))

    def _step(self, group: list[Batch]) -> float:
        """One optimiser step over the batches of a group.

        The loss is divided by the weights of the whole group, so that accumulating gives the
        result of one large batch.
        """
        torch.manual_seed(self.settings.seed * 1_000_003 + self.progress.step)
        self.optimiser.zero_grad(set_to_none=True)
        labels = [self.train_labels[batch.indices].to(self.device) for batch in group]
        total = sum(self.loss.weights[found].sum() for found in labels)
        value = 0.0
        for batch, found in zip(group, labels, strict=True):
            with autocast(self.device, self.settings.precision):
                inputs, lens = batch.inputs.to(self.device), batch.lens.to(self.device)
                logits = self.detector(inputs, lens, self.train_set.boundary)
            loss = self.loss(logits, found)[0].sum() / total
            self._check_finite("loss", loss.detach(), [batch])
            self.scaler.scale(loss).backward()
            value += loss.item()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.detector.trainable(), self.settings.clip_grad)
        if not self.scaler.is_enabled():  # the scaler passes over a step that overflowed
            self._check_finite("gradient norm", norm, group)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        self.progress.step += 1
        self.detector.adaptation.after_step(
            TrainState(self.progress.step, self.total_steps, self.optimiser, self.schedule)
        )
        return value

    def _check_finite(self, what: str, value: torch.Tensor, group: list[Batch]) -> None:
        if not torch.isfinite(value):
            indices = [index for batch in group for index in batch.indices]
            names = ", ".join(self.train_set.utts[index] for index in indices)
            raise FadError(
                f"{what} is {value.item()} at step {self.progress.step + 1}; the batch has {names}"
                "; look at those clips, lower train.lr, or set train.precision=fp32"
            )

    def _log_step(self, board: SummaryWriter, loss: float) -> None:
        rate = self.schedule.get_last_lr()[0]
        logger.info(
            "step %d of %d: loss %.4f, lr %.2e", self.progress.step, self.total_steps, loss, rate
        )
        board.add_scalar("train/loss", loss, self.progress.step)
        board.add_scalar("train/lr", rate, self.progress.step)

    def _validate(self) -> tuple[float, float]:
        """EER and mean weighted loss on the dev set."""
        logits = predict(
            self.detector,
            self.dev_set,
            list(range(len(self.dev_set.utts))),
            self.device,
            self.settings.precision,
            self.settings.num_workers,
            desc="dev",
        )
        labels = self.dev_labels
        bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
        if len(bad):
            names = ", ".join(self.dev_set.utts[index] for index in bad[:5])
            raise FadError(
                f"{len(bad)} of {len(logits)} dev scores are not finite, first: {names}; look at "
                "those clips, lower train.lr, or set train.precision=fp32"
            )
        losses, weights = self.loss(
            torch.from_numpy(logits).to(self.device), labels.to(self.device)
        )
        scores, bonafide = log_ratio(logits), labels.numpy() == 1
        dev_eer, _ = eer(scores[bonafide], scores[~bonafide])
        return dev_eer, (losses.sum() / weights.sum()).item()

    def _states(self) -> dict[str, object]:
        return {
            "trained": self.detector.trained_state(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def _save(self) -> None:
        save_checkpoint(self.exp / CHECKPOINT, self.progress, self._states())

    def _resume(self) -> None:
        path = self.exp / CHECKPOINT
        if not path.exists():
            return
        self.progress, states = load_checkpoint(path)
        self.detector.load_trained_state(states["trained"], str(path))
        self.optimiser.load_state_dict(states["optimiser"])
        self.schedule.load_state_dict(states["schedule"])
        self.scaler.load_state_dict(states["scaler"])
        what = "finished before" if self.progress.finished else "going on"
        logger.info("%s after epoch %d (%s)", what, self.progress.epoch, path)
