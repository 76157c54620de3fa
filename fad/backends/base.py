"""What every back-end is: an embedding of an utterance, and logits of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from torch import Tensor, nn

from fad.utils.errors import FadError


class Backend(nn.Module, ABC):
    """From the encoder's outputs to an embedding (B, E), and from that to logits (B, 2).

    A subclass sets `embed_dim` and `classify`, and has `embed`. Its constructor takes `dim`, the
    width D of the encoder's outputs, `num_layers`, how many of them there are, and its own keys of
    `backend_conf`.

    Attributes:
        embed_dim: E.
        classify: embeddings (B, E) -> logits (B, 2): spoof, bonafide.
        equal_lengths: whether all utterances of a batch must have one length; else padding is
            masked.
        frame_hop: encoder frames from one frame logit to the next; None where there are none.
    """

    embed_dim: int
    classify: nn.Module
    equal_lengths = False
    frame_hop: int | None = None

    @abstractmethod
    def embed(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Pools each utterance.

        Args:
            hidden: encoder outputs, each (B, T, D).
            lens: (B,) frames in each.

        Returns:
            (B, E).
        """

    def logits(self, embedding: Tensor) -> Tensor:
        """Embeddings (B, E) -> logits (B, 2): spoof, bonafide."""
        return self.classify(embedding)

    def forward(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D), with lens (B,) frames -> logits (B, 2)."""
        return self.logits(self.embed(hidden, lens))

    def frame_logits(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D) -> logits of frames (B, ceil(T / frame_hop), 2).

        Raises:
            FadError: this back-end has none.
        """
        name = type(self).__name__
        raise FadError(f"backend: {name} gives no logits of frames; choose one that does")

    def init_from_data(self, outputs: Iterable[tuple[list[Tensor], Tensor]]) -> None:
        """Sets what depends on the data, before training; by default there is nothing to set.

        Args:
            outputs: batches of what `forward` takes, of some training utterances; computed when
                they are asked for.
        """
