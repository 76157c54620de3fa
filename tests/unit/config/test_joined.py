"""`--config a+b`: the files' settings together, and two that contradict each other refused."""

import itertools

import pytest

from fad.config import shipped
from fad.config.plain_yaml import dotted_values, read_yaml
from fad.config.resolve import config_name, load_config, merge_config
from fad.utils.errors import FadError

PAIRS = list(itertools.combinations(shipped.names(), 2))


@pytest.fixture
def file(tmp_path):
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def refused(name: str, *overrides: str) -> str:
    with pytest.raises(FadError) as caught:
        load_config(name, list(overrides))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_both_files_count_and_what_neither_sets_is_the_bases():
    config = load_config("lora+aasist")
    assert (config["adaptation"], config["backend"]) == ("lora", "aasist")
    assert config["adaptation_conf"] == load_config("lora")["adaptation_conf"]
    assert config["encoder_conf"]["layers"] == "last"
    assert config["train"] == load_config("lora")["train"]
    assert load_config("lora+base") == load_config("base+lora") == load_config("lora")


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_every_pair_of_shipped_files_goes_together_or_is_refused_with_both_names(pair):
    """Every pair, by their values: which of them build is tests/consistency/test_configs.py's."""
    first, second = (dotted_values(read_yaml(shipped.find(name))) for name in pair)
    conflicts = [key for key in first if key in second and first[key] != second[key]]
    if not conflicts:
        joined, swapped = (merge_config("+".join(names)) for names in (pair, pair[::-1]))
        assert joined == swapped
        assert dotted_values(joined).items() >= (first | second).items()
        return
    message = refused("+".join(pair))
    assert message.startswith(f"--config {'+'.join(pair)}: conf/{pair[0]}.yaml and conf/{pair[1]}.")
    assert any(f"set '{key}' differently: " in message for key in conflicts)


def test_a_conflict_names_the_key_and_both_values(file):
    mine = file("mine.yaml", "train: {lr: 1e-3}\n")
    assert refused(f"lora+{mine}") == (
        f"--config {f'lora+{mine}'[:80]}: conf/lora.yaml and {mine} set 'train.lr' differently: "
        "0.0005 and 0.001: leave one of them out"
    )
    assert "conf/lora.yaml and conf/full.yaml set 'adaptation' differently: lora and full" in (
        refused("lora+full")
    )
    # Of three the two that do not go together are named.
    assert f"conf/lora.yaml and {mine} set" in refused(f"lora+aasist+{mine}")


def test_equal_values_are_no_conflict_however_they_are_written(file):
    mine = file("mine.yaml", "train: {lr: 5e-4, clip_grad: 1}\nadaptation_conf: {rank: 4}\n")
    assert load_config(f"lora+{mine}") == load_config("lora")


def test_the_order_of_the_files_does_not_matter_to_the_values_of_a_slot(file):
    """A file's `adaptation_conf` is for the method that another one chooses, also behind it."""
    dropout = file("dropout.yaml", "adaptation_conf: {dropout: 0.5}\n")
    own = file("own.yaml", "adaptation: lora\nadaptation_conf: {rank: 2}\n")
    rest = file("rest.yaml", "adaptation_conf: {alpha: 1, target_modules: [fc1]}\n")
    names = f"{dropout}+{own}+{rest}", f"{rest}+{own}+{dropout}"
    first, second = (load_config(name) for name in names)
    assert first == second
    assert first["adaptation_conf"]["dropout"] == 0.5


def test_values_below_a_key_and_a_value_at_it_are_a_conflict(file):
    deep = file("deep.yaml", "backend_conf: {x: {y: 1}}\n")
    flat = file("flat.yaml", "backend_conf: {x: 1}\n")
    for name in (f"{deep}+{flat}", f"{flat}+{deep}"):
        assert "set 'backend_conf.x' differently" in refused(name)


def test_overrides_are_over_all_and_another_name_in_a_slot_empties_its_conf():
    config = load_config("lora+aasist", ["train.lr=1", "backend=pool", "adaptation=frozen"])
    assert (config["train"]["lr"], config["backend"], config["adaptation_conf"]) == (1, "pool", {})
    assert config["encoder_conf"]["layers"] == "last"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lora+aasits", "'aasits': no such config in conf/; did you mean 'aasist'?"),
        ("lroa+aasist", "'lroa': no such config in conf/; did you mean 'lora'?"),
        ("lora+", "'': no such config in conf/; known: "),
        ("+lora", "'': no such config in conf/; known: "),
        ("lora+lora", "'lora' comes twice: leave one out"),
        ("lora_aasist", "no such config in conf/; did you mean 'lora+aasist'?"),
    ],
)
def test_each_part_is_spelt_out(name, says):
    assert f"--config {name}: {says}" in refused(name)


def test_mistakes_in_a_file_are_said_of_that_file(file):
    mine = file("mine.yaml", "train: {epoch: 3}\n")
    assert refused(f"lora+{mine}").startswith(f"{mine}: unknown key 'train.epoch'")
    assert "none.yaml: cannot be read" in refused("lora+none.yaml")


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("lora", "lora"),
        ("lora+aasist", "lora+aasist"),
        ("my/lora.yaml+aasist", "lora+aasist"),
        ("a/b.c.yml+d.yaml", "b.c+d"),
    ],
)
def test_a_config_is_called_by_the_names_of_its_files(name, called):
    assert config_name(name) == called
