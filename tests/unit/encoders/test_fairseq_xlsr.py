"""fairseq's model as an encoder: other architectures, and what is switched off."""

import sys

import pytest
import torch
from torch import nn

from fad.encoders.attention import SelfAttention
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.fairseq_xlsr import DROPOUTS, load_fairseq_xlsr
from fad.utils.errors import FadError
from tests.helpers.contract import padded_batch
from tests.helpers.released import MINI, random_checkpoint


@pytest.fixture(scope="module")
def base_file(tmp_path_factory):
    """A small model of wav2vec 2.0 BASE's kind: GroupNorm over time, LayerNorm after the blocks."""
    from fairseq.models.wav2vec.wav2vec2 import Wav2Vec2Config, Wav2Vec2Model

    cfg = {
        **{key: value for key, value in MINI.items() if key != "latent_vars"},
        "latent_vars": 8,
        "extractor_mode": "default",
        "layer_norm_first": False,
        "quantize_targets": True,
        "dropout": 0.1,
        "encoder_layerdrop": 0.5,
    }
    torch.manual_seed(0)
    model = Wav2Vec2Model.build_model(Wav2Vec2Config(**cfg))
    content = {"cfg": {"model": cfg, "task": {"normalize": False}}, "model": model.state_dict()}
    path = tmp_path_factory.mktemp("base") / "base.pt"
    torch.save(content, path)
    return path


def test_the_running_encoder_refuses_base_and_names_the_other(base_file):
    with pytest.raises(FadError, match=r"extractor_mode is default.*set 'encoder: fairseq_xlsr'"):
        load_xlsr(read_checkpoint(base_file))


def test_base_loads_and_equals_fairseqs_own_outputs(base_file):
    from fad.encoders.fairseq_xlsr import build_wav2vec2

    checkpoint = read_checkpoint(base_file)
    encoder, theirs = load_fairseq_xlsr(checkpoint).eval(), build_wav2vec2(checkpoint).eval()
    wav = padded_batch()[0]
    with torch.no_grad():
        hidden, lens = encoder(wav, torch.tensor([4000] * 3))
        found = theirs.extract_features(wav, padding_mask=None, mask=False)
    assert lens.tolist() == [12] * 3
    expected = [found["layer_results"][0][0].transpose(0, 1), found["x"]]
    for ours, wanted in zip(hidden, expected, strict=True):
        assert torch.allclose(ours, wanted, atol=1e-5 * wanted.abs().max())


def test_bases_frames_are_not_local_and_it_says_so(base_file, mini_file):
    base = load_fairseq_xlsr(read_checkpoint(base_file)).eval()
    assert base.local_frames is False
    assert load_fairseq_xlsr(read_checkpoint(mini_file)).local_frames is True
    wav = padded_batch()[0][:1]
    with torch.no_grad():
        whole, _ = base.frontend(wav, torch.tensor([4000]))
        crop, _ = base.frontend(wav[:, :2000], torch.tensor([2000]))
    assert not torch.allclose(whole[:, :6], crop, atol=1e-3)


def test_dropout_and_layerdrop_of_the_file_are_off_in_training(base_file):
    checkpoint = read_checkpoint(base_file)
    assert checkpoint.model_cfg["encoder_layerdrop"] == 0.5
    encoder = load_fairseq_xlsr(checkpoint)
    assert all(getattr(encoder.model.cfg, name) == 0 for name in DROPOUTS)
    with torch.no_grad():
        plain = encoder.eval()(*padded_batch())[0]
        for _ in range(8):  # half of the layers would be dropped each time
            training = encoder.train()(*padded_batch())[0]
            assert all(torch.equal(a, b) for a, b in zip(plain, training, strict=True))


def test_attention_is_ours_and_pre_training_parts_are_gone(mini_file):
    encoder = load_fairseq_xlsr(read_checkpoint(mini_file))
    assert all(isinstance(block.self_attn, SelfAttention) for block in encoder.model.encoder.layers)
    ours = {name: x.shape for name, x in load_xlsr(read_checkpoint(mini_file)).named_parameters()}
    theirs = {name: value.shape for name, value in encoder.model.named_parameters()}
    # weight norm puts the same two tensors under the same names
    assert theirs == {name.replace("..", "."): shape for name, shape in ours.items()}


def test_the_files_own_string_never_reaches_fairseqs_eval(tmp_path, monkeypatch):
    from fairseq.models.wav2vec import wav2vec2

    seen = []

    class Recording(nn.Module):
        def __init__(self, conv_layers, **_options):
            seen.append(conv_layers)
            raise KeyboardInterrupt  # enough has been seen

    monkeypatch.setattr(wav2vec2, "ConvFeatureExtractionModel", Recording)
    path = tmp_path / "mini.pt"
    torch.save(random_checkpoint(MINI), path)
    checkpoint = read_checkpoint(path)
    evaluated = []
    monkeypatch.setattr(wav2vec2, "eval", lambda s: evaluated.append(s) or eval(s), raising=False)
    with pytest.raises(KeyboardInterrupt):
        load_fairseq_xlsr(checkpoint)
    assert evaluated == [repr(list(checkpoint.conv_layers))]
    assert evaluated[0] != checkpoint.model_cfg["conv_feature_layers"]
    assert seen == [list(checkpoint.conv_layers)]


def test_without_fairseq_the_remedy_is_said(mini_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "fairseq.models.wav2vec.wav2vec2", None)
    with pytest.raises(FadError, match=r"needs fairseq.*use 'encoder: xlsr'"):
        load_fairseq_xlsr(read_checkpoint(mini_file))


def test_tensors_that_do_not_fit_are_refused(tmp_path):
    content = random_checkpoint(MINI)
    del content["model"]["encoder.layer_norm.bias"]
    torch.save(content, tmp_path / "bad.pt")
    with pytest.raises(FadError, match=r"bad.pt: its tensors do not fit.*encoder.layer_norm.bias"):
        load_fairseq_xlsr(read_checkpoint(tmp_path / "bad.pt"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("encoder_layers", 10**9, "not one of a transformer"),
        ("encoder_embed_dim", "many", "not one of a transformer"),
        ("extractor_mode", ["layer_norm"], "fairseq cannot build its config: TypeError"),
        ("encoder_ffn_embed_dim", 65535, "is of a larger model"),
        ("conv_feature_layers", "[(65535, 65535, 1)]", "is of a larger model"),
        ("pos_conv_depth", 10**9, "is of a larger model"),
        ("extractor_mode", "other", "fairseq cannot build its config"),
        ("extractor_mode", "${no.such}", "refers elsewhere: extractor_mode"),
    ],
)
def test_a_config_that_fairseq_cannot_build_is_refused(tmp_path, key, value, message):
    content = random_checkpoint(MINI)
    content["cfg"]["model"][key] = value
    torch.save(content, tmp_path / "bad.pt")
    with pytest.raises(FadError, match=f"bad.pt: .*{message}"):
        load_fairseq_xlsr(read_checkpoint(tmp_path / "bad.pt"))
