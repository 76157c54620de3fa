"""What a restart of ReLoRA leaves of the optimizer: of an entry all that is kept, or nothing."""

import pytest
import torch

from fad.adaptation.relora import ReLoRA
from fad.config.resolve import load_config


@pytest.mark.parametrize(("prune", "share"), [("magnitude", 0.75), ("random", 0.75)])
def test_an_entry_keeps_both_moments_or_neither(prune, share):
    conf = load_config("relora")["adaptation_conf"] | {"prune": prune, "prune_share": share}
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(40, 50, generator=generator)
    square = torch.rand(40, 50, generator=generator) + 0.1  # large where the mean is small, too
    ReLoRA(**conf)._prune([mean, square], generator)
    assert torch.equal(mean == 0, square == 0)
    assert (mean == 0).float().mean().item() == pytest.approx(share, abs=0.05)
