"""Training on augmented audio: from a config's chain to weights, and what cannot be stored."""

import pytest
from safetensors.torch import load_file

from fad.config.registry import SLOTS
from fad.utils.errors import FadError
from tests.helpers.experiment import train


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """An augmentation of a user's own, one line of the registry."""
    monkeypatch.setitem(SLOTS["augment"], "quiet", "tests.helpers.own_parts:Quiet")


def weights(exp):
    return load_file(exp / "best.safetensors")["backend.classify.weight"]


def test_an_augmentation_of_ones_own_changes_what_is_learned(mini_file, tiny_dump, tmp_path):
    def trained(name, *overrides):
        return weights(train(tmp_path / name, mini_file, tiny_dump, "frozen", *overrides))

    plain = trained("plain")
    changed = trained("changed", "augment.quiet={share: 0.5}")
    never = trained("never", "augment.quiet={share: 0.5, probability: 0}")
    assert (plain != changed).any()
    assert (plain == never).all()


def test_augmented_audio_is_not_read_from_stored_frames(mini_file, tiny_dump, tmp_path):
    options = (mini_file, tiny_dump, "lora", "augment.quiet={share: 0.5}")
    with pytest.raises(FadError, match="augmentation changes its audio in each epoch"):
        train(tmp_path / "exp", *options, stored="frontend")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augment.quite={share: 0.5}", "augment: 'quite' is unknown; did you mean 'quiet'"),
        ("augment.quiet={shore: 0.5}", "augment: 'quiet' has no key 'shore'; did you mean 'share'"),
        ("augment.quiet={}", "augment: 'quiet' needs share"),
        ("augment.quiet=0.5", "augment: 'quiet' needs keys below it, not '0.5'"),
    ],
)
def test_a_chain_that_cannot_be_built_is_refused(mini_file, tiny_dump, tmp_path, override, says):
    with pytest.raises(FadError, match=says):
        train(tmp_path / "exp", mini_file, tiny_dump, "lora", override)
