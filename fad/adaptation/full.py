"""Full fine-tuning: every weight of the encoder."""

import re

from torch import nn

from fad.adaptation.base import Adaptation
from fad.encoders.boundary import NONE, Boundary


class Full(Adaptation):
    """All parameters that the wanted outputs depend on are trained, the frontend's too."""

    def _wrap(self, encoder: nn.Module) -> None:
        for parameter in self.owned().values():
            parameter.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        top = max(self.encoder.wanted)
        return {
            name: parameter
            for name, parameter in self.encoder.named_parameters()
            if not _is_above(name, top, self.encoder.num_layers)
        }

    @property
    def boundary(self) -> Boundary:
        return NONE

    def merge(self) -> nn.Module:
        return self.encoder


def _is_above(name: str, top: int, num_layers: int) -> bool:
    """Whether a parameter belongs to a block over `top`, or to the LayerNorm over the last one."""
    block = re.search(r"\.layers\.(\d+)\.", name)
    if block:
        return int(block[1]) >= top
    return top < num_layers and name.endswith(
        ("encoder.layer_norm.weight", "encoder.layer_norm.bias")
    )
