"""The running encoder: its frames, its chain, what padding does, and the number of parameters."""

import math

import pytest
import torch
import torch.nn.functional as F

from fad.encoders.boundary import FRONTEND, block
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.pretrained import PRETRAINING_PARTS
from fad.encoders.released import parameter_shapes
from fad.utils.errors import FadError
from tests.helpers.contract import padded_batch
from tests.helpers.released import XLSR_300M

# Convolutions order their sums by length and thread: at XLS-R's 512 channels crops were equal to
# the last bit on the CPU tried, at few channels they are not.
CROPPED = 2e-6  # of the largest frame
PADDED_VS_ALONE = 4e-6  # of the largest output: other summation orders for other sizes


@pytest.fixture(scope="module")
def encoder(mini_file):
    return load_xlsr(read_checkpoint(mini_file)).eval()


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def test_xls_r_300m_has_its_known_numbers_of_parameters():
    sizes = {name: math.prod(shape) for name, shape in parameter_shapes(XLSR_300M).items()}
    assert sum(sizes.values()) == 317_390_592
    kept = {name: n for name, n in sizes.items() if not name.startswith(PRETRAINING_PARTS)}
    assert sum(kept.values()) == 315_437_696


def test_outputs_are_one_a_block_with_a_frame_every_20_ms(encoder):
    with torch.no_grad():
        hidden, lens = encoder(noise(4000), torch.tensor([4000]))
    assert [x.shape for x in hidden] == [(1, 12, 48)] * 2
    assert lens.tolist() == [12]


@pytest.mark.parametrize(
    ("layers", "numbers"), [("last", [2]), ("all", [1, 2]), ([1], [1]), ([2, 1, 2], [1, 2])]
)
def test_only_the_wanted_layers_are_given_in_order(mini_file, encoder, layers, numbers):
    chosen = load_xlsr(read_checkpoint(mini_file), layers).eval()
    with torch.no_grad():
        everything, _ = encoder(*padded_batch())
        hidden, _ = chosen(*padded_batch())
    assert len(hidden) == len(numbers)
    for number, x in zip(numbers, hidden, strict=True):
        assert torch.equal(x, everything[number - 1])


@pytest.mark.parametrize("layers", ["first", [], [0], [3], 2, [1.0], [True], [[1]], None])
def test_layers_that_are_not_there_are_refused(mini_file, layers):
    with pytest.raises(FadError, match="list of blocks 1 to 2"):
        load_xlsr(read_checkpoint(mini_file), layers)


def test_the_chain_entered_at_each_stage_is_the_whole(encoder):
    wav, lens = padded_batch()
    with torch.no_grad():
        whole, frame_lens = encoder(wav, lens)
        frames, same_lens = encoder.frontend(wav, lens)
        stored, _ = encoder(frames, same_lens, FRONTEND)
        behind_1, _ = encoder(whole[0][:, :, None], same_lens, block(1))
        behind_2, _ = encoder(torch.stack(whole, dim=2), same_lens, block(2))
    assert torch.equal(frame_lens, same_lens)
    for entered in (stored, behind_1, behind_2):
        assert all(torch.equal(a, b) for a, b in zip(whole, entered, strict=True))


def test_padded_in_a_batch_equals_alone(encoder):
    wav, lens = padded_batch()
    with torch.no_grad():
        batch, frame_lens = encoder(wav, lens)
        for row, samples in enumerate(lens):
            alone, _ = encoder(wav[row : row + 1, :samples], samples[None])
            for together, single in zip(batch, alone, strict=True):
                difference = (together[row, : frame_lens[row]] - single[0]).abs().max()
                assert difference <= PADDED_VS_ALONE * single.abs().max()


def test_what_stands_in_the_padding_does_not_matter(encoder):
    wav, lens = padded_batch()
    dirty = torch.where(torch.arange(wav.shape[1]) < lens[:, None], wav, torch.full_like(wav, 9.0))
    with torch.no_grad():
        clean_out, frame_lens = encoder(wav, lens)
        dirty_out, _ = encoder(dirty, lens)
    for a, b in zip(clean_out, dirty_out, strict=True):
        for row, n in enumerate(frame_lens):
            assert torch.equal(a[row, :n], b[row, :n])


@pytest.mark.parametrize("start", [0, 1, 7, 100])
def test_cropped_frames_are_the_frames_of_the_cropped_audio(encoder, start):
    wav, frames = noise(80_000), 51
    crop = wav[:, start * 320 : start * 320 + (frames - 1) * 320 + 400]
    with torch.no_grad():
        whole, _ = encoder.frontend(wav, torch.tensor([80_000]))
        cropped, lens = encoder.frontend(crop, torch.tensor([crop.shape[1]]))
    assert lens.tolist() == [frames]
    assert (whole[:, start : start + frames] - cropped).abs().max() <= CROPPED * whole.max()


def test_a_crop_off_the_grid_is_not_one_of_frames(encoder):
    wav = noise(80_000)
    with torch.no_grad():
        whole, _ = encoder.frontend(wav, torch.tensor([80_000]))
        off, _ = encoder.frontend(wav[:, 321:16_721], torch.tensor([16_400]))
    assert not torch.allclose(whole[:, 1:52], off, atol=1e-2)


def test_the_frontend_stays_in_float32_under_autocast(encoder):
    wav, lens = padded_batch()
    with torch.no_grad():
        plain, _ = encoder.frontend(wav, lens)
        with torch.autocast("cpu", torch.bfloat16):
            cast, _ = encoder.frontend(wav, lens)
    assert cast.dtype == torch.float32
    assert torch.equal(plain, cast)


def test_train_and_eval_are_the_same_since_nothing_drops_out(encoder):
    with torch.no_grad():
        first = encoder.train()(*padded_batch())[0]
        second = encoder.eval()(*padded_batch())[0]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("layers", ["all", "last"])
def test_the_first_blocks_alone_give_the_outputs_that_they_have_in_the_whole(
    mini_file, encoder, layers
):
    short = load_xlsr(read_checkpoint(mini_file), layers, num_blocks=1).eval()
    assert (short.num_layers, short.wanted, len(short.encoder.layers)) == (1, (1,), 1)
    with torch.no_grad():
        (found,), _ = short(*padded_batch())
        assert torch.equal(found, encoder(*padded_batch())[0][0])
    assert not any("encoder.layers.1." in name for name, _ in short.named_parameters())
    for wrong in (0, 3, 1.0, "1", True):
        with pytest.raises(FadError, match=r"num_blocks is .*; give a number from 1 to 2"):
            load_xlsr(read_checkpoint(mini_file), layers, num_blocks=wrong)


def saved_bytes(encoder, inputs) -> tuple[int, list[torch.Tensor]]:
    """What a forward pass keeps for the backward pass, and the gradients that come of it."""
    kept: dict[int, int] = {}

    def keep(x):
        storage = x.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return x

    encoder.requires_grad_(False)
    trained = [
        layer.self_attn.q_proj.weight.requires_grad_(True) for layer in encoder.encoder.layers
    ]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        hidden, _ = encoder(*inputs)
    return sum(kept.values()), list(torch.autograd.grad(hidden[-1].square().sum(), trained))


def test_activation_checkpointing_keeps_less_and_gives_the_same_gradients(mini_file):
    encoder = load_xlsr(read_checkpoint(mini_file))
    plain, expected = saved_bytes(encoder, padded_batch())
    encoder.activation_checkpointing = True
    less, found = saved_bytes(encoder, padded_batch())
    assert less < 0.5 * plain
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_frozen_positional_weight_is_folded_once_and_anew_when_it_changes(mini_file):
    conv = load_xlsr(read_checkpoint(mini_file)).encoder.pos_conv[0].requires_grad_(False)
    x = torch.randn(1, 48, 20, generator=torch.Generator().manual_seed(0))

    def by_hand():
        size = conv.weight_v.square().sum((0, 1), keepdim=True).sqrt()
        weight = conv.weight_g * conv.weight_v / size
        return F.gelu(F.conv1d(x, weight, conv.bias, padding=8, groups=4)[..., :20])

    assert (conv(x) - by_hand()).abs().max() < 1e-5
    parts = (conv.weight_v, conv.weight_g)
    assert conv._weight(*parts) is conv._weight(*parts)
    with torch.no_grad():
        conv.weight_g.mul_(2)
    assert (conv(x) - by_hand()).abs().max() < 1e-5
    conv.requires_grad_(True)
    conv(x).sum().backward()
    assert conv.weight_g.grad.abs().max() > 0
