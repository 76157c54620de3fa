"""Layers on graphs, each a set of nodes (B, N, D): attention, attention of two kinds, pooling.

After Jung et al. (AASIST, arXiv 2110.01200). A graph is complete: every node attends to every node,
itself too. A pair's features take B * N * N * D numbers, so memory grows with the square of N.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT_DROPOUT = 0.2
POOL_DROPOUT = 0.3
POOL_RATIO = 0.5


class GraphAttention(nn.Module):
    """Attention among the nodes of one graph.

    s_ij = w . tanh(A (x_i * x_j) + a) / temperature, with * element by element;
    y_i = selu(norm(P sum_j softmax_j(s_ij) x_j + p + Q x_i + q)), with batch normalisation over all
    nodes of the batch. Another order of the nodes gives the same outputs in that order.

    Args:
        dim_in: width of a node before.
        dim_out: width of a node after.
        temperature: over 1 makes the attention more even.
    """

    def __init__(self, dim_in: int, dim_out: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.dropout = nn.Dropout(INPUT_DROPOUT)
        self.pair = nn.Linear(dim_in, dim_out)
        self.score = _score_weights(dim_out, 1)
        self.attended = nn.Linear(dim_in, dim_out)
        self.own = nn.Linear(dim_in, dim_out)
        self.norm = nn.BatchNorm1d(dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim_in) -> (B, N, dim_out)."""
        x = self.dropout(x)
        attention = self._attention(x)
        return F.selu(_normalise(self.norm, self.attended(attention @ x) + self.own(x)))

    def _attention(self, x: Tensor) -> Tensor:
        """Weights (B, N, N) of the nodes x (B, N, D): row i says what node i takes from each."""
        pairs = torch.tanh(self.pair(x[:, :, None] * x[:, None]))
        return (self.score(pairs)[..., 0] / self.temperature).softmax(-1)


class MixedGraphAttention(nn.Module):
    """Attention among the nodes of two graphs together, with a master node that listens to all.

    As `GraphAttention`, but each graph is first projected on its own, and w differs for pairs
    within the first graph, within the second, and across. The master node m takes from the nodes
    and gives nothing back:
    m' = P' sum_i softmax_i(w' . tanh(A' (x_i * m) + a') / temperature) x_i + p' + Q' m + q'.

    Args:
        dim_in: width of a node before.
        dim_out: width of a node after.
        temperature: over 1 makes the attention more even.
    """

    def __init__(self, dim_in: int, dim_out: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.first = nn.Linear(dim_in, dim_in)
        self.second = nn.Linear(dim_in, dim_in)
        self.dropout = nn.Dropout(INPUT_DROPOUT)
        self.pair = nn.Linear(dim_in, dim_out)
        self.score = _score_weights(dim_out, 3)  # within the first, across, within the second
        self.attended = nn.Linear(dim_in, dim_out)
        self.own = nn.Linear(dim_in, dim_out)
        self.norm = nn.BatchNorm1d(dim_out)
        self.master_pair = nn.Linear(dim_in, dim_out)
        self.master_score = _score_weights(dim_out, 1)
        self.master_attended = nn.Linear(dim_in, dim_out)
        self.master_own = nn.Linear(dim_in, dim_out)

    def forward(
        self, first: Tensor, second: Tensor, master: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of both graphs and of the master node.

        Args:
            first: (B, N1, dim_in).
            second: (B, N2, dim_in).
            master: (B, 1, dim_in).

        Returns:
            The same three with dim_out.
        """
        sizes = [first.shape[1], second.shape[1]]
        x = self.dropout(torch.cat([self.first(first), self.second(second)], dim=1))
        attention = self._attention(x, sizes[0])
        y = F.selu(_normalise(self.norm, self.attended(attention @ x) + self.own(x)))
        return *y.split(sizes, dim=1), self._listen(x, master)

    def _attention(self, x: Tensor, first: int) -> Tensor:
        """Weights (B, N, N) of the nodes x (B, N, D), `first` of them of the first graph."""
        pairs = torch.tanh(self.pair(x[:, :, None] * x[:, None]))
        kind = (torch.arange(x.shape[1], device=x.device) >= first).long()
        which = (kind[:, None] + kind).expand(len(x), -1, -1)  # 0 and 2 within, 1 across
        scores = self.score(pairs).gather(-1, which[..., None])[..., 0]
        return (scores / self.temperature).softmax(-1)

    def _listen(self, x: Tensor, master: Tensor) -> Tensor:
        """The master node (B, 1, D) after it has taken from the nodes x (B, N, D)."""
        pairs = torch.tanh(self.master_pair(x * master))
        attention = (self.master_score(pairs) / self.temperature).softmax(1)
        return self.master_attended(attention.transpose(1, 2) @ x) + self.master_own(master)


class GraphPool(nn.Module):
    """Keeps the half of the nodes with the highest scores, each times its score (a sigmoid).

    They come in the order of their scores, the highest first. An odd number is rounded down; one
    node is always kept.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(POOL_DROPOUT)
        self.score = nn.Linear(dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, max(N // 2, 1), D)."""
        scores = torch.sigmoid(self.score(self.dropout(x)))
        kept = max(int(x.shape[1] * POOL_RATIO), 1)
        _, index = scores.topk(kept, dim=1)
        return (x * scores).gather(1, index.expand(-1, -1, x.shape[2]))


def _score_weights(dim: int, count: int) -> nn.Linear:
    """`count` vectors w of `dim` numbers, each drawn as Xavier-normal of its own."""
    weights = nn.Linear(dim, count, bias=False)
    nn.init.normal_(weights.weight, std=(2 / (dim + 1)) ** 0.5)
    return weights


def _normalise(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch normalisation of the features of nodes (B, N, D), over B and N."""
    return norm(x.flatten(0, 1)).view_as(x)
