"""Both encoders give what fairseq's own `Wav2Vec2Model.extract_features` gives."""

import pytest
import torch

from fad.config import registry
from fad.encoders.checkpoint import read_checkpoint
from fad.encoders.fairseq_xlsr import build_wav2vec2
from tests.helpers.contract import padded_batch

# Of the largest output. fairseq adds the bias and scales the queries in another order, and pads to
# an even number of frames.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def theirs(mini_file):
    return build_wav2vec2(read_checkpoint(mini_file)).eval()


@pytest.fixture(params=["xlsr", "fairseq_xlsr"], scope="module")
def ours(request, mini_file):
    return registry.get("encoder", request.param)(read_checkpoint(mini_file)).eval()


def fairseqs_outputs(model, wav, padding) -> list[torch.Tensor]:
    """Every block's output (B, T, D); the final LayerNorm is applied to the last."""
    with torch.no_grad():
        found = model.extract_features(wav, padding_mask=padding, mask=False)
    outputs = [result[0].transpose(0, 1) for result in found["layer_results"]]
    return [*outputs[:-1], found["x"]]


@pytest.mark.parametrize("samples", [400, 4000, 4320])  # one frame, an even and an odd number
def test_all_layers_equal_fairseqs_without_padding(ours, theirs, samples):
    wav = torch.randn(2, samples, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden, _ = ours(wav, torch.tensor([samples] * 2))
    compare(hidden, fairseqs_outputs(theirs, wav, None), [hidden[0].shape[1]] * 2)


def test_all_layers_equal_fairseqs_with_padding(ours, theirs):
    wav, lens = padded_batch()
    padding = torch.arange(wav.shape[1]) >= lens[:, None]
    with torch.no_grad():
        hidden, frame_lens = ours(wav, lens)
    compare(hidden, fairseqs_outputs(theirs, wav, padding), frame_lens.tolist())


def test_the_frontends_frames_equal_fairseqs(ours, theirs):
    wav, lens = padded_batch()
    with torch.no_grad():
        frames, _ = ours.frontend(wav, lens)
        expected = theirs.feature_extractor(wav).transpose(1, 2)
    assert (frames - expected).abs().max() <= TOLERANCE * expected.abs().max()


def compare(hidden, expected, lens) -> None:
    assert len(hidden) == len(expected) == 2
    for ours, theirs in zip(hidden, expected, strict=True):
        assert ours.shape == theirs.shape
        for row, n in enumerate(lens):
            difference = (ours[row, :n] - theirs[row, :n]).abs().max()
            assert difference <= TOLERANCE * theirs[row, :n].abs().max()
