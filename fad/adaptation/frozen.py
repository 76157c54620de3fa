"""No adaptation: the pre-trained encoder as it is."""

from fad.adaptation.base import Adaptation
from fad.encoders.base import Encoder
from fad.encoders.boundary import Boundary, block


class Frozen(Adaptation):
    """The encoder is a fixed function; only the back-end is trained."""

    @property
    def boundary(self) -> Boundary:
        return block(max(self.encoder.wanted))

    def merge(self) -> Encoder:
        return self.encoder
