"""What every training loss is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """The loss of each example, from its embedding, its logits and its label.

    Its parameters, if it has any, are trained, counted, saved and resumed with the detector's, and
    are there when it scores. A subclass has `forward`, and its own keys of `loss_conf` as arguments
    of its constructor.

    Args:
        embed_dim: E, the width of the back-end's embeddings.
    """

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.embed_dim = embed_dim

    @abstractmethod
    def forward(self, embedding: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Each example's loss, times `weight_of` its label; a sum over examples is no mean.

        The caller divides by the sum of weights over the whole step, so that the result does not
        depend on how a step is split into batches and processes.

        Args:
            embedding: (B, E) of the back-end.
            logits: (B, 2): spoof, bonafide.
            labels: (B,) int64: 0 spoof, 1 bonafide.

        Returns:
            (B,) float32.
        """

    def weight_of(self, labels: Tensor) -> Tensor:
        """Labels (B,) -> the weight of each example (B,) float32; by default 1."""
        return labels.new_ones(labels.shape).float()

    def score(self, embedding: Tensor, logits: Tensor) -> Tensor:
        """The score (B,) float32 of each utterance; higher = bona fide.

        By default logit[bonafide] - logit[spoof], a log-likelihood ratio up to calibration. A loss
        that trains no logits scores by what it trains, such as a cosine.

        Args:
            embedding: (B, E) of the back-end.
            logits: (B, 2): spoof, bonafide.
        """
        logits = logits.float()
        return logits[:, 1] - logits[:, 0]

    def init_from_data(self, class_counts: tuple[int, int]) -> None:
        """Sets what depends on the data, before training; by default there is nothing to set.

        It is called at each start, also where training goes on.

        Args:
            class_counts: training utterances of spoof and of bonafide.

        Raises:
            FadError: it cannot train on such data.
        """
