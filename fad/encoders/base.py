"""The contract of an encoder: all that the rest of fad asks of one.

A new family is a class derived from `Encoder`, the names of its parts (`Parts`), and one line of
the registry. `tests/unit/encoders/test_contract.py` runs over every registered encoder.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, cast

from torch import Tensor, nn

from fad.encoders.boundary import NONE, Boundary, block
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.layers import select_layers
from fad.utils.errors import FadError

FAIRSEQ_EPS = 1e-5
"""What fairseq's normalisation of a waveform adds to its variance."""
# The linear layers of a block, by the names that configs have.
ATTENTION_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj")
FEED_FORWARD_LAYERS = ("fc1", "fc2")
LINEAR_LAYERS = ATTENTION_LAYERS + FEED_FORWARD_LAYERS

_FAIRSEQ = {name: f"self_attn.{name}" for name in ATTENTION_LAYERS} | {"fc1": "fc1", "fc2": "fc2"}


@dataclass(frozen=True)
class Parts:
    """Where an encoder's parts are: names as `nn.Module.get_submodule` takes them.

    Attributes:
        frontend: the convolutions from audio to frames.
        blocks: the `nn.ModuleList` of the blocks.
        final_norm: the module that only the output of the last block goes through; None where
            there is none.
        linear: the place of each linear layer inside a block, by its name in `LINEAR_LAYERS`;
            fairseq's by default.
    """

    frontend: str
    blocks: str
    final_norm: str | None
    linear: Mapping[str, str] = field(default_factory=lambda: _FAIRSEQ)


class LinearLayer(NamedTuple):
    """A linear layer of a block.

    Attributes:
        block: the number of its block, from 1.
        target: its name in `LINEAR_LAYERS`.
        name: its whole name in the encoder.
        module: what is there now: the plain layer, or what an adaptation has put in its place.
    """

    block: int
    target: str
    name: str
    module: nn.Module

    @property
    def linear(self) -> nn.Linear:
        """`module` as the linear layer that a method adapts.

        Raises:
            TypeError: there is something else by now.
        """
        if not isinstance(self.module, nn.Linear):
            raise TypeError(f"{self.name} is a {type(self.module).__name__}, not a linear layer")
        return self.module


class EncoderBlock(nn.Module, ABC):
    """A block, and what a method puts in its place (`Encoder.wrap_block`).

    In both calls x is (B, T, D), and `padding_mask` (B, T) bool is True at padding, or None where
    there is none.
    """

    @abstractmethod
    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""

    @abstractmethod
    def checkpointed(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """`forward` that keeps less for the backward pass."""


class Encoder(nn.Module, ABC):
    """A pre-trained model in three steps: audio to frames, frames to width D, and blocks.

    Args:
        dim: the width D.
        num_layers: the number of blocks.
        num_heads: attention heads of a block, which lie side by side in the projections' output.
        layers: the outputs to give: `last`, `all`, or block numbers from 1.
        grid: the frames that the frontend makes of samples.
        normalize: whether waveforms are brought to zero mean and unit variance first.
        normalize_eps: what is added to the variance then.
        parts: where the parts are.

    Attributes:
        wanted: the blocks whose outputs `forward` gives, numbers from 1 in order.
        local_frames: whether a frame depends only on its own window of samples. Then stored frames
            can be cropped, and padding does not reach real frames.

    Raises:
        FadError: `layers` names a block that is not there.
    """

    local_frames = True

    def __init__(
        self,
        *,
        dim: int,
        num_layers: int,
        num_heads: int,
        layers: str | list[int],
        grid: FrameGrid,
        normalize: bool,
        normalize_eps: float = FAIRSEQ_EPS,
        parts: Parts,
    ) -> None:
        super().__init__()
        self.dim, self.num_layers, self.num_heads = dim, num_layers, num_heads
        self.wanted = select_layers(layers, num_layers)
        self.grid, self.parts = grid, parts
        self.normalize, self.normalize_eps = normalize, normalize_eps

    @property
    def deepest(self) -> Boundary:
        """The deepest boundary at which `outputs` can be entered."""
        return block(max(self.wanted))

    @abstractmethod
    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        """Waveforms (B, S) at 16 kHz with lengths (B,) -> frames (B, T, C) and their numbers (B,).

        Computed in float32, also under autocast.
        """

    @abstractmethod
    def project(self, frames: Tensor) -> Tensor:
        """Frames (B, T, C) -> (B, T, D)."""

    @abstractmethod
    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary, wanted: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        """Enters the encoder at a boundary and gives the outputs of any blocks.

        Args:
            inputs: prepared waveforms (B, S), the frontend's frames (B, T, C) or, behind block k,
                (B, T, n, D): the outputs of the n blocks that `needed_outputs` names.
            lens: (B,) samples or frames in each.
            boundary: which of them; at most `deepest`.
            wanted: the blocks, numbers from 1 in order.

        Returns:
            A list of (B, T', D), one a wanted block, and the frames in each utterance (B,). Rows
            behind an utterance's last frame may have any values.
        """

    def forward(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary = NONE
    ) -> tuple[list[Tensor], Tensor]:
        """`outputs` of the blocks in `wanted`.

        Args:
            inputs: (B, S) float32 at 16 kHz, prepared by `fad.data.waveform`; or what is stored.
            lens: (B,) samples, or frames, in each.
            boundary: where the encoder is entered.

        Returns:
            The wanted outputs, a list of (B, T', D), and the frames in each, (B,).
        """
        return self.outputs(inputs, lens, boundary, self.wanted)

    def blocks(self) -> nn.ModuleList:
        """The blocks in order; block number k is item k - 1."""
        return cast(nn.ModuleList, self.get_submodule(self.parts.blocks))

    def linear_layers(self) -> list[LinearLayer]:
        """The linear layers of all blocks, in order of blocks and of `Parts.linear`."""
        return [
            LinearLayer(
                index + 1,
                target,
                f"{self.parts.blocks}.{index}.{path}",
                module.get_submodule(path),
            )
            for index, module in enumerate(self.blocks())
            for target, path in self.parts.linear.items()
        ]

    def frontend_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters that frames depend on, by their names in the encoder."""
        return self._parameters_in(self.parts.frontend)

    def block_parameters(self, numbers: Collection[int]) -> dict[str, nn.Parameter]:
        """The parameters of the blocks with these numbers, by their names in the encoder."""
        return dict(
            chain.from_iterable(
                self._parameters_in(f"{self.parts.blocks}.{number - 1}").items()
                for number in sorted(numbers)
            )
        )

    def needed_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters that the wanted outputs depend on, by their names in the encoder."""
        top = max(self.wanted)
        unused = self.block_parameters(range(top + 1, self.num_layers + 1))
        if top < self.num_layers and self.parts.final_norm is not None:
            unused |= self._parameters_in(self.parts.final_norm)
        return {name: value for name, value in self.named_parameters() if name not in unused}

    def _parameters_in(self, name: str) -> dict[str, nn.Parameter]:
        return dict(self.get_submodule(name).named_parameters(prefix=name))

    def use_activation_checkpointing(self) -> None:
        """Has blocks keep less for the backward pass and compute it again.

        Raises:
            FadError: this encoder cannot.
        """
        raise self._cannot("compute activations again (train.activation_checkpointing)")

    def compile_blocks(self) -> None:
        """Compiles each block with `torch.compile`, for any batch and length.

        Raises:
            FadError: this encoder cannot.
        """
        raise self._cannot("compile its blocks (train.compile)")

    def pool(self, squeeze: int, query: int, key_value: int) -> None:
        """Has neighbouring frames averaged; a factor of 1 averages none.

        Args:
            squeeze: frames that become one before the blocks, where the encoder is entered before
                them; `outputs` then gives fewer frames.
            query: frames that become one query in each self-attention.
            key_value: frames that become one key and one value there.

        Raises:
            FadError: this encoder cannot.
        """
        raise self._cannot("average neighbouring frames, as this method does")

    def wrap_block(self, number: int, wrap: Callable[[EncoderBlock], EncoderBlock]) -> None:
        """Puts `wrap(block)` in the place of a block.

        Args:
            number: of the block, from 1.
            wrap: given the block, makes the module.

        Raises:
            FadError: the blocks of this encoder are no `EncoderBlock`.
        """
        raise self._cannot("run layers of a method between its blocks")

    def _cannot(self, what: str) -> FadError:
        return FadError(f"the encoder {type(self).__name__} cannot {what}: set encoder=xlsr")
