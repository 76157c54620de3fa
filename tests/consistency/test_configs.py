"""Every shipped config, and every pair of them that goes together, builds in both encoders."""

import itertools

import pytest

from fad.config import shipped
from fad.config.registry import SLOTS
from fad.config.resolve import load_config
from fad.models.detector import build_detector
from fad.utils.errors import FadError

XLSR_ONLY = {"stochastic", "dgsct"}  # the contract test sees the others refused


def goes_together(name: str) -> bool:
    """tests/unit/config/test_joined.py holds those that do not to their message."""
    try:
        load_config(name)
    except FadError as error:
        assert "differently" in str(error)
        return False
    return True


PAIRS = map("+".join, itertools.combinations(shipped.names(), 2))
TOGETHER = [name for name in PAIRS if goes_together(name)]
CONFIGS = ["base", *shipped.names(), *TOGETHER]


def test_a_part_goes_with_every_method_that_leaves_its_slot_alone():
    assert {f"aasist+{name}" for name in ("frozen", "full", "last", "lora")} <= set(TOGETHER)
    assert "full+lora" not in TOGETHER


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("encoder", SLOTS["encoder"])
def test_every_shipped_config_builds(name, encoder, mini_file):
    # Its encoder_conf too: an override of the name would empty it, and both take `layers`.
    config = {**load_config(name), "encoder": encoder}
    if encoder != "xlsr" and config["adaptation"] in XLSR_ONLY:
        pytest.skip("needs the encoder 'xlsr'")
    assert build_detector(config, mini_file).count()["trainable"] > 0


@pytest.mark.parametrize("slot", ["adaptation", "backend"])
def test_every_adaptation_and_back_end_has_a_config(slot):
    assert {load_config(name)[slot] for name in ("base", *shipped.names())} == set(SLOTS[slot])
