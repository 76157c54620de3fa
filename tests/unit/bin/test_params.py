"""`fad.bin.params`: the counts as JSON."""

import json
import math

import pytest

from fad.bin import params
from fad.encoders.released import parameter_shapes
from fad.errors import FadError
from tests.helpers.released import MINI, XLSR_300M


def counts(capsys, *options: str) -> dict:
    params.main(list(options))
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("name", "owned"), [("frozen", 0), ("lora", 1536), ("lora_r16", 6144)])
def test_the_counts_are_printed_as_json(capsys, mini_file, name, owned):
    total = sum(math.prod(shape) for shape in parameter_shapes(MINI).values())
    head = 2 + 2 * 96 + 2
    assert counts(capsys, "--config", name, "--pretrained", str(mini_file)) == {
        "total": total + owned + head,
        "trainable": owned + head,
        "adaptation": owned,
        "backend": head,
        "ratio": round(total / (owned + head), 2),
    }


def test_overrides_count(capsys, mini_file):
    options = ["--config", "lora", "--pretrained", str(mini_file)]
    assert counts(capsys, *options, "--set", "adaptation_conf.rank=1")["adaptation"] == 384


def test_rank_16_on_the_full_shape_is_the_papers_budget():
    # 24 blocks, query and value, two matrices of 1024 x 16; the head: 24 weights, 2 x 2048 + 2.
    dim, blocks = XLSR_300M["encoder_embed_dim"], XLSR_300M["encoder_layers"]
    low_rank = blocks * 2 * 16 * (dim + dim)
    head = blocks + 2 * dim * 2 + 2
    assert low_rank == 1_572_864
    assert 317_390_592 / (low_rank + head) == pytest.approx(201.3, abs=0.1)


def test_a_wrong_config_is_refused_before_the_file_is_looked_for(tmp_path):
    with pytest.raises(FadError, match="did you mean 'lora'"):
        params.main(["--config", "lroa", "--pretrained", str(tmp_path / "none.pt")])
    with pytest.raises(FadError, match="no such pre-trained file"):
        params.main(["--config", "lora", "--pretrained", str(tmp_path / "none.pt")])
