"""Full fine-tuning: every weight of the encoder."""

from torch import nn

from fad.adaptation.base import Adaptation


class Full(Adaptation):
    """All parameters of the encoder are trained, the frontend's too."""

    def _wrap(self, encoder: nn.Module) -> None:
        encoder.requires_grad_(True)

    def owned(self) -> dict[str, nn.Parameter]:
        return dict(self.encoder.named_parameters())

    @property
    def boundary(self) -> str:
        return "none"

    def merge(self) -> nn.Module:
        return self.encoder
