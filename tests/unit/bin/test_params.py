"""`fad.bin.params`: the counts as JSON."""

import json
import math

import pytest

from fad.bin import params
from fad.config import shipped
from fad.encoders.released import parameter_shapes
from fad.utils.errors import FadError
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
        "loss": 0,
        "ratio": round(total / (owned + head), 2),
    }


def test_overrides_count(capsys, mini_file):
    options = ["--config", "lora", "--pretrained", str(mini_file)]
    assert counts(capsys, *options, "--set", "adaptation_conf.rank=1")["adaptation"] == 384


def test_all_methods_are_a_table_in_order_and_so_on_a_file(capsys, mini_file):
    params.main(["--all", "--pretrained", str(mini_file)])
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["config", "trainable"]
    assert {line.split()[0] for line in lines} == set(shipped.counted())
    trainable = [int(line.split()[1].replace(",", "")) for line in lines]
    assert trainable == sorted(trainable)
    one = counts(capsys, "--config", lines[-1].split()[0], "--pretrained", str(mini_file))
    assert one["trainable"] == trainable[-1]


def test_without_a_file_it_counts_on_xls_r_300m(capsys):
    assert counts(capsys, "--config", "lora_r16") == {
        "total": 317_390_592 + 1_572_864 + 4_122,
        "trainable": 1_572_864 + 4_122,
        "adaptation": 1_572_864,
        "backend": 4_122,
        "loss": 0,
        "ratio": 201.26,
    }


def test_one_method_or_all_and_an_override_that_one_does_not_have(capsys):
    with pytest.raises(SystemExit):
        params.main(["--all", "--config", "lora"])
    with pytest.raises(SystemExit):
        params.main([])
    with pytest.raises(FadError, match=r"'\w+' has no key 'rank'"):
        params.main(["--all", "--set", "adaptation_conf.rank=2"])


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
