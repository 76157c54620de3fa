"""The arithmetic of samples and frames, in closed form for XLS-R and against torch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fad.encoders.fairseq_checkpoint import parse_conv_layers
from fad.encoders.frame_grid import FrameGrid
from tests.helpers.released import XLSR_300M

XLSR_GRID = FrameGrid(parse_conv_layers(XLSR_300M["conv_feature_layers"], "XLS-R"))


def test_xls_r_has_a_frame_of_400_samples_every_320():
    assert (XLSR_GRID.hop, XLSR_GRID.window, XLSR_GRID.channels) == (320, 400, 512)


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (719, 1), (720, 2), (64_600, 201)])
def test_known_numbers_of_frames(samples, frames):
    assert XLSR_GRID.num_frames(samples) == frames


@given(st.integers(400, 10**7))
def test_the_chain_of_floors_is_one_floor(samples):
    assert XLSR_GRID.num_frames(samples) == (samples - 400) // 320 + 1


def test_lengths_in_a_tensor_stay_integers():
    found = XLSR_GRID.num_frames(torch.tensor([400, 64_600, 100_000]))
    assert found.tolist() == [1, 201, 312]
    assert found.dtype == torch.int64


CONVS = st.lists(
    st.tuples(st.just(1), st.integers(1, 7), st.integers(1, 4)), min_size=1, max_size=4
)


@given(CONVS, st.integers(0, 200))
def test_frames_are_those_of_torchs_convolutions(convs, extra):
    grid = FrameGrid(tuple(convs))
    x = torch.zeros(1, 1, grid.window + extra)
    for _, kernel, stride in convs:
        x = torch.nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride)
    assert x.shape[-1] == grid.num_frames(grid.window + extra)
    assert x.shape[-1] == extra // grid.hop + 1
    assert grid.num_frames(grid.window - 1) == 0
