"""A detector (encoder, adaptation, back-end and loss): how it is built, saved and loaded."""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from fad.adaptation.base import Adaptation
from fad.backends.base import Backend
from fad.config import registry
from fad.config.plain_yaml import read_yaml
from fad.config.plugins import load_environment, plugins_of
from fad.encoders.base import Encoder
from fad.encoders.boundary import NONE, Boundary
from fad.encoders.checkpoint import pretrained_sha256, read_checkpoint
from fad.encoders.pretrained import Checkpoint
from fad.experiment.directory import ExperimentDir
from fad.losses.base import Loss
from fad.utils.errors import FadError, nearest
from fad.utils.files import atomic_path
from fad.utils.json_files import parse_json

_METADATA = "fad"  # one key: safetensors writes several in a random order
_ENCODER = "encoder."


class Detector(nn.Module):
    """Tells spoofed from bona fide speech, from audio or from stored outputs of the frozen part.

    Args:
        encoder: the pre-trained model.
        adaptation: already attached to `encoder`.
        backend: pools the encoder's outputs and computes logits.
        loss: trains the detector and turns its outputs into scores.
        num_pretrained: parameters of the whole pre-trained file.
        num_pretraining: those used only in pre-training, which are counted but not kept.
    """

    def __init__(
        self,
        encoder: Encoder,
        adaptation: Adaptation,
        backend: Backend,
        loss: Loss,
        num_pretrained: int,
        num_pretraining: int,
    ) -> None:
        super().__init__()
        self.encoder, self.adaptation = encoder, adaptation
        self.backend, self.loss = backend, loss
        self.num_pretrained, self.num_pretraining = num_pretrained, num_pretraining

    def forward(self, inputs: Tensor, lens: Tensor, boundary: Boundary = NONE) -> Tensor:
        """The logits (B, 2) of `outputs`, from inputs (B, S), (B, T, C) or (B, T, n, D)."""
        return self.outputs(inputs, lens, boundary)[1]

    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary = NONE
    ) -> tuple[Tensor, Tensor]:
        """Embeddings and logits, the inputs of losses and scores.

        Args:
            inputs: prepared waveforms (B, S), or stored outputs at `boundary`: frames (B, T, C) or
                outputs of n blocks (B, T, n, D).
            lens: (B,) samples or frames.
            boundary: where the inputs enter the encoder, no deeper than the detector's own.

        Returns:
            Embeddings (B, E) of the back-end, and logits (B, 2): spoof = 0, bonafide = 1.
        """
        embedding = self.backend.embed(*self._adapted(inputs, lens, boundary))
        return embedding, self.backend.logits(embedding)

    def _adapted(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary
    ) -> tuple[list[Tensor], Tensor]:
        # If nothing in the encoder trains, activation checkpointing would keep inputs for nothing.
        trains = self.adaptation.boundary.depth < max(self.encoder.wanted)
        with torch.set_grad_enabled(trains and torch.is_grad_enabled()):
            hidden, lens = self.encoder(inputs, lens, boundary)
        return self.adaptation.outputs(hidden, lens), lens

    @torch.no_grad()
    def init_from_data(
        self, batches: Iterable[tuple[Tensor, Tensor]], boundary: Boundary = NONE
    ) -> None:
        """Initialises the back-end from some training inputs and their lens, before training.

        Args:
            batches: inputs (B, S), (B, T, C) or (B, T, n, D), and lens (B,).
            boundary: where the inputs enter the encoder.
        """
        self.eval()
        self.backend.init_from_data(
            self._adapted(inputs, lens, boundary) for inputs, lens in batches
        )

    @property
    def boundary(self) -> Boundary:
        """The deepest boundary up to which the encoder is fixed and which inputs can enter."""
        return min(self.adaptation.boundary, self.encoder.deepest)

    def trainable(self) -> list[nn.Parameter]:
        """The optimizer's parameters: those of the adaptation and of the head."""
        return [*self.adaptation.trainable(), *self.head()]

    def head(self) -> list[nn.Parameter]:
        """The parameters of the back-end and of the loss."""
        return [*self.backend.parameters(), *self.loss.parameters()]

    def trained_state(self) -> dict[str, Tensor]:
        """Every tensor that training changes, by name: the method's part and the head."""
        return self._with_head(self.adaptation.saved())

    def exported_state(self) -> dict[str, Tensor]:
        """Every tensor that scoring needs, by name; for most methods it is `trained_state`."""
        return self._with_head(self.adaptation.exported())

    def _with_head(self, of_encoder: dict[str, Tensor]) -> dict[str, Tensor]:
        parts = {
            "encoder": of_encoder,
            "backend": self.backend.state_dict(),
            "loss": self.loss.state_dict(),
        }
        return {
            f"{part}.{name}": value.detach()
            for part, values in parts.items()
            for name, value in values.items()
        }

    @torch.no_grad()
    def load_trained_state(self, state: dict[str, Tensor], source: str) -> None:
        """Loads saved values; names and shapes must be exactly those of `trained_state`.

        Raises:
            FadError: a name is missing or unknown, or a shape or type differs; `source` names the
                file.
        """
        own = self.trained_state()
        wrong = sorted(set(own) ^ set(state))
        wrong += [
            name
            for name in sorted(set(own) & set(state))
            if (own[name].shape, own[name].dtype) != (state[name].shape, state[name].dtype)
        ]
        if wrong:
            raise FadError(
                f"{source}: does not fit its config; {len(wrong)} differ, first: {wrong[:3]}"
            )
        for name, value in own.items():
            value.copy_(state[name])

    def load_exported_state(self, state: dict[str, Tensor], source: str) -> None:
        """Loads values of `exported_state`; otherwise as `load_trained_state`."""
        ours = {name.removeprefix(_ENCODER): x for name, x in state.items() if _of_encoder(name)}
        rest = {name: value for name, value in state.items() if not _of_encoder(name)}
        found = self.adaptation.imported(ours)
        self.load_trained_state(
            rest | {f"{_ENCODER}{name}": value for name, value in found.items()}, source
        )

    def count(self) -> dict[str, Any]:
        """Numbers of parameters: total, trainable, adaptation, backend, loss; and the ratio.

        `total` includes the pre-training heads and excludes the blocks that `num_blocks` leaves
        out. `ratio` is the pre-trained file's parameters divided by the trainable ones. XLS-R 300M
        has 317,390,592 with the heads, as the paper counts.
        """
        adaptation = sum(value.numel() for value in self.adaptation.trainable())
        backend = sum(value.numel() for value in self.backend.parameters())
        loss = sum(value.numel() for value in self.loss.parameters())
        encoder = sum(value.numel() for value in self.encoder.parameters())
        trainable = adaptation + backend + loss
        return {
            "total": self.num_pretraining + encoder + backend + loss,
            "trainable": trainable,
            "adaptation": adaptation,
            "backend": backend,
            "loss": loss,
            "ratio": round(self.num_pretrained / trainable, 2),
        }


def _of_encoder(name: str) -> bool:
    return name.startswith(_ENCODER)


def build_detector(config: dict[str, Any], pretrained: str | Path) -> Detector:
    """Builds the detector of a resolved config on a pre-trained file, ready to be trained.

    Random initialisation is torch's: seed it first.

    Raises:
        FadError: the config or the file is not usable; the text says which and why.
    """
    adaptation = new_adaptation(config)  # reports its errors before a large file is read
    detector = assemble(config, adaptation, read_checkpoint(pretrained))
    adaptation.start(lambda: pretrained_sha256(pretrained))
    return detector


def new_adaptation(config: dict[str, Any]) -> Adaptation:
    """The method of a resolved config, not attached yet.

    Raises:
        FadError: a value of its `adaptation_conf` is out of range.
    """
    return registry.get("adaptation", config["adaptation"])(**config["adaptation_conf"])


def assemble(config: dict[str, Any], adaptation: Adaptation, checkpoint: Checkpoint) -> Detector:
    """Assembles a detector on a pre-trained model.

    Call `Adaptation.start` next to train, `load_exported_state` to score, and neither to count.

    Raises:
        FadError: the model and the config do not fit.
    """
    encoder = registry.get("encoder", config["encoder"])(checkpoint, **config["encoder_conf"])
    adaptation.attach(encoder)
    backend = registry.get("backend", config["backend"])(
        dim=encoder.dim, num_layers=adaptation.num_outputs, **config["backend_conf"]
    )
    loss = registry.get("loss", config["loss"])(embed_dim=backend.embed_dim, **config["loss_conf"])
    return Detector(
        encoder, adaptation, backend, loss, checkpoint.num_parameters, checkpoint.num_pretraining
    )


def save_detector(detector: Detector, path: Path, base_sha256: str) -> None:
    """Writes the tensors that scoring needs, with the sha256 of their pre-trained file."""
    write_weights(path, detector.exported_state(), {"base_sha256": base_sha256})


def write_weights(path: Path, state: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Writes tensors as safetensors, atomically, with `about` as metadata."""
    found = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with atomic_path(path) as part:
        part.touch()  # save_file makes files that only the owner can read: keep the umask's mode
        mode = part.stat().st_mode
        save_file(found, part, metadata={_METADATA: json.dumps(about)})
        part.chmod(mode)


def load_detector(model_dir: str | Path, pretrained: str | Path | None = None) -> Detector:
    """Loads an `exp/<tag>` for scoring.

    Args:
        model_dir: has `config.yaml` and `best.safetensors`.
        pretrained: the pre-trained file, if it has moved since training.

    Raises:
        FadError: a file is missing, or the pre-trained file is not the one used in training.
    """
    model = ExperimentDir(model_dir)
    model.check_model()
    config, weights = _read_config(model.config), model.weights
    recorded = Path(config["pretrained"]["path"])
    if pretrained is None and not recorded.exists():
        raise FadError(f"{recorded}: the pre-trained file is gone; say where with --pretrained")
    pretrained = Path(pretrained or recorded)
    state, base_sha256 = read_weights(weights)
    if pretrained_sha256(pretrained) != base_sha256:
        raise FadError(
            f"{pretrained}: not the pre-trained file that {weights} was trained with, which then "
            f"lay at {recorded}"
        )
    detector = assemble(config, new_adaptation(config), read_checkpoint(pretrained))
    detector.load_exported_state(state, str(weights))
    detector.adaptation.skip_start()
    logging.info("%s: %s on %s", model_dir, config["adaptation"], pretrained)
    return detector.eval()


def _read_config(path: Path) -> dict[str, Any]:
    """Reads and checks the resolved config of a model, with the pre-trained file's path."""
    load_environment()
    config = read_yaml(path)
    needed = [key for slot in registry.MODEL for key in (slot, f"{slot}_conf")]
    place = config.get("pretrained")
    known_place = isinstance(place, dict) and isinstance(place.get("path"), str)
    if not set(needed) <= set(config) or not known_place:
        raise FadError(f"{path}: not the config of an experiment; --model takes an exp/<tag>")
    for slot in registry.MODEL:
        name, conf = config[slot], config[f"{slot}_conf"]
        if not isinstance(name, str) or not isinstance(conf, dict):
            raise FadError(f"{path}: '{slot}' needs a name, and '{slot}_conf' keys below it")
        if name not in registry.SLOTS[slot]:
            raise FadError(
                f"{path}: {slot}: '{name}' is unknown; {nearest(name, registry.SLOTS[slot])}; "
                "where a plugin has it, give --plugin FILE.py"
            )
        try:
            registry.check_keys(slot, name, conf)
        except FadError as error:
            raise FadError(f"{path}: {error}") from None
    recorded = config.get("plugins") or {}
    used = plugins_of({slot: config[slot] for slot in needed if slot in registry.SLOTS})
    for plugin in used:
        if recorded.get(plugin) != used[plugin]:
            logging.warning("%s: %s is not as in training: scores may differ", path, plugin)
    return config


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Reads a file of `save_detector`: its tensors and the sha256 of the pre-trained file.

    Raises:
        FadError: the file is of another kind or cut short.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return state, parse_json((file.metadata() or {})[_METADATA])["base_sha256"]
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FadError(f"{path}: not a file of trained weights (cut short?): {error}") from None
