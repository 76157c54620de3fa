"""DG-SCT: its equations, the second view, and that each view guides the other."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fad.adaptation import dgsct
from fad.adaptation.dgsct import Guide, GuidedAttention, GuidedBlock
from fad.config.resolve import load_config
from fad.encoders.boundary import FRONTEND
from fad.encoders.frame_grid import FrameGrid
from fad.models.detector import Detector, build_detector
from fad.utils.errors import FadError
from tests.helpers import contract
from tests.helpers.contract import padded_batch

XLSR_GRID = FrameGrid(tuple([(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2))


def build(mini_file, *overrides: str, seed: int = 0, open_gates: bool = True) -> Detector:
    torch.manual_seed(seed)
    conf = [f"adaptation_conf.{override}" for override in overrides]
    detector = build_detector(load_config("dgsct", conf), mini_file).eval()
    if open_gates:
        with torch.no_grad():
            for name, value in detector.adaptation.owned().items():
                if name.endswith("gate"):
                    value.fill_(0.5)
    return detector


def test_the_attention_is_as_its_equations_say():
    torch.manual_seed(0)
    part = GuidedAttention(dim=16, guide_dim=12, width=5, tokens=3)
    nn.init.constant_(part.token_gate, 0.7)
    nn.init.constant_(part.gate, 0.3)
    x, g = torch.randn(6, 16), torch.randn(6, 12)
    found = part(x[None], g[None], None)[0]

    g = part.project(g)
    tokens = part.tokens + ((part.tokens @ g.T) / 4).softmax(-1) @ g
    x = x + 0.7 * ((x @ tokens.T) / 4).softmax(-1) @ tokens
    both = F.relu(part.channel_guide(g.mean(0))) * F.relu(part.channel_x(x))
    channels = part.channel_map(both.mean(0)).sigmoid()
    both = F.relu(part.time_guide(g)) * F.relu(part.time_x(x * (channels + 1)))
    frames = part.time_map(both).sigmoid()
    x = x * (0.3 * channels + 0.05 * frames + 0.7)
    halves = x.chunk(2, -1)
    down = [half @ w[..., 0].T for half, w in zip(halves, part.down.weight.chunk(2), strict=True)]
    z = F.relu(part.down_norm(torch.cat(down, -1))).chunk(2, -1)
    up = [half @ w[..., 0].T for half, w in zip(z, part.up.weight.chunk(2), strict=True)]
    expected = 0.3 * part.up_norm(torch.cat(up, -1))
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_gates_start_closed_and_the_whole_adds_nothing(mini_file):
    detector = build(mini_file, open_gates=False)
    gates = [v for name, v in detector.adaptation.owned().items() if name.endswith("gate")]
    assert len(gates) == 2 * 2 * 2
    assert not any(gate.any() for gate in gates)


@pytest.mark.parametrize("samples", [400, 719, 720, 721, 4000, 64_600, 64_601])
def test_the_second_view_has_the_encoders_frames(samples):
    guide = Guide(XLSR_GRID.window, XLSR_GRID.hop, 16)
    guide.begin(torch.randn(2, samples))
    assert guide.current.shape == (2, XLSR_GRID.num_frames(samples), 16)
    assert (XLSR_GRID.window, XLSR_GRID.hop) == (400, 320)


def test_a_frame_of_the_second_view_sees_its_own_window_alone():
    torch.manual_seed(0)
    guide, wav = Guide(400, 320, 16), torch.randn(2, 4000)
    guide.begin(wav)
    before = guide.current
    other = wav.clone()
    other[:, 320 * 5 + 400 :] = 100.0  # behind frame 5
    other[:, : 320 * 5] = -100.0
    guide.begin(other)
    assert torch.equal(guide.current[:, 5], before[:, 5])
    assert not torch.equal(guide.current[:, 4], before[:, 4])


def frames_of(detector: Detector) -> torch.Tensor:
    return torch.cat(contract.real_frames(detector))


def test_each_view_guides_the_other(mini_file, monkeypatch):
    detector, wav = build(mini_file), padded_batch()
    before = frames_of(detector)
    guided = detector.encoder.guide.current
    with torch.no_grad():
        detector.encoder.guide.project.weight.mul_(-1)
    assert (frames_of(detector) - before).abs().max() > 1e-3
    with torch.no_grad():
        detector.encoder.guide.project.weight.mul_(-1)
        detector.encoder.post_extract_proj.weight.mul_(-1)
        detector.encoder(*wav)
    assert (detector.encoder.guide.current - guided).abs().max() > 1e-3


def test_it_is_fresh_in_each_pass(mini_file):
    detector = build(mini_file)
    first = frames_of(detector)
    with torch.no_grad():
        detector.encoder(*padded_batch(7))
    assert torch.equal(frames_of(detector), first)


def test_stored_frames_are_refused_since_they_have_no_second_view(mini_file):
    detector = build(mini_file)
    wav, lens = padded_batch()
    frames, lens = detector.encoder.frontend(wav, lens)
    with pytest.raises(ValueError, match="needs waveforms"):
        detector(frames, lens, FRONTEND)


def test_blocks_above_the_last_wanted_are_left_alone(mini_file):
    detector = build_detector(load_config("dgsct", ["encoder_conf.layers=[1]"]), mini_file)
    kinds = [type(layer) for layer in detector.encoder.encoder.layers]
    assert kinds[0] is GuidedBlock
    assert kinds[1] is not GuidedBlock


class Batchwise(GuidedAttention):
    """Planted: the paper's norm, which is of the batch."""

    def __init__(self, dim, *sizes):
        super().__init__(dim, *sizes)
        self.up_norm = nn.Sequential(Turned(), nn.BatchNorm1d(dim), Turned())


class Turned(nn.Module):
    def forward(self, x):
        return x.transpose(1, 2)


def test_batch_norm_is_caught_by_the_clause_of_train_and_eval(mini_file, monkeypatch):
    monkeypatch.setattr(dgsct, "GuidedAttention", Batchwise)
    detector = build(mini_file)
    difference = contract.logits(detector.train()) - contract.logits(detector.eval())
    assert difference.abs().max() > 1e-3


@pytest.mark.parametrize("what", ["mean", "tokens", "convolution", "decibels"])
def test_padding_that_is_not_masked_is_caught(mini_file, monkeypatch, what):
    assert contract.padding_difference(build(mini_file)) < 1e-5
    if what == "mean":
        monkeypatch.setattr(dgsct, "_mean", lambda x, padding_mask: x.mean(1, keepdim=True))
    elif what == "tokens":
        by_tokens = GuidedAttention._by_tokens
        monkeypatch.setattr(
            GuidedAttention, "_by_tokens", lambda self, x, g, mask: by_tokens(self, x, g, None)
        )
    elif what == "convolution":
        forward = dgsct.GuideBlock.forward
        monkeypatch.setattr(
            dgsct.GuideBlock, "forward", lambda self, guide, mask: forward(self, guide, None)
        )
    else:
        lfcc = dgsct.LFCC
        monkeypatch.setattr(dgsct, "LFCC", lambda *a, **k: lfcc(*a, **k | {"log_lf": False}))
        assert decibels_of_a_quiet_clip_depend_on_its_neighbour()
        return
    assert contract.padding_difference(build(mini_file)) > 1e-4


def decibels_of_a_quiet_clip_depend_on_its_neighbour() -> bool:
    torch.manual_seed(0)
    guide, quiet = Guide(400, 320, 16), 1e-5 * torch.randn(1, 4000)
    guide.begin(torch.cat([quiet, torch.randn(1, 4000)]))
    beside = guide.current[:1]
    guide.begin(quiet)
    return not torch.allclose(guide.current, beside)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("guide_dim=0", "guide_dim is 0; it must be a whole number from 1"),
        ("guide_dim=24", "guide_dim is 24; it must be a multiple of 16"),
        ("width=0", "width is 0"),
        ("tokens=2.5", "tokens is 2.5"),
    ],
)
def test_what_cannot_be_is_refused(mini_file, override, expected):
    with pytest.raises(FadError, match=expected):
        build(mini_file, override)


def test_fairseqs_encoder_is_refused_in_one_line(mini_file):
    config = load_config("dgsct", ["encoder=fairseq_xlsr"])
    with pytest.raises(FadError, match=r"^the encoder \w+ cannot run .*: set encoder=xlsr$"):
        build_detector(config, mini_file)
