"""Configs: a method over base.yaml, `--set` over both, and everything that is refused."""

import pytest
import yaml

from fad.config import shipped
from fad.config.plain_yaml import read_yaml
from fad.config.resolve import difference, dump_config, load_config
from fad.utils.errors import FadError


@pytest.mark.parametrize("name", ["base", *shipped.names()])
def test_every_shipped_config_loads_and_comes_back_from_its_own_text(name):
    config = load_config(name)
    assert list(config) == list(read_yaml(shipped.find("base")))
    assert yaml.safe_load(dump_config(config)) == config


@pytest.mark.parametrize("name", shipped.names())
def test_a_method_is_a_short_difference_from_base(name):
    assert difference(load_config("base"), load_config(name)) or name == "frozen"


def test_the_papers_best_and_its_budget():
    lora, r16 = load_config("lora")["adaptation_conf"], load_config("lora_r16")["adaptation_conf"]
    assert (lora["rank"], r16["rank"]) == (4, 16)
    assert lora["target_modules"] == r16["target_modules"] == ["q_proj", "v_proj"]


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.lr=1e-4", "lr", 1e-4),
        ("train.lr=1", "lr", 1.0),
        ("train.lr=0.5", "lr", 0.5),
        ("train.epochs=3", "epochs", 3),
        ("train.precision=bf16", "precision", "bf16"),
    ],
)
def test_overrides_are_taken_in_the_type_of_base(override, key, value):
    found = load_config("lora", [override])["train"][key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("override", "slot", "key", "value"),
    [
        ("encoder_conf.layers=[1, 2]", "encoder_conf", "layers", [1, 2]),
        ("adaptation_conf.blocks=[2]", "adaptation_conf", "blocks", [2]),
        ("adaptation_conf.alpha=0.5", "adaptation_conf", "alpha", 0.5),
        ("adaptation_conf.alpha=1e-1", "adaptation_conf", "alpha", 0.1),
        ("loss_conf.weights=[0.1, 0.9]", "loss_conf", "weights", [0.1, 0.9]),
    ],
)
def test_a_constructors_value_may_be_of_any_type_that_it_takes(override, slot, key, value):
    assert load_config("lora", [override])[slot][key] == value


def test_later_overrides_win_and_others_stay():
    config = load_config("lora", ["train.epochs=3", "train.epochs=4"])
    assert config["train"]["epochs"] == 4
    assert config["adaptation_conf"]["rank"] == 4


def test_a_users_own_file_is_read_whatever_its_name(tmp_path):
    for name in ("mine.yaml", "base.yaml"):
        (tmp_path / name).write_text("adaptation: full\ntrain:\n  epochs: 7\n")
        config = load_config(str(tmp_path / name))
        assert (config["adaptation"], config["train"]["epochs"]) == ("full", 7)


def test_an_empty_file_is_base(tmp_path):
    (tmp_path / "mine.yaml").write_text("# nothing\n")
    assert load_config(str(tmp_path / "mine.yaml")) == load_config("base")


def test_choosing_another_name_empties_its_conf():
    config = load_config("lora", ["adaptation=frozen"])
    assert config["adaptation_conf"] == {}
    config = load_config("lora", ["encoder=fairseq_xlsr"])
    assert (config["encoder_conf"], config["adaptation_conf"]["rank"]) == ({}, 4)
    assert load_config("lora", ["adaptation=lora"])["adaptation_conf"]["rank"] == 4


def test_loading_does_not_depend_on_what_was_loaded_before():
    first = load_config("lora")
    load_config("lora", ["adaptation_conf.rank=9", "train.epochs=1"])
    assert load_config("lora") == first


def refused(name: str, *overrides: str) -> str:
    with pytest.raises(FadError) as caught:
        load_config(name, list(overrides))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", "unknown key 'train.epoch'; did you mean 'epochs'?"),
        ("rank=8", "unknown key 'rank'; did you mean 'adaptation_conf.rank'?"),
        ("lr=3", "unknown key 'lr'; did you mean 'train.lr'?"),
        ("epoch=3", "unknown key 'epoch'; did you mean 'train.epochs'?"),
        ("train.epochs = 3", "expected key=value without blanks, such as train.lr=1e-4"),
        ("trian.epochs=3", "unknown key 'trian'; did you mean 'train'?"),
        ("adaptation_conf.rnak=3", "'lora' has no key 'rnak'; did you mean 'rank'?"),
        ("encoder_conf.layer=last", "'xlsr' has no key 'layer'; did you mean 'layers'?"),
        ("encoder_conf.checkpoint=x", "'xlsr' has no key 'checkpoint'"),
        ("backend_conf.dim=3", "'pool' has no key 'dim'"),
        ("loss_conf.class_counts=[1, 1]", "'weighted_ce' has no key 'class_counts'"),
        ("adaptation=lroa", "adaptation: 'lroa' is unknown; did you mean 'lora'?"),
        ("backend=aasits", "backend: 'aasits' is unknown"),
        ("adaptation_conf={1: 2}", "'lora' has no key '1'"),
        ("loss=weighted_ce", ""),
        ("train.epochs=three", "'train.epochs' is of type int, not 'three'"),
        ("train.epochs=2.5", "'train.epochs' is of type int, not '2.5'"),
        ("train.epochs=true", "'train.epochs' is of type int, not 'True'"),
        ("train.lr=fast", "'train.lr' is of type float, not 'fast'"),
        ("train.lr=true", "'train.lr' is of type float, not 'True'"),
        ("train.lr=null", "'train.lr' is of type float, not 'None'"),
        ("train.precision=16", "'train.precision' is of type str, not '16'"),
        ("adaptation=[lora]", "'adaptation' is of type str"),
        ("train=5", "'train' needs keys below it, not '5'"),
        ("train.lr.x=5", "'train.lr' is of type float"),
        ("train.lr", "expected key=value, such as train.lr=1e-4"),
        ("=3", "expected key=value"),
        ("train..lr=3", "expected key=value"),
        ("train.$(id)=3", "expected key=value"),
        ("train.lr=2020-13-45", "the value is not plain YAML"),
        ("train.lr=[", "the value is not plain YAML"),
        ("train.lr=!!python/object/apply:os.getcwd []", "the value is not plain YAML"),
    ],
)
def test_a_wrong_override_is_refused_with_the_remedy(override, message):
    if not message:
        assert load_config("lora", [override]) == load_config("lora")
        return
    found = refused("lora", override)
    assert message in found
    if "_conf" not in override and "known" not in found:
        assert override in found


def test_a_method_that_needs_keys_says_which():
    assert "'lora' needs rank, alpha, target_modules" in refused("frozen", "adaptation=lora")


def test_an_unknown_method_names_the_nearest():
    message = refused("lora_16")
    assert "--config lora_16: no such config in conf/; did you mean 'lora_r16'?" in message
    assert "base" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: [1", "not plain YAML"),
        (b"- a\n- b\n", "expected keys and values at the top"),
        (b"just text", "expected keys and values at the top"),
        (b"adaptation: !!python/object/apply:os.system ['touch CANARY']", "not plain YAML"),
        (b"seed: \xff", "not plain YAML"),
        (b"seed: 2020-13-45", "not plain YAML"),
        (b"train:\n  learning_rate: 3\n", "mine.yaml: unknown key 'train.learning_rate'"),
        (b"1: 2\n", "unknown key '1'"),
        (b"train:\n", "'train' needs keys below it, not 'None'"),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_bytes(content)
    assert message in refused(str(tmp_path / "mine.yaml"))
    assert not (tmp_path / "CANARY").exists()


def test_a_missing_file_is_named(tmp_path):
    assert "none.yaml: cannot be read" in refused(str(tmp_path / "none.yaml"))


def test_the_difference_shows_the_lines_that_differ_and_nothing_else():
    old, new = load_config("lora"), load_config("lora", ["adaptation_conf.rank=8"])
    assert difference(old, new).splitlines() == [
        "- adaptation_conf.rank: 4",
        "+ adaptation_conf.rank: 8",
    ]
    assert difference(old, old) == ""
    assert difference({"a": {"b": [1, "x: y"]}, "c": {}}, {"c": {"d": None}}).splitlines() == [
        "- a.b: [1, 'x: y']",
        "- c: {}",
        "+ c.d: null",
    ]
