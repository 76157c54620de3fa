"""Full fine-tuning: every weight of the encoder."""

from torch import nn

from fad.adaptation.base import Adaptation
from fad.encoders.base import Encoder
from fad.encoders.boundary import NONE, Boundary


class Full(Adaptation):
    """All parameters that the wanted outputs depend on are trained, the frontend's too."""

    def _wrap(self, encoder: Encoder) -> None:
        for parameter in self.owned().values():
            parameter.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        return self.encoder.needed_parameters()

    @property
    def boundary(self) -> Boundary:
        return NONE

    def merge(self) -> Encoder:
        return self.encoder
