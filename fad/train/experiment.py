"""Stage 3: trains a config on dumps and writes an experiment directory."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fad.augment.chain import new_chain
from fad.config.train import TrainSettings
from fad.data import tables
from fad.data.batches import WholeUtterances
from fad.data.fingerprint import fingerprint
from fad.data.sources import Source
from fad.dump.plan import Dumps
from fad.encoders.base import Encoder
from fad.encoders.boundary import NONE
from fad.encoders.checkpoint import pretrained_sha256, read_checkpoint
from fad.experiment.directory import ExperimentDir, Sources
from fad.experiment.summary import TRAINING_DATA, read_train_summary
from fad.experiment.training_data import describe_training_data
from fad.models.detector import assemble, new_adaptation
from fad.train.checkpointing import Progress
from fad.train.crops import training_crops
from fad.train.optimization import check_optimization
from fad.train.trainer import Trainer
from fad.train.world import World
from fad.utils.devices import advise_precision, autocast, use_tf32
from fad.utils.errors import FadError
from fad.utils.files import sha256_file, write_json
from fad.utils.memory import let_pass

SMALL = 20_000_000  # parameters
RATE_OF_XLSR = 1e-3

logger = logging.getLogger(__name__)


def train_experiment(
    config: dict[str, Any],
    config_name: str,
    pretrained: Path,
    dump: Path,
    train_set: str,
    dev_set: str,
    exp: ExperimentDir,
    device: torch.device,
    stored: str,
    world: World,
) -> None:
    """Trains `config` on `dump/audio/<train_set>` and writes `exp`.

    Args:
        config: resolved by `fad.config.resolve.load_config`.
        config_name: its name, for the summary.
        pretrained: the XLS-R file.
        dump: stage 2's directory.
        train_set: the name of a set there.
        dev_set: the name of a set there.
        exp: the experiment's directory; training resumes there if the config is the same.
        device: where to train.
        stored: the value of `--dump`: which of stage 2's frames to read; `auto` reads audio if
            there are none.
        world: the processes that train together; each calls this, only the first writes.

    Raises:
        FadError: an input is missing, or `exp` has another config; the text names it.
    """
    settings = TrainSettings.from_config(config["train"])
    with autocast(device, settings.precision):
        pass  # refuses an unsupported precision before anything is loaded
    advise_precision(device, settings.precision)
    use_tf32(device, settings.precision)
    for name in (train_set, dev_set):
        _check_stage_2(dump / "audio" / name)
    sha256 = pretrained_sha256(pretrained)
    data = {name: fingerprint(dump / "audio" / name) for name in (train_set, dev_set)}
    # Errors in these are reported before `exp` is claimed.
    adaptation = new_adaptation(config)
    check_optimization(config)
    augment = new_chain(config)
    if settings.average_checkpoints > 1 and not adaptation.averageable:
        raise FadError(
            f"train.average_checkpoints: the weights of {config['adaptation']} in several epochs "
            "have no mean: set it to 1"
        )
    if world.rank == 0:
        files = {key: sha256_file(path) for key, path in adaptation.files().items()}
        exp.claim(config, Sources(pretrained, sha256, data, files))
    world.barrier()

    torch.manual_seed(settings.seed)
    detector = assemble(config, adaptation, read_checkpoint(pretrained))
    if exp.checkpoint.exists():
        adaptation.skip_start()
    else:
        adaptation.start(lambda: sha256)
    detector.to(device)
    set_up_blocks(detector.encoder, settings)
    sources = [
        Dumps(detector, settings, dump, pretrained, sha256, name, use, augment is not None).open(
            stored
        )
        for name, use in ((train_set, "train"), (dev_set, "dev"))
    ]
    labels = [read_classes(dump / "audio" / name) for name in (train_set, dev_set)]
    counts = Counter(labels[0].tolist())
    detector.loss.init_from_data((counts[0], counts[1]))
    crops = training_crops(detector, sources[0], labels[0], settings, augment)
    dev = WholeUtterances(sources[1], labels[1].tolist())
    parameters = detector.count()
    logger.info(
        "%s on %s: %s trainable of %s parameters, %s times fewer; reads %s of %s and %s of %s",
        config["adaptation"],
        pretrained,
        f"{parameters['trainable']:,}",
        f"{parameters['total']:,}",
        parameters["ratio"],
        _read_at(sources[0]),
        train_set,
        _read_at(sources[1]),
        dev_set,
    )
    _warn_of_rate(config["adaptation"], parameters["total"], settings.lr)
    trainer = Trainer(detector, crops, dev, config, settings, exp, sha256, world)
    progress = trainer.run()
    if world.rank > 0:
        return
    write_json(exp.cost, _cost(progress))
    # If training had ended before, the recorded code and data of that time stay.
    before = read_train_summary(exp) if exp.summary.is_file() else {}
    summary = {
        "config_name": config_name,
        "seed": settings.seed,
        "adaptation": config["adaptation"],
        "parameters": parameters,
        "pretrained": {"path": str(pretrained), "sha256": sha256},
        "best": progress.best,
        **({"average": progress.average} if progress.average else {}),
        "reads": {"train": str(sources[0].boundary), "dev": str(sources[1].boundary)},
        "git": before.get("git") if before else _all(progress, "git"),
        TRAINING_DATA: before.get(TRAINING_DATA)
        or describe_training_data(dump / "audio" / train_set, dump / "audio" / dev_set),
    }
    write_json(exp.summary, summary)


def _warn_of_rate(adaptation: str, total: int, rate: float) -> None:
    """Warns of a rate that was chosen for XLS-R and lets a small encoder learn nothing."""
    if adaptation != "full" and total < SMALL and rate <= RATE_OF_XLSR:
        logger.warning(
            "the encoder has %.1f million parameters, and train.lr %g is a rate for XLS-R's 317 "
            "million: with --set train.lr=%g, as egs/mini, it learns faster",
            *(total / 1e6, rate, 10 * RATE_OF_XLSR),
        )


def set_up_blocks(encoder: Encoder, settings: TrainSettings) -> None:
    """Compiles the encoder's blocks, or turns on activation checkpointing, as the settings say.

    Raises:
        FadError: this encoder cannot do it.
    """
    if settings.activation_checkpointing:
        encoder.use_activation_checkpointing()
    if settings.compile:
        encoder.compile_blocks()
        check_compiler(next(encoder.parameters()).device)


def check_compiler(device: torch.device) -> None:
    """Compiles a tiny function, so that a missing compiler is found before training.

    Raises:
        FadError: it does not compile.
    """
    try:
        torch.compile(torch.square)(torch.zeros(2, device=device))
    except Exception as error:  # each part of the compiler raises its own kind
        let_pass(error)
        reason = " ".join(str(error).split())[:200]
        raise FadError(
            f"train.compile: torch.compile does not work here: {reason}: install g++, or leave it "
            "false"
        ) from None


def _read_at(source: Source) -> str:
    return "audio" if source.boundary == NONE else f"stored frames ({source.boundary})"


def read_classes(audio: Path) -> np.ndarray:
    """The classes (N,) int64 of a dump's utterances, in its order: 0 spoof, 1 bonafide.

    Raises:
        FadError: a label is missing or unknown, or one of the classes has no utterance.
    """
    labels = tables.read_labels(audio / "utt2label")
    utts = tables.read_wav_scp(audio / "wav.scp")
    tables.check_same_keys({f"{audio}/utt2label": labels, f"{audio}/wav.scp": utts})
    missing = set(tables.LABELS) - set(labels.values())
    if missing:
        raise FadError(f"{audio}/utt2label: no utterance is {missing.pop()}: both are needed")
    return np.array([tables.LABELS.index(labels[utt]) for utt in utts], dtype=np.int64)


def _check_stage_2(audio: Path) -> None:
    if not (audio / "wav.scp").is_file():
        raise FadError(f"{audio}: missing or not complete: run stage 2 (dump) first")


def _all(progress: Progress, key: str) -> str | None:
    """What the epochs have under a key, each once: a training may be resumed elsewhere."""
    found = dict.fromkeys(epoch.get(key) for epoch in progress.history)
    return " and ".join(text for text in found if text) or None


def _cost(progress: Progress) -> dict[str, Any]:
    """The cost of training and where it ran: all places, if it was resumed in another one."""
    seconds = [epoch["seconds"] for epoch in progress.history]
    places = {key: _all(progress, key) for key in ("device", "machine")}
    epoch = float(np.median(seconds))
    return {
        "seconds_per_epoch": round(epoch, 2),
        "seconds_per_step": round(epoch * len(seconds) / progress.step, 4),
        "peak_memory_mb": round(progress.peak_memory_mb, 1),
        "epochs": len(seconds),
        **places,
        "processes": progress.history[-1]["processes"],
    }
