"""`fad.bin.show_config`: what training would see, or the mistake in it."""

import pytest
import yaml

from fad.bin.show_config import main
from fad.config.resolve import load_config
from fad.utils.errors import FadError


def test_it_prints_the_resolved_config(capsys):
    main(["--config", "lora", "--set", "adaptation_conf.rank=8", "--set", "train.lr=1e-4"])
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown == load_config("lora", ["adaptation_conf.rank=8", "train.lr=1e-4"])
    assert shown["adaptation_conf"]["rank"] == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", "lroa"], "did you mean 'lora'"),
        (["--config", "lora", "--set", "adaptation_conf.ranks=8"], "did you mean .*rank"),
    ],
)
def test_a_mistake_is_named(words, message):
    with pytest.raises(FadError, match=message):
        main(words)
