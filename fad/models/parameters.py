"""Counts trained and saved parameters from the model's shape only."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from fad.config import shipped
from fad.config.resolve import load_config
from fad.encoders.checkpoint import read_checkpoint
from fad.encoders.pretrained import Checkpoint
from fad.encoders.released import shape_of
from fad.models.detector import Detector, assemble, new_adaptation
from fad.utils.errors import FadError

DEFAULT_SHAPE = "xls-r-300m"
HEADINGS = ("config", "trainable", "in encoder", "in back-end", "times fewer", "bytes saved")


class Counts(NamedTuple):
    """The numbers of a config.

    Attributes:
        parameters: the result of `Detector.count`.
        saved_bytes: bytes of the values in `best.safetensors`, without its header.
    """

    parameters: dict[str, Any]
    saved_bytes: int


def read_shape(pretrained: Path | None) -> Checkpoint:
    """The shape of a pre-trained file, or of XLS-R 300M if none is given.

    Raises:
        FadError: the file is missing or not usable.
    """
    if pretrained is None:
        return shape_of(DEFAULT_SHAPE)
    checkpoint = read_checkpoint(pretrained)
    state = {name: value.to("meta") for name, value in checkpoint.state.items()}
    return dataclasses.replace(checkpoint, state=state)


def count_config(config: dict[str, Any], shape: Checkpoint) -> Counts:
    """Builds a detector whose pre-trained part has shapes without values, and counts.

    Raises:
        FadError: the config and the shape do not fit.
    """
    detector = assemble(config, new_adaptation(config), shape)
    return Counts(detector.count(), saved_bytes(detector))


def count_methods(shape: Checkpoint, overrides: list[str]) -> dict[str, Counts]:
    """The counts of each config of `shipped.listed`, by name, fewest trainable parameters first.

    Raises:
        FadError: a config has no such override; the text names the config.
    """
    counts = {}
    for name in shipped.counted():
        try:
            counts[name] = count_config(load_config(name, overrides), shape)
        except FadError as error:
            raise FadError(f"{name}: {error}") from None
    return dict(sorted(counts.items(), key=lambda item: (item[1].parameters["trainable"], item[0])))


def as_table(counts: dict[str, Counts]) -> str:
    """Aligned columns with a heading and one line for each config."""
    rows = [HEADINGS, *(_row(name, *found) for name, found in counts.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _row(name: str, parameters: dict[str, Any], size: int) -> tuple[str, ...]:
    numbers = (parameters[key] for key in ("trainable", "adaptation", "backend"))
    return (name, *(f"{n:,}" for n in numbers), f"{parameters['ratio']:,.1f}", f"{size:,}")


def saved_bytes(detector: Detector) -> int:
    """The bytes of the values in `save_detector`'s file, without its header of some kilobytes."""
    return sum(value.nbytes for value in detector.exported_state().values())
