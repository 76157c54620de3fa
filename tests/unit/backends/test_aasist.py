"""`aasist`: the published sizes and values, what trains, and what it refuses."""

import pytest
import torch

from fad.backends.aasist import AASIST
from fad.config.resolve import dump_config, load_config
from fad.models.detector import build_detector, load_detector, save_detector
from fad.utils.errors import FadError
from fad.utils.files import sha256_file, write_text

DIM = 24


def settle(backend: AASIST) -> AASIST:
    """The same weights and statistics in every version of torch's initialisation; in eval."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in backend.state_dict().items():
            if not value.is_floating_point():
                continue
            noise = torch.randn(value.shape, generator=generator)
            scale_of_norm = value.ndim == 1 and name.endswith("weight")
            if name.endswith("running_var") or scale_of_norm:
                value.copy_(1 + 0.1 * noise)
            else:
                value.copy_(noise / (1 if value.ndim == 1 else value[0].numel() ** 0.5))
    return backend.eval()


def frames(count: int, batch: int = 3, seed: int = 1, dim: int = DIM) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [3 * torch.randn(batch, count, dim, generator=generator)]


def lens(count: int, batch: int = 3) -> torch.Tensor:
    return torch.full((batch,), count)


@pytest.fixture
def backend():
    return settle(AASIST(DIM, 1))


def test_on_xls_r_300m_it_has_the_published_number_of_parameters():
    with torch.device("meta"):
        backend = AASIST(1024, 1)
    assert sum(value.numel() for value in backend.parameters()) == 447_242
    assert sum(value.numel() for value in backend.project.parameters()) == 131_200


# Logits of the program released with arXiv 2202.12233 with these weights, its blocks' first
# normalisation put to use; with that by-passed in both, the two agreed as well (to 6e-8).
RELEASED = {
    20: [[-5.95676, 0.39630], [-5.11933, 0.30806], [-6.16506, 0.54402]],
    67: [[-6.99031, -0.25089], [-6.59161, -0.90448], [-7.55650, -0.57169]],
}


@pytest.mark.parametrize("count", RELEASED)
def test_logits_are_those_of_the_released_program(backend, count):
    found = backend(frames(count), lens(count))
    assert torch.allclose(found, torch.tensor(RELEASED[count]), atol=1e-4)


@pytest.mark.parametrize("count", [6, 7, 8, 20, 201, 333])
def test_logits_for_every_number_of_frames(backend, count):
    found = backend(frames(count, 2), lens(count, 2))
    assert found.shape == (2, 2)
    assert torch.isfinite(found).all()
    assert torch.isfinite(backend.train()(frames(count, 1), lens(count, 1))).all()


def test_utterances_of_one_length_do_not_touch_each_other(backend):
    together = backend(frames(20), lens(20))
    for row in range(3):
        alone = backend([frames(20)[0][row : row + 1]], lens(20, 1))
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_utterances_of_different_lengths_are_refused_in_one_line(backend):
    assert backend.equal_lengths
    with pytest.raises(FadError, match=r"one length.*15 to 20 frames.*crop_samples") as caught:
        backend(frames(20), torch.tensor([20, 15, 20]))
    assert "\n" not in str(caught.value)


def test_too_few_frames_are_refused(backend):
    with pytest.raises(FadError, match=r"needs 6 frames.*have 5"):
        backend(frames(5), lens(5))


def test_several_outputs_of_the_encoder_are_refused_with_the_remedy(mini_file):
    with pytest.raises(FadError, match=r"gives 3: set encoder_conf\.layers=last"):
        AASIST(DIM, 3)
    with pytest.raises(FadError, match=r"layers gives 2"):
        build_detector(load_config("lora", ["backend=aasist"]), mini_file)


# What no gradient can reach, in theory: the softmax that weighs frequencies and times does not
# change with a constant, and in training batch normalisation takes one away.
BEFORE_SOFTMAX = ("attention.2.bias", "attention.3.bias")
# From the last change of channels on, the residual sum carries a constant to the norm behind all.
IN_TRAINING = (
    *("conv1.bias", "attended.bias", "own.bias", *BEFORE_SOFTMAX),
    *("encoder.2.skip.bias", *(f"encoder.{block}.conv2.bias" for block in (2, 3, 4, 5))),
)


def gradients(backend: AASIST) -> dict[str, float]:
    logits = backend(frames(40), lens(40))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).backward()
    return {name: value.grad.abs().max().item() for name, value in backend.named_parameters()}


@pytest.mark.parametrize(("training", "excused"), [(True, IN_TRAINING), (False, BEFORE_SOFTMAX)])
def test_a_gradient_reaches_every_parameter(backend, training, excused):
    backend.train(training)
    found = gradients(backend)
    largest = max(found.values())
    small = [name for name, size in found.items() if size <= 1e-8 * largest]
    assert [name for name in small if not name.endswith(excused)] == []


def test_in_training_it_keeps_statistics_of_the_batch_and_in_scoring_it_uses_them(backend):
    before = {name: value.clone() for name, value in backend.named_buffers()}
    backend(frames(20), lens(20))
    assert all(torch.equal(before[name], value) for name, value in backend.named_buffers())
    backend.train()(frames(20), lens(20))
    moved = [
        name for name, value in backend.named_buffers() if not torch.equal(before[name], value)
    ]
    assert sorted(moved) == sorted(before)


def test_in_training_the_batch_matters(backend):
    for module in backend.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    backend.train()
    alone = backend([frames(20)[0][:1]], lens(20, 1))
    assert not torch.allclose(backend(frames(20), lens(20))[:1], alone, atol=1e-3)


def test_under_autocast_it_stays_in_float32(backend):
    plain = backend(frames(20), lens(20))
    with torch.autocast("cpu", torch.bfloat16):
        cast = backend(frames(20), lens(20))
    assert cast.dtype == torch.float32
    assert torch.equal(plain, cast)


def test_conditioning_computes_nothing(backend):
    before = {name: value.clone() for name, value in backend.state_dict().items()}

    def never():
        raise AssertionError
        yield

    backend.init_from_data(never())
    assert all(torch.equal(before[name], value) for name, value in backend.state_dict().items())


@pytest.fixture(params=["full_aasist", "lora+aasist"])
def trained(request, mini_file):
    """A detector after a step of training, in eval, and its config."""
    config = load_config(request.param)
    torch.manual_seed(0)
    detector = build_detector(config, mini_file).train()
    before = {name: value.clone() for name, value in detector.trained_state().items()}
    optimizer = torch.optim.AdamW(detector.trainable(), lr=1e-3)
    for _ in range(2):  # LoRA's A has no gradient at the first
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(detector(*noise()), torch.tensor([0, 1, 1])).backward()
        optimizer.step()
    after = detector.trained_state()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == set(before)
    return detector.eval(), config


def noise() -> tuple[torch.Tensor, torch.Tensor]:
    wav = torch.randn(3, 16_400, generator=torch.Generator().manual_seed(5))
    return wav, torch.tensor([16_400] * 3)


def test_trained_saved_and_loaded_the_scores_are_identical(trained, mini_file, tmp_path):
    detector, config = trained
    sha256 = sha256_file(mini_file)
    write_text(
        tmp_path / "config.yaml", dump_config({**config, "pretrained": {"path": str(mini_file)}})
    )
    save_detector(detector, tmp_path / "best.safetensors", sha256)
    loaded = load_detector(tmp_path)
    with torch.no_grad():
        assert torch.equal(loaded(*noise()), detector(*noise()))
    assert "backend.norm_in.running_var" in detector.trained_state()
