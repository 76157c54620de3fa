"""The training loop."""

import logging
import math
import time
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from fad.adaptation.base import TrainState
from fad.config.train import TrainSettings
from fad.data.batches import (
    Batch,
    Crops,
    EpochBatches,
    WholeUtterances,
    collate,
    training_loader,
)
from fad.experiment.directory import ExperimentDir
from fad.models.detector import Detector, save_detector
from fad.train.averaging import EpochWeights
from fad.train.checkpointing import (
    Progress,
    load_checkpoint,
    only_this_training,
    save_checkpoint,
)
from fad.train.finite import check_finite
from fad.train.optimizer_step import OptimizerStep
from fad.train.stopping import Stopped, StopSignals
from fad.train.validation import validate
from fad.train.world import OthersLost, World
from fad.utils.devices import autocast, peak_memory_mb, place
from fad.utils.errors import FadError
from fad.utils.files import is_disk_full
from fad.utils.git import git_hash
from fad.utils.progress import progress

INIT_CROPS = 64  # enough for a mean and a deviation; they take as long as a few batches

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a detector and keeps the best epoch by `train.select`.

    Crops, their order and dropout depend only on seed, epoch, step and process. So a stopped and
    resumed run has the same result: the same bits on a CPU, up to rounding on a GPU, whose kernels
    add in no fixed order.

    Args:
        detector: on its device.
        crops: crops of the training set, with their labels.
        dev: utterances that choose the best epoch, with their labels.
        config: resolved; its optimizer and schedule are built here.
        settings: the `train` part of the config, checked.
        exp: the experiment's directory, for checkpoint.pt, best.safetensors and TensorBoard.
        base_sha256: the sha256 of the pre-trained file, saved with the trained weights.
        world: the processes that train together.
    """

    def __init__(
        self,
        detector: Detector,
        crops: Crops,
        dev: WholeUtterances,
        config: dict[str, Any],
        settings: TrainSettings,
        exp: ExperimentDir,
        base_sha256: str,
        world: World,
    ) -> None:
        self.detector, self.settings, self.world = detector, settings, world
        self.train_set, self.dev_set = crops.source, dev
        self.device = next(detector.backend.parameters()).device
        self.dev_labels = torch.tensor(dev.labels, device=self.device)
        self.exp, self.base_sha256 = exp, base_sha256
        size = len(self.train_set.utts)
        self.batches = EpochBatches(
            size, settings.batch_size, settings.seed, world.rank, world.size
        )
        self.loader = training_loader(
            crops, self.batches, settings.num_workers, self.device.type == "cuda"
        )
        self.steps_per_epoch = math.ceil(len(self.batches) / settings.accumulate)
        self.total_steps = self.steps_per_epoch * settings.epochs
        self.update = OptimizerStep(
            detector, config, settings, self.device, self.total_steps, self.steps_per_epoch
        )
        self.epoch_weights = EpochWeights(exp.epochs, base_sha256)
        self.progress, self.stop = Progress(settings.select), StopSignals()

    def run(self) -> Progress:
        """Trains to the last epoch or the early stop; resumes from `checkpoint.pt` if there is one.

        Raises:
            FadError: a loss or a dev score is not finite; the utterances are named.
            Stopped: SIGTERM or SIGUSR1 has come; the state is saved.
        """
        with self.stop:
            self._run()
        best = self.progress.best
        if best is None:
            raise RuntimeError("no epoch ended with a complete model")
        logger.info("best epoch %d: dev EER %.2f %%", best["epoch"], 100 * best["dev_eer"])
        return self.progress

    def _run(self) -> None:
        self._resume()
        if self.progress.step == 0:
            self._init_from_data()
        if not self._done():
            self._epochs()
        if not self.progress.finished:
            self._finish()

    def _finish(self) -> None:
        """Averages the best epochs if asked for, and marks the end."""
        if self.settings.average_checkpoints > 1:
            epochs = self.progress.best_epochs(self.settings.average_checkpoints)
            if self.world.rank == 0:
                average = self.epoch_weights.average(epochs)
                self.detector.load_trained_state(average, str(self.epoch_weights.folder))
            self.world.broadcast(self.detector.trained_state().values())
            dev_eer, dev_loss = self._validate()
            self.progress.average = {"epochs": epochs, "dev_eer": dev_eer, "dev_loss": dev_loss}
            logger.info("mean of epochs %s: dev EER %.2f %%", epochs, 100 * dev_eer)
            if self.world.rank == 0:
                save_detector(self.detector, self.exp.weights, self.base_sha256)
        self.progress.finished = True
        self._save()
        if self.world.rank == 0:
            self.epoch_weights.keep([])

    def _init_from_data(self) -> None:
        """Shows the back-end the first crops of the first epoch, about 64 of them."""
        few = islice(self.batches.whole(0), math.ceil(INIT_CROPS / self.settings.batch_size))
        crops = (collate([self.loader.dataset[key] for key in keys]) for keys in few)
        inputs = ((b.inputs.to(self.device), b.lens.to(self.device)) for b in crops)
        with autocast(self.device, self.settings.precision):
            self.detector.init_from_data(inputs, self.train_set.boundary)
        # All processes found the same values, up to rounding on different devices.
        self.world.broadcast(self.detector.trained_state().values())

    def _epochs(self) -> None:
        if self.world.rank > 0:
            while not self._done():
                self._epoch(None)
            return
        # Steps after the last checkpoint are repeated: TensorBoard hides their first values.
        first, folder = self.progress.step + 1, self.exp.tensorboard
        try:
            with SummaryWriter(str(folder), purge_step=first) as board:
                while not self._done():
                    self._epoch(board)
        except OSError as error:
            if not is_disk_full(error):
                raise
            # TensorBoard's error does not name the file; our own files raise a FadError that does.
            raise FadError(
                f"{folder}: no room left to write it (disk full, or over a quota): make room and "
                "start the same command again"
            ) from error

    def _done(self) -> bool:
        done = self.progress
        if done.finished or done.epoch >= self.settings.epochs:
            return True
        patience = self.settings.patience
        if patience is None or done.best is None:
            return False
        return done.epoch - done.best["epoch"] >= patience

    def _epoch(self, board: SummaryWriter | None) -> None:
        try:
            with self.stop.deferred():
                self._train_epoch(board)
                self._share_buffers()
                self._save()  # a signal during validation may find others waiting inside CUDA
            dev_eer, dev_loss = self._validate()
            with self.stop.deferred():
                self._end_epoch(dev_eer, dev_loss, board)
        except Stopped:
            self._save()
            where = self.progress.epoch + 1, self.progress.step
            logger.warning("told to stop: saved at epoch %d, step %d; call again to go on", *where)
            raise
        except OthersLost:
            if not self.stop.asked:
                raise
            raise Stopped from None  # another was told the same and has stopped at once

    def _end_epoch(self, dev_eer: float, dev_loss: float, board: SummaryWriter | None) -> None:
        done = self.progress
        here = place(self.device, self.world.size) | {"git": git_hash()}
        complete = self.detector.adaptation.is_complete
        is_best = done.end_epoch(dev_eer, dev_loss, peak_memory_mb(self.device), here, complete)
        latest = done.history[-1]
        if is_best and self.world.rank == 0:
            save_detector(self.detector, self.exp.weights, self.base_sha256)
        kept = done.best_epochs(self.settings.average_checkpoints)
        averages = self.settings.average_checkpoints > 1 and self.world.rank == 0
        if averages and done.epoch in kept:
            self.epoch_weights.write(done.epoch, self.detector.trained_state())
        self._save()
        if averages:
            self.epoch_weights.keep(kept)
        if board is not None:
            board.add_scalar("dev/eer", dev_eer, done.step)
            board.add_scalar("dev/loss", dev_loss, done.step)
        logger.info(
            "epoch %d of %d: train loss %.4f, dev loss %.4f, dev EER %.2f %%, %.1f s%s",
            done.epoch,
            self.settings.epochs,
            latest["train_loss"],
            dev_loss,
            100 * dev_eer,
            latest["seconds"],
            ", the best so far" if is_best else "",
        )

    def _train_epoch(self, board: SummaryWriter | None) -> None:
        """Takes the remaining steps of the epoch."""
        done, settings = self.progress, self.settings
        self.detector.train()
        self.batches.begin(done.epoch, len(done.losses) * settings.accumulate)
        batches = iter(self.loader)
        desc = f"epoch {done.epoch + 1}/{settings.epochs}"
        started = time.perf_counter() - done.seconds
        first, total = len(done.losses), self.steps_per_epoch
        with progress(total=total, initial=first, desc=desc, unit="step", leave=False) as bar:
            while group := list(islice(batches, settings.accumulate)):
                loss, asked = self._step(group)
                done.losses.append(loss)
                done.seconds = time.perf_counter() - started
                bar.update()
                bar.set_postfix(loss=f"{done.losses[-1]:.3f}", refresh=False)
                if board is not None and done.step % settings.log_interval == 0:
                    self._log_step(board, done.losses[-1])
                if asked:
                    self.stop.asked = True  # if only another process was asked so far
                    self._share_buffers()
                    raise Stopped
                if len(done.losses) % settings.checkpoint_steps == 0:
                    self._share_buffers()
                    self._save()

    def _step(self, group: list[Batch]) -> tuple[float, bool]:
        """One optimizer step over this process's share of a group of batches.

        The loss is divided by the weights of the whole group in all processes, so neither
        accumulation nor the number of processes changes the result.

        Returns:
            The loss of the whole group, and whether any process was asked to stop: then all of
            them stop after the same step.
        """
        labels = torch.cat([batch.known_labels for batch in group]).to(self.device)
        total = self.world.sum(self.detector.loss.weight_of(labels).sum())
        utts, step = self.train_set.utts, self.progress.step
        check = partial(check_finite, "gradient norm", group=group, utts=utts, step=step)
        loss = self._gradients(group, total)
        while not self.update.take(check):
            loss = self._gradients(group, total)
        self.progress.step += 1
        update = self.update
        self.detector.adaptation.after_step(
            TrainState(self.progress.step, self.total_steps, update.optimizer, update.schedule)
        )
        own = torch.tensor([loss, self.stop.asked], device=self.device)
        loss, asked = self.world.sum(own).tolist()
        return loss, asked > 0

    def _gradients(self, group: list[Batch], total: torch.Tensor) -> float:
        """Computes the gradients of a step, over all processes; returns this process's loss."""
        self._seed()
        self.update.clear()
        # Backward needs at least one batch; a process without a share adds nothing.
        losses = [self._backward(batch, total) for batch in group if batch.indices]
        self.world.sum_gradients(self.update.parameters)
        return math.fsum(losses)

    def _seed(self) -> None:
        """Seeds dropout from seed, step and process."""
        key = [self.settings.seed, self.progress.step, self.world.rank]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))

    def _backward(self, batch: Batch, total: torch.Tensor) -> float:
        """Adds the gradient of a batch's loss divided by `total`; returns that loss."""
        with autocast(self.device, self.settings.precision):
            inputs, lens = batch.inputs.to(self.device), batch.lens.to(self.device)
            embedding, logits = self.detector.outputs(inputs, lens, self.train_set.boundary)
        labels = batch.known_labels.to(self.device)
        loss = self.detector.loss(embedding, logits, labels).sum() / total
        check_finite("loss", loss.detach(), [batch], self.train_set.utts, self.progress.step)
        self.update.backward(loss)
        return loss.item()

    def _share_buffers(self) -> None:
        """Averages the processes' buffers, such as batch statistics of their shares."""
        self.world.mean(self.detector.backend.buffers())

    def _log_step(self, board: SummaryWriter, loss: float) -> None:
        rate = self.update.optimizer.param_groups[0][
            "lr"
        ]  # a method may change the schedule's rate
        logger.info(
            "step %d of %d: loss %.4f, lr %.2e", self.progress.step, self.total_steps, loss, rate
        )
        board.add_scalar("train/loss", loss, self.progress.step)
        board.add_scalar("train/lr", rate, self.progress.step)

    def _validate(self) -> tuple[float, float]:
        """The EER and the mean weighted loss on the dev set."""
        return validate(self.detector, self.dev_set, self.dev_labels, self.settings, self.world)

    def _save(self) -> None:
        if self.world.rank > 0:
            return
        states = {name: part.state_dict() for name, part in self.update.parts().items()}
        states["trained"] = self.detector.trained_state()
        save_checkpoint(self.exp.checkpoint, self.progress, states)

    def _resume(self) -> None:
        path = self.exp.checkpoint
        if not path.exists():
            return
        self.progress, states = load_checkpoint(path)
        with only_this_training(path):
            self.detector.load_trained_state(states["trained"], str(path))
            for name, part in self.update.parts().items():
                part.load_state_dict(states[name])
        done = self.progress
        if done.best is not None and not self.exp.weights.exists():
            raise FadError(
                f"{self.exp.weights}: gone, and epoch {done.best['epoch']} that gave it is past; "
                f"remove {path} to train anew"
            )
        what = "finished" if done.finished else "going on"
        logger.info("%s after epoch %d, step %d (%s)", what, done.epoch, done.step, path)
