"""No adaptation: the pre-trained encoder as it is."""

from torch import nn

from fad.adaptation.base import Adaptation


class Frozen(Adaptation):
    """The encoder is a fixed function; only the back-end is trained."""

    @property
    def boundary(self) -> str:
        return "all"

    def merge(self) -> nn.Module:
        return self.encoder
