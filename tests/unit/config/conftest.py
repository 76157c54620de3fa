"""What tests of the registry leave behind is taken out of it again."""

import pytest

from fad.config import plugins
from fad.config.registry import SLOTS


@pytest.fixture
def fresh_registry(monkeypatch):
    """The registry as it is shipped, with no plugin loaded."""
    for slot, table in SLOTS.items():
        monkeypatch.setitem(SLOTS, slot, dict(table))
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.delenv(plugins.ENVIRONMENT, raising=False)
