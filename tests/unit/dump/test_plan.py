"""How deep a set is stored, and that what is stored trains as audio does."""

import logging
import shutil
from dataclasses import replace

import pytest

from fad.bin import dump_frames
from fad.dump.plan import Dumps, open_dumps
from fad.encoders.boundary import FRONTEND, NONE, block
from fad.encoders.checkpoint import pretrained_sha256
from fad.utils.errors import FadError
from tests.helpers.experiment import losses, small_config, train

FIRST = "train.crop=first"
TOP = ("adaptation_conf.blocks=[2]", FIRST)
ROUNDED = 1e-5  # a clip alone and in a batch: sums in another order
HALF = 1e-2  # float16 has three digits


@pytest.fixture
def dump(tiny_dump, tmp_path):
    shutil.copytree(tiny_dump / "audio", tmp_path / "dump" / "audio")
    return tmp_path / "dump"


@pytest.fixture
def dumps(mini_file, dump):
    def make(name: str, *overrides: str, use: str = "train") -> Dumps:
        config = small_config(name, *overrides)
        return open_dumps(config, mini_file, dump, "train", use)

    return make


def store(dump, pretrained, name: str, overrides: tuple[str, ...], **options: str) -> None:
    """Stage 2 for both sets, with the config that `tests.helpers.experiment.train` resolves."""
    small = [word for o in ("train.crop_samples=16400", *overrides) for word in ("--set", o)]
    common = ["--config", name, *small, "--pretrained", str(pretrained), "--dump_dir", str(dump)]
    more = [word for key, value in options.items() for word in (f"--{key}", value)]
    for use in ("train", "dev"):
        one = [*common, *more, "--name", use, "--use", use, "--nj", "2"]
        for job in ("1", "2"):
            dump_frames.main([*one, "--job", job])
        dump_frames.main([*one, "--combine", "true"])


@pytest.mark.parametrize(
    ("name", "overrides", "train_at", "dev_at"),
    [
        ("full", [], NONE, NONE),
        ("adapter", [FIRST], FRONTEND, FRONTEND),
        ("bitfit", TOP, block(1), block(1)),
        ("lorta", TOP, block(1), block(1)),
        ("topk", [FIRST], FRONTEND, FRONTEND),
        ("topk", ["adaptation_conf.k=1"], FRONTEND, block(1)),
        ("lora", [], FRONTEND, FRONTEND),
        ("lora", [FIRST], FRONTEND, FRONTEND),
        ("lora", ["adaptation_conf.blocks=[2]"], FRONTEND, block(1)),
        ("lora", TOP, block(1), block(1)),
        ("frozen", [], FRONTEND, block(2)),
        ("frozen", [FIRST], block(2), block(2)),
        ("frozen", [FIRST, "encoder_conf.layers=[1]"], block(1), block(1)),
        ("frozen", [FIRST, "encoder=fairseq_xlsr"], FRONTEND, FRONTEND),
        ("last", [FIRST], block(2), block(2)),
        ("last", [FIRST, "encoder_conf.layers=[1]"], block(1), block(1)),
        ("relora", [FIRST], FRONTEND, FRONTEND),
        ("stochastic", [FIRST], FRONTEND, FRONTEND),
    ],
)
def test_the_deepest_boundary_follows_the_method_the_crops_and_the_encoder(
    dumps, name, overrides, train_at, dev_at
):
    assert dumps(name, *overrides).deepest == train_at
    assert dumps(name, *overrides, use="dev").deepest == dev_at


def test_too_deep_is_refused_with_the_reason(dumps):
    lora = dumps("lora")
    for dump, which, reason in (
        ("block:1", lora, "at frontend at most, since this method trains what lies behind"),
        ("frontend", dumps("full"), "at none at most, since this method trains"),
        ("all", dumps("frozen"), "at frontend at most, since random .* set train.crop=first"),
        ("all", dumps("frozen", FIRST, "encoder=fairseq_xlsr"), "this encoder .* encoder=xlsr"),
        ("all", dumps("lora", "adaptation_conf.blocks=[2]"), "since random crops"),
    ):
        with pytest.raises(FadError, match=reason):
            which.wanted(dump)
    assert dumps("frozen", FIRST).wanted("all") == block(2)
    assert (lora.wanted("none"), lora.wanted("auto")) == (NONE, FRONTEND)


def test_auto_goes_back_to_the_frontend_or_to_nothing_until_it_fits(dumps, caplog):
    frozen = dumps("frozen", use="dev")
    frames = frozen.audio_source().frames
    one, frontend = (sum(frames) * width * 4 / 1e9 for width in (48, 32))
    assert frozen.plan("auto", frames, 2.01 * one) == block(2)
    with caplog.at_level(logging.INFO):
        assert frozen.plan("auto", frames, 1.99 * one) == FRONTEND
    assert "train at block:2 would take" in caplog.text
    assert frozen.plan("auto", frames, 0.99 * frontend) == NONE
    with pytest.raises(FadError, match=r"would take .* over --max_dump_gb"):
        frozen.plan("all", frames, 1.99 * one)
    half = dumps("frozen", "train.dump_dtype=float16", use="dev")
    assert half.plan("auto", frames, 1.01 * one) == block(2)


@pytest.mark.parametrize(
    ("name", "overrides"), [("lora", TOP), ("frozen", (FIRST,)), ("last", (FIRST,))]
)
def test_blocks_that_are_stored_give_the_losses_of_audio_on_fixed_crops(
    mini_file, dump, tmp_path, name, overrides
):
    audio = train(tmp_path / "audio", mini_file, dump, name, *overrides)
    store(dump, mini_file, name, overrides)
    deepest = 1 if name == "lora" else 2
    expected = {f"block{k}{crop}-mini" for k in range(1, deepest + 1) for crop in ("", "-first51")}
    assert {path.name for path in dump.iterdir()} == {"audio", *expected}
    frames = train(tmp_path / "frames", mini_file, dump, name, *overrides, stored="auto")
    assert losses(frames) == pytest.approx(losses(audio), rel=ROUNDED)
    for ark in dump.rglob("*.ark"):  # to be sure that they were read
        ark.write_bytes(b"")
    with pytest.raises(FadError, match="cut short"):
        train(tmp_path / "empty", mini_file, dump, name, *overrides, stored="auto")


def test_float16_is_near(mini_file, dump, tmp_path):
    overrides = (*TOP, "train.dump_dtype=float16")
    audio = train(tmp_path / "audio", mini_file, dump, "lora", *overrides)
    store(dump, mini_file, "lora", overrides)
    frames = train(tmp_path / "frames", mini_file, dump, "lora", *overrides, stored="block:1")
    assert losses(frames) == pytest.approx(losses(audio), rel=HALF)
    assert losses(frames) != losses(audio)


def test_another_experiment_uses_what_is_there(dumps, mini_file, dump, tmp_path):
    store(dump, mini_file, "frozen", (FIRST,))
    top = dumps("lora", *TOP, "train.seed=5", "encoder_conf.layers=last")
    assert top.missing(block(1)) == []
    assert top.open("auto").boundary == block(1)
    assert dumps("lora", "train.crop=first").open("auto").boundary == NONE


def test_auto_takes_nothing_of_another_file_and_stage_2_refuses_to_write_over_it(
    dumps, mini_file, dump
):
    store(dump, mini_file, "frozen", (FIRST,))
    frozen = dumps("frozen", FIRST)
    other = replace(frozen, sha256="cd" * 32)
    assert pretrained_sha256(mini_file) == frozen.sha256
    assert (frozen.open("auto").boundary, other.open("auto").boundary) == (block(2), NONE)
    with pytest.raises(FadError, match="of another pre-trained file"):
        other.plan("auto", [201], 100)


def test_what_is_there_is_not_outgrown_by_the_next_call(dumps, mini_file, dump):
    store(dump, mini_file, "lora", TOP)  # block 1, which frozen needs too
    frozen = dumps("frozen", FIRST)
    frames = frozen.audio_source().frames
    few = 1.5 * sum(min(n, 51) for n in frames) * 48 * 4 / 1e9
    assert frozen.missing(block(2)) == frozen.kinds(block(2))[1:]
    assert frozen.plan("auto", frames, few) < block(2)
    store(dump, mini_file, "frozen", (FIRST,))
    assert frozen.plan("auto", frames, few) == block(2)  # complete: nothing is written


@pytest.mark.parametrize("name", ["adapter", "bitfit", "lorta", "topk"])
def test_every_method_of_the_top_block_trains_on_what_is_stored_below_it(
    mini_file, dump, tmp_path, name
):
    overrides = ("adaptation_conf.k=1", FIRST) if name == "topk" else TOP
    audio = train(tmp_path / "audio", mini_file, dump, name, *overrides)
    store(dump, mini_file, name, overrides)
    assert {p.name for p in dump.iterdir()} == {"audio", "block1-mini", "block1-first51-mini"}
    frames = train(tmp_path / "frames", mini_file, dump, name, *overrides, stored="block:1")
    assert losses(frames) == pytest.approx(losses(audio), rel=ROUNDED)
