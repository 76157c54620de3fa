"""Every shipped config builds, in both encoders, and says what it is."""

import pytest

from fad.config.registry import SLOTS
from fad.config.resolve import CONF_DIR, load_config
from fad.models.detector import build_detector

XLSR_ALONE = {"stochastic", "dgsct"}  # the contract test sees the others refused
SHIPPED = sorted(path.stem for path in CONF_DIR.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("encoder", SLOTS["encoder"])
def test_every_shipped_config_builds(name, encoder, mini_file):
    # Its encoder_conf too: an override of the name would empty it, and both take `layers`.
    if encoder != "xlsr" and name in XLSR_ALONE:
        pytest.skip("of the encoder 'xlsr' alone")
    detector = build_detector({**load_config(name), "encoder": encoder}, mini_file)
    assert detector.count()["trainable"] > 0


@pytest.mark.parametrize("slot", ["adaptation", "backend"])
def test_every_adaptation_and_back_end_has_a_config(slot):
    assert {load_config(name)[slot] for name in SHIPPED} == set(SLOTS[slot])
