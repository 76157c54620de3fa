"""The shapes of the released models, held to fairseq's and to transformers' own models of them."""

import math
from pathlib import Path

import pytest
import torch

from fad.encoders.checkpoint import load_xlsr
from fad.encoders.fairseq_checkpoint import parse_conv_layers
from fad.encoders.pretrained import PRETRAINING_PARTS, Checkpoint
from fad.encoders.released import RELEASED, check_shapes, parameter_shapes, shape_of
from fad.utils.errors import FadError

# name -> parameters in pre-training, and of the encoder alone. In millions, the papers have the
# first as 317, 965 and 2162.
COUNTS = {
    "xls-r-300m": (317_390_592, 315_437_696),
    "xls-r-1b": (965_514_752, 962_496_128),
    "xls-r-2b": (2_162_932_352, 2_159_257_728),
    "xlsr-53": (317_390_592, 315_437_696),
    "mms-300m": (317_390_592, 315_437_696),
    "mms-1b": (965_514_752, 962_496_128),
}
# What the config.json of each published model says, beyond what they have in common.
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "intermediate_size": 4096,
    "codevector_dim": 768,
    "proj_codevector_dim": 768,
}
XL = {
    "hidden_size": 1280,
    "num_hidden_layers": 48,
    "intermediate_size": 5120,
    "codevector_dim": 1024,
    "proj_codevector_dim": 1024,
}
PUBLISHED = {
    "xls-r-300m": LARGE,
    "xls-r-1b": XL,
    "xls-r-2b": XL | {"hidden_size": 1920, "intermediate_size": 7680},
    "xlsr-53": LARGE,
    "mms-300m": LARGE,
    "mms-1b": XL,
}


def on_meta(name: str) -> Checkpoint:
    """A checkpoint of a released shape whose tensors take no memory."""
    shape = RELEASED[name]
    state = {key: torch.empty(size, device="meta") for key, size in parameter_shapes(shape).items()}
    conv_layers = parse_conv_layers(shape["conv_feature_layers"], "meta")
    return Checkpoint(Path(f"{name}.pt"), shape, conv_layers, True, state)


def count(shapes) -> int:
    return sum(math.prod(shape) for shape in shapes)


def test_every_released_model_is_counted_here():
    assert set(COUNTS) == set(PUBLISHED) == set(RELEASED)


@pytest.mark.parametrize("name", COUNTS)
def test_the_running_encoder_builds_and_counts_right(name):
    checkpoint = on_meta(name)
    encoder = load_xlsr(checkpoint)
    in_pretraining, alone = COUNTS[name]
    assert checkpoint.num_parameters == in_pretraining
    assert count(value.shape for value in encoder.parameters()) == alone


@pytest.mark.parametrize("name", COUNTS)
def test_tensors_are_those_of_fairseqs_own_model(name, monkeypatch):
    from fairseq.models.wav2vec import wav2vec2

    # Initial values need memory, and change no shape.
    monkeypatch.setattr(wav2vec2, "init_bert_params", lambda module: None)
    with torch.device("meta"):
        model = wav2vec2.Wav2Vec2Model.build_model(wav2vec2.Wav2Vec2Config(**RELEASED[name]))
    theirs = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert theirs == parameter_shapes(RELEASED[name])
    assert count(theirs.values()) == COUNTS[name][0]


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_in_transformers_model_of_the_published_config(name):
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

    config = Wav2Vec2Config(
        **PUBLISHED[name],
        num_attention_heads=16,
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    with torch.device("meta"):
        model = Wav2Vec2ForPreTraining(config)
    in_pretraining, alone = COUNTS[name]
    assert count(value.shape for value in model.parameters()) == in_pretraining
    mask = config.hidden_size
    assert count(value.shape for value in model.wav2vec2.parameters()) - mask == alone


# A file held to the shape of its name.


def test_a_checkpoint_of_the_shape_of_its_name_passes():
    for name in RELEASED:
        check_shapes(on_meta(name), name)
    without_heads = on_meta("xls-r-300m")
    for key in [key for key in without_heads.state if key.startswith(PRETRAINING_PARTS)]:
        del without_heads.state[key]
    check_shapes(without_heads, "xls-r-300m")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layer_norm.bias"), "1 tensors differ, the first is layer_norm.bias: mis"),
        (lambda s: s.update(extra=torch.empty(2)), r"first is extra: \(2,\), not there"),
        (lambda s: s.update({"layer_norm.bias": torch.empty(7)}), r"bias: \(7,\), not \(512,\)"),
    ],
)
def test_one_tensor_of_another_shape_is_named(change, message):
    checkpoint = on_meta("xls-r-300m")
    change(checkpoint.state)
    with pytest.raises(FadError, match=f"^xls-r-300m.pt: not xls-r-300m: .*{message}"):
        check_shapes(checkpoint, "xls-r-300m")


def test_a_model_of_another_size_or_name_is_refused():
    with pytest.raises(FadError, match=r"not xls-r-1b: [0-9]+ tensors differ"):
        check_shapes(on_meta("xls-r-300m"), "xls-r-1b")
    with pytest.raises(FadError, match=r"xls-r-3b: not a released.*did you mean 'xls-r-"):
        check_shapes(on_meta("xls-r-300m"), "xls-r-3b")


def test_a_shape_alone_is_a_checkpoint_that_an_encoder_is_built_on():
    encoder = load_xlsr(shape_of("xls-r-300m"))
    assert shape_of("xls-r-300m").num_parameters == COUNTS["xls-r-300m"][0]
    assert sum(value.numel() for value in encoder.parameters()) == COUNTS["xls-r-300m"][1]
    with pytest.raises(FadError, match="did you mean 'xls-r-300m'"):
        shape_of("xls-r-300")
