"""A back-end, a loss and an augmentation of a user's own, as one would write them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.augment.base import Augmentation
from fad.backends.base import Backend
from fad.losses.base import Loss
from fad.utils.masks import padding_mask


class MeanPool(Backend):
    """The mean over time of the last output, and one linear layer."""

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed_dim = dim
        self.classify = nn.Linear(dim, 2)

    def embed(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """Encoder outputs, each (B, T, D) -> (B, D)."""
        x = hidden[-1].float()
        mask = padding_mask(lens, x.shape[1])
        weights = torch.ones_like(x[..., :1]) if mask is None else (~mask[..., None]).to(x.dtype)
        return (x * weights).sum(1) / weights.sum(1)


class CosineLoss(Loss):
    """One-class softmax (arXiv 2010.13995): bona fide speech lies near a direction that is learned.

    log(1 + exp(k (m - cos))) for bona fide speech, log(1 + exp(k (cos - m'))) for spoofs; the score
    is the cosine.
    """

    def __init__(self, embed_dim: int, scale: float = 20.0) -> None:
        super().__init__(embed_dim)
        self.scale = scale
        self.centre = nn.Parameter(torch.randn(embed_dim))

    def score(self, embedding: Tensor, logits: Tensor) -> Tensor:
        """Embeddings (B, E) -> cosines (B,)."""
        return F.cosine_similarity(embedding.float(), self.centre, dim=-1)

    def forward(self, embedding: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Embeddings (B, E) and labels (B,) -> (B,)."""
        cosine = self.score(embedding, logits)
        margin = torch.where(labels == 1, 0.9 - cosine, cosine - 0.2)
        return F.softplus(self.scale * margin)


class Quiet(Augmentation):
    """Silences the last share of an utterance."""

    def __init__(self, share: float, probability: float = 1.0) -> None:
        super().__init__(probability)
        self.share = share

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(S,) float32 -> (S,) float32."""
        kept = round((1 - self.share) * len(wav))
        return np.concatenate([wav[:kept], np.zeros(len(wav) - kept, np.float32)])
