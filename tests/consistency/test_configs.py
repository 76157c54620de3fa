"""Every shipped config builds, in both encoders, and says what it is."""

import pytest

from fad.config import CONF_DIR, load_config
from fad.detector import build_detector
from fad.registry import SLOTS

SHIPPED = sorted(path.stem for path in CONF_DIR.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("encoder", SLOTS["encoder"])
def test_every_shipped_config_builds(name, encoder, mini_file):
    detector = build_detector(load_config(name, [f"encoder={encoder}"]), mini_file)
    assert detector.count()["trainable"] > 0


def test_every_adaptation_has_a_config():
    assert {load_config(name)["adaptation"] for name in SHIPPED} == set(SLOTS["adaptation"])
