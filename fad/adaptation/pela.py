"""PELA: a smaller encoder, of products of two thin matrices (arXiv 2310.10700)."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor, nn

from fad.adaptation.base import Adaptation, NotMergeable
from fad.adaptation.blocks import choose_layers
from fad.adaptation.low_rank import is_number
from fad.encoders.base import LINEAR_LAYERS, Encoder
from fad.encoders.boundary import FRONTEND, Boundary
from fad.utils.errors import FadError
from fad.utils.json_files import parse_json

METADATA = "fad"  # the one key of a file of factors, whose value is JSON


class FactoredLinear(nn.Module):
    """W_l (W_r x) + b in the place of W x + b; the factors have no values at first.

    Args:
        base: the layer in whose place it is; its bias b is shared.
        rank: r.
    """

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(base.in_features, rank, bias=False, device="meta")
        self.up = nn.Linear(rank, base.out_features, bias=False, device="meta")
        self.to_empty(device=base.weight.device)
        self.up.bias = base.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out)."""
        return self.up(self.down(x))

    @torch.no_grad()
    def approximate(self, weight: Tensor) -> None:
        """Gives the factors the best approximation of W (d_out, d_in), by its SVD."""
        rank = self.down.out_features
        left, size, right = torch.linalg.svd(weight, full_matrices=False)
        root = size[:rank].sqrt()
        self.up.weight.copy_(left[:, :rank] * root)
        self.down.weight.copy_(root[:, None] * right[:rank])


class PELA(Adaptation):
    """Each linear layer W x + b of the blocks becomes W_l (W_r x) + b, of rank r.

    Both start at the SVD of W = U S V^T: W_l = U_r S_r^(1/2) and W_r = S_r^(1/2) V_r^T, with

        r = floor(d_in d_out / (c (d_in + d_out))),

    so that a layer has 1/c of its weights and of its products. The paper then distils the factors
    from the whole model on unlabelled data: `python -m fad.bin.distill` does that and writes the
    file for `factors`. This method tunes them. It does not tune biases and LayerNorms, as the paper
    does. The frontend, its projection and the positional convolution stay frozen. Step 0 is an
    approximation of the base model.

    There are `sum r (d_in + d_out)` parameters: 100,515,840 at c = 3 in XLS-R 300M, in the place of
    301,989,888. These factors are saved, and scoring runs them: nothing is merged.

    Args:
        c: the ratio, 2 or 3 in the paper. The rank is never larger than the full one.
        factors: the file of distilled factors; None starts from the SVD, which takes minutes.

    Raises:
        FadError: a c that leaves no rank; or (in `start`) factors that cannot be read, or are of
            another c or another pre-trained file.
    """

    def __init__(self, c: float, factors: str | None = None) -> None:
        if not is_number(c) or not 1e-6 < c < math.inf:
            raise FadError(
                f"adaptation_conf: c is {c}; it must be a number over 0.000001, such as 3"
            )
        if factors is not None and not isinstance(factors, str):
            raise FadError(
                f"adaptation_conf: factors is {factors}; give the file that fad.bin.distill has "
                "written, or null"
            )
        self.c, self.factors = c, factors

    def _wrap(self, encoder: Encoder) -> None:
        blocks = range(1, max(encoder.wanted) + 1)
        layers = choose_layers(encoder, LINEAR_LAYERS, blocks)
        self._bases, self._layers = {layer.name: layer.linear for layer in layers}, {}
        for name, base in self._bases.items():
            rank = _rank(base, self.c)
            if rank < 1:
                raise FadError(
                    f"adaptation_conf: c is {self.c}, which leaves {name} no rank: lower it"
                )
            self._layers[name] = FactoredLinear(base, rank)
            encoder.set_submodule(name, self._layers[name])

    def start(self, base_sha256: Callable[[], str]) -> None:
        if self.factors is None:
            for name, layer in self._layers.items():
                layer.approximate(self._bases[name].weight)
        else:
            self._load(Path(self.factors), base_sha256())
        self.skip_start()

    def skip_start(self) -> None:
        self._bases = {}

    def files(self) -> dict[str, Path]:
        if self.factors is None or not Path(self.factors).is_file():
            return {}
        return {"adaptation_conf.factors": Path(self.factors)}

    @torch.no_grad()
    def _load(self, path: Path, base_sha256: str) -> None:
        state, about = read_factors(path)
        if about["base_sha256"] != base_sha256:
            raise FadError(
                f"{path}: factors of another pre-trained file: run fad.bin.distill again"
            )
        wrong = [
            name
            for name, value in self.owned().items()
            if name not in state or state[name].shape != value.shape
        ]
        if about["c"] != self.c or wrong:
            raise FadError(
                f"{path}: factors for c = {about['c']} of {len(state) // 2} layers, which do not "
                f"fit c = {self.c} and {len(self._layers)} layers: run fad.bin.distill again"
            )
        for name, value in self.owned().items():
            value.copy_(state[name])

    def owned(self) -> dict[str, nn.Parameter]:
        return {
            f"{name}.{side}.weight": getattr(layer, side).weight
            for name, layer in self._layers.items()
            for side in ("down", "up")
        }

    @property
    def boundary(self) -> Boundary:
        return FRONTEND

    def perturbation(self, encoder: Encoder, margin: float = 1e-3) -> Tensor:
        """A loss that keeps products near the weights of the whole `encoder`.

        The mean over layers of (max |W_l W_r - W| - margin)^2.

        Args:
            encoder: of the weights W.
            margin: a largest change that costs nothing.

        Returns:
            A scalar.
        """
        changes = [
            _largest_change(layer, encoder.get_parameter(f"{name}.weight"))
            for name, layer in self._layers.items()
        ]
        return (torch.stack(changes) - margin).square().mean()

    def merge(self) -> Encoder:
        raise NotMergeable(
            "two thin matrices are what makes it smaller and faster, and their product is neither"
        )


def read_factors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The factors in a file of `fad.bin.distill`, and what it says of them.

    Raises:
        FadError: not such a file.
    """
    if not path.is_file():
        raise FadError(
            f"{path}: no such file of factors: make it with fad.bin.distill, or start from the SVD "
            "with adaptation_conf.factors=null"
        )
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = parse_json((file.metadata() or {})[METADATA])
        return state, {**about, "base_sha256": about["base_sha256"], "c": about["c"]}
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FadError(f"{path}: not a file of fad.bin.distill (cut short?): {error}") from None


def _largest_change(layer: FactoredLinear, weight: Tensor) -> Tensor:
    """max |W_l W_r - W|, a scalar; the gradient is of one entry, so no product is kept."""
    up, down = layer.up.weight, layer.down.weight
    with torch.no_grad():
        entry = (up @ down - weight).abs_().argmax()
    row, column = entry // weight.shape[1], entry % weight.shape[1]
    return (up[row] @ down[:, column] - weight[row, column]).abs()


def _rank(base: nn.Linear, c: float) -> int:
    ends = base.in_features, base.out_features
    return min(math.floor(math.prod(ends) / (c * sum(ends))), *ends)
