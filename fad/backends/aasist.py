"""`aasist`: graph attention over frequency and time, on one output of the encoder.

AASIST (Jung et al., arXiv 2110.01200) in the form that Tak et al. put on XLS-R (arXiv 2202.12233):
a linear layer to 128 features takes the place of a spectrogram. On XLS-R 300M it has 447,242
parameters, 131,200 of them in that layer. Sizes, dropout rates and temperatures are theirs. One
thing differs from the program that they released: there, the first normalisation and activation of
a residual block are computed and their result is dropped, so that 512 parameters never change. Here
they take effect.

It normalises by batch statistics (BatchNorm), unlike `pool`. In training a result therefore depends
on what else is in the batch: on `train.batch_size` (accumulating is not the same as a larger
batch), and, with several processes, on their number, since each normalises by its own share of the
batch. Running statistics are kept by each process and averaged before validation; they are saved,
and scores depend on the utterance alone. torch's SyncBatchNorm would join the shares, but it does
not run on a CPU and is not used.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fad.backends.base import Backend
from fad.backends.graphs import GraphAttention, GraphPool, MixedGraphAttention
from fad.utils.errors import FadError

FEATURES = 128
STRIDE = 3  # of the max-pooling, over features and over time
BINS = FEATURES // STRIDE
CHANNELS = ((1, 32), (32, 32), (32, 64), (64, 64), (64, 64), (64, 64))
WIDTH, MIXED_WIDTH = 64, 32  # of a node: in each graph, and in both together
TEMPERATURE, MIXED_TEMPERATURE = 2.0, 100.0
BRANCH_DROPOUT, READOUT_DROPOUT = 0.2, 0.5
MIN_FRAMES = 2 * STRIDE  # batch statistics need two nodes over time


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is added; the shape (F, T) stays.

    The kernel is 2 over frequency: the first convolution gives a row more, the second takes it.
    """

    def __init__(self, channels_in: int, channels: int, before: nn.Module) -> None:
        super().__init__()
        self.before = before
        self.conv1 = nn.Conv2d(channels_in, channels, (2, 3), padding=(1, 1))
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, (2, 3), padding=(0, 1))
        self.skip: nn.Module = nn.Identity()
        if channels != channels_in:
            self.skip = nn.Conv2d(channels_in, channels, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, F, T) -> (B, channels, F, T)."""
        y = self.conv1(self.before(x))
        return self.skip(x) + self.conv2(F.selu(self.norm(y)))


class Branch(nn.Module):
    """Two layers of attention over both graphs with a master node of its own, pooled in between."""

    def __init__(self) -> None:
        super().__init__()
        self.master = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.attend1 = MixedGraphAttention(WIDTH, MIXED_WIDTH, MIXED_TEMPERATURE)
        self.pool_temporal = GraphPool(MIXED_WIDTH)
        self.pool_spectral = GraphPool(MIXED_WIDTH)
        self.attend2 = MixedGraphAttention(MIXED_WIDTH, MIXED_WIDTH, MIXED_TEMPERATURE)
        self.dropout = nn.Dropout(BRANCH_DROPOUT)

    def forward(self, temporal: Tensor, spectral: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, N, 64) and (B, M, 64) -> (B, N // 2, 32), (B, M // 2, 32) and a master (B, 1, 32)."""
        master = self.master.expand(len(temporal), -1, -1)
        temporal, spectral, master = self.attend1(temporal, spectral, master)
        nodes = self.pool_temporal(temporal), self.pool_spectral(spectral), master
        updates = self.attend2(*nodes)
        temporal, spectral, master = (
            self.dropout(node + update) for node, update in zip(nodes, updates, strict=True)
        )
        return temporal, spectral, master


class AASIST(Backend):
    """Logits from a graph over frequency and one over time, and from both together.

    Args:
        dim: the width D of the encoder's outputs.
        num_layers: how many outputs the encoder gives: 1.

    Attributes:
        equal_lengths: the graphs' sizes depend on the number of frames, so the utterances of a
            batch must have one length.

    Raises:
        FadError: the encoder gives several outputs; the published back-end takes one, the last.
    """

    embed_dim = 5 * MIXED_WIDTH
    equal_lengths = True

    def __init__(self, dim: int, num_layers: int) -> None:
        super().__init__()
        if num_layers != 1:
            raise FadError(
                f"backend: aasist takes one output of the encoder, and encoder_conf.layers gives "
                f"{num_layers}: set encoder_conf.layers=last, or a list of one block"
            )
        self.project = nn.Linear(dim, FEATURES)
        self.norm_in = nn.BatchNorm2d(1)
        self.encoder = nn.Sequential(
            # What enters the first block is normalised and activated already.
            ResidualBlock(*CHANNELS[0], before=nn.Identity()),
            *(
                ResidualBlock(*pair, before=nn.Sequential(nn.BatchNorm2d(pair[0]), nn.SELU()))
                for pair in CHANNELS[1:]
            ),
        )
        self.norm_out = nn.BatchNorm2d(WIDTH)
        self.attention = nn.Sequential(
            nn.Conv2d(WIDTH, 2 * WIDTH, 1),
            nn.SELU(),
            nn.BatchNorm2d(2 * WIDTH),
            nn.Conv2d(2 * WIDTH, WIDTH, 1),
        )
        self.position = nn.Parameter(torch.randn(1, BINS, WIDTH))
        self.spectral = GraphAttention(WIDTH, WIDTH, TEMPERATURE)
        self.temporal = GraphAttention(WIDTH, WIDTH, TEMPERATURE)
        self.pool_spectral, self.pool_temporal = GraphPool(WIDTH), GraphPool(WIDTH)
        self.branches = nn.ModuleList([Branch(), Branch()])
        self.dropout = nn.Dropout(READOUT_DROPOUT)
        self.classify = nn.Linear(self.embed_dim, 2)

    def embed(self, hidden: list[Tensor], lens: Tensor) -> Tensor:
        """The readout of the graphs, in float32: half precision makes ties in the pooling.

        Args:
            hidden: one encoder output (B, T, D).
            lens: (B,) frames in each, all T.

        Returns:
            (B, 160).

        Raises:
            FadError: lengths that differ, or fewer than 6 frames.
        """
        (x,) = hidden
        _check_lengths(lens, x.shape[1])
        with torch.autocast(x.device.type, enabled=False):
            spectral, temporal = self._graphs(x.float())
            spectral = self.pool_spectral(self.spectral(spectral))
            temporal = self.pool_temporal(self.temporal(temporal))
            first, second = (branch(temporal, spectral) for branch in self.branches)
            temporal, spectral, master = map(torch.maximum, first, second)
            readout = [
                temporal.abs().amax(1),
                temporal.mean(1),
                spectral.abs().amax(1),
                spectral.mean(1),
                master[:, 0],
            ]
            return self.dropout(torch.cat(readout, dim=1))

    def logits(self, embedding: Tensor) -> Tensor:
        """Embeddings (B, 160) -> logits (B, 2) in float32."""
        with torch.autocast(embedding.device.type, enabled=False):
            return self.classify(embedding.float())

    def _graphs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) -> nodes for bins of features (B, 42, 64), and each 60 ms (B, T // 3, 64)."""
        x = self.project(x).transpose(1, 2)[:, None]
        x = F.selu(self.norm_in(F.max_pool2d(x, STRIDE)))
        x = F.selu(self.norm_out(self.encoder(x)))
        weights = self.attention(x)
        spectral = (x * weights.softmax(-1)).sum(-1).transpose(1, 2) + self.position
        temporal = (x * weights.softmax(-2)).sum(-2).transpose(1, 2)
        return spectral, temporal


def _check_lengths(lens: Tensor, frames: int) -> None:
    shortest = int(lens.min())
    if shortest != frames:
        raise FadError(
            f"backend: aasist needs utterances of one length in a batch, and these have {shortest} "
            f"to {frames} frames: give train.crop_samples=64600, which no utterance is shorter than"
        )
    if frames < MIN_FRAMES:
        raise FadError(
            f"backend: aasist needs {MIN_FRAMES} frames (2,000 samples), and these have {frames}: "
            "raise train.crop_samples"
        )
