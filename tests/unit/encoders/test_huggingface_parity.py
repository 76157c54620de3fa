"""A folder that transformers saved gives transformers' own outputs, and fairseq's bit for bit."""

import numpy as np
import pytest
import torch
import transformers

from fad.config import registry
from fad.data.waveform import prepare_waveform
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from tests.helpers.contract import padded_batch
from tests.helpers.huggingface import transformers_model, write_huggingface
from tests.helpers.released import MINI, random_checkpoint

TOLERANCE = 1e-5  # of the largest output: another order of sums in the attention
STATE = random_checkpoint(MINI)["model"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_huggingface(tmp_path_factory.mktemp("model"), MINI, STATE)


@pytest.fixture(scope="module")
def theirs():
    return transformers_model(MINI, STATE, heads=False)


@pytest.fixture(params=["xlsr", "fairseq_xlsr"], scope="module")
def ours(request, folder):
    return registry.get("encoder", request.param)(read_checkpoint(folder)).eval()


def transformers_outputs(model, wav, mask=None) -> list[torch.Tensor]:
    """Every block's output (B, T, D); the final LayerNorm is applied to the last."""
    with torch.no_grad():
        found = model(wav, attention_mask=mask, output_hidden_states=True)
    # The first is the first block's input, and the last block's is given with its LayerNorm alone.
    return [*found.hidden_states[1:-1], found.last_hidden_state]


def compare(hidden, expected, lens) -> None:
    assert len(hidden) == len(expected) == 2
    for found, wanted in zip(hidden, expected, strict=True):
        assert found.shape == wanted.shape
        for row, n in enumerate(lens):
            difference = (found[row, :n] - wanted[row, :n]).abs().max()
            assert difference <= TOLERANCE * wanted[row, :n].abs().max()


@pytest.mark.parametrize("samples", [400, 4000, 4320])
def test_all_layers_equal_transformers_without_padding(ours, theirs, samples):
    wav = torch.randn(2, samples, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden, lens = ours(wav, torch.tensor([samples] * 2))
    compare(hidden, transformers_outputs(theirs, wav), lens.tolist())


def test_all_layers_equal_transformers_with_padding(ours, theirs):
    wav, lens = padded_batch()
    mask = (torch.arange(wav.shape[1]) < lens[:, None]).long()
    with torch.no_grad():
        hidden, frame_lens = ours(wav, lens)
    compare(hidden, transformers_outputs(theirs, wav, mask), frame_lens.tolist())


def test_the_same_weights_in_both_formats_are_the_same_encoder(folder, mini_file):
    fairseqs, huggingfaces = (load_xlsr(read_checkpoint(p)).eval() for p in (mini_file, folder))
    for name in ("grid", "normalize", "dim", "num_layers", "num_heads"):
        assert getattr(fairseqs, name) == getattr(huggingfaces, name)
    with torch.no_grad():
        outputs = [encoder(*padded_batch())[0] for encoder in (fairseqs, huggingfaces)]
    assert all(torch.equal(a, b) for a, b in zip(*outputs, strict=True))


def test_the_pre_training_parts_are_counted_and_not_kept(folder, mini_file):
    fairseqs, huggingfaces = read_checkpoint(mini_file), read_checkpoint(folder)
    assert huggingfaces.num_parameters == fairseqs.num_parameters
    assert {name: x.shape for name, x in huggingfaces.state.items()} == {
        name: x.shape for name, x in fairseqs.state.items()
    }
    kept = set(load_xlsr(huggingfaces).state_dict())
    assert kept == set(huggingfaces.encoder_state())
    assert not any(name.startswith(("mask_emb", "quantizer", "project", "final")) for name in kept)


@pytest.mark.parametrize("level", [0.1, 1e-3, 1e-5])
def test_waveforms_are_normalised_as_by_transformers_at_any_level(ours, level):
    wav = level * np.random.default_rng(0).standard_normal(64_600).astype(np.float32)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    (expected,) = extractor(wav, sampling_rate=16_000)["input_values"]
    found = prepare_waveform(wav, ours.normalize, ours.normalize_eps)
    assert np.abs(found.numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("name", ["xlsr", "fairseq_xlsr"])
def test_waveforms_of_fairseqs_files_are_normalised_as_by_fairseq(mini_file, name):
    encoder = registry.get("encoder", name)(read_checkpoint(mini_file))
    wav = 1e-3 * torch.randn(64_600, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.layer_norm(wav, wav.shape)  # fairseq's own line
    found = prepare_waveform(wav.numpy(), encoder.normalize, encoder.normalize_eps)
    assert torch.equal(found, expected)
