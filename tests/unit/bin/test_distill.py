"""`fad.bin.distill`: factors that are nearer to the whole encoder, and a run that goes on."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from fad.adaptation.pela import read_factors
from fad.bin import distill
from fad.config import registry
from fad.config.resolve import load_config
from fad.data.fingerprint import fingerprint
from fad.encoders.boundary import NONE
from fad.encoders.checkpoint import pretrained_sha256
from fad.models.detector import build_detector, write_weights
from fad.train.distillation import Distiller
from fad.train.stopping import Stopped
from fad.utils.errors import FadError
from tests.helpers.contract import padded_batch
from tests.helpers.experiment import losses, train

SMALL = ("--batch_size", "4", "--crop_samples", "4000", "--num_workers", "0", "--lr", "1e-3")


@pytest.fixture
def options(mini_file, tiny_dump, tmp_path):
    def words(out="pela.safetensors", steps=5, **changes) -> list[str]:
        given = {
            "pretrained": mini_file,
            "audio": tiny_dump / "audio/train",
            "out": tmp_path / out,
            "steps": steps,
            **changes,
        }
        named = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        return [*SMALL, *named]

    return words


def distance(mini_file, *overrides: str) -> float:
    """How far the blocks' outputs are from those of the whole encoder."""
    with torch.no_grad():
        found, wanted = (
            build_detector(load_config(*config), mini_file).encoder(*padded_batch(), NONE)[0]
            for config in (("pela", list(overrides)), ("frozen",))
        )
    return sum((x - y).square().mean().item() for x, y in zip(found, wanted, strict=True))


@pytest.mark.parametrize("encoder", registry.SLOTS["encoder"])
def test_what_is_distilled_is_nearer_to_the_whole_encoder(options, mini_file, tmp_path, encoder):
    distill.main(options(steps=40, encoder=encoder))
    conf = (f"encoder={encoder}", f"adaptation_conf.factors={tmp_path / 'pela.safetensors'}")
    assert distance(mini_file, *conf) < 0.9 * distance(mini_file)


def test_factors_from_before_there_was_a_choice_of_encoder_are_of_xlsr(options, tmp_path, caplog):
    distill.main(options())
    path = tmp_path / "pela.safetensors"
    state, about = read_factors(path)
    del about["encoder"]
    write_weights(path, state, about)
    with caplog.at_level(logging.INFO):
        distill.main(options())
    assert "there already" in caplog.text
    with pytest.raises(FadError, match="made with other options"):
        distill.main(options(encoder="fairseq_xlsr"))


def test_the_file_says_what_it_was_made_from(options, mini_file, tmp_path):
    distill.main(options(c=2))
    _, about = read_factors(tmp_path / "pela.safetensors")
    assert about["base_sha256"] == pretrained_sha256(mini_file)
    assert {key: about[key] for key in ("c", "steps", "seed", "batch_size", "crop_samples")} == {
        **{"c": 2, "steps": 5, "seed": 1, "batch_size": 4, "crop_samples": 4000}
    }
    with safe_open(tmp_path / "pela.safetensors", framework="pt") as file:
        assert list(file.metadata()) == ["fad"]
        json.loads(file.metadata()["fad"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".pela.safetensors.jobs.lock",
        ".pela.safetensors.lock",
        "pela.safetensors",
    ]


def test_it_is_tuned_from_there(options, mini_file, tiny_dump, tmp_path):
    distill.main(options())
    conf = f"adaptation_conf.factors={tmp_path / 'pela.safetensors'}"
    tuned = train(tmp_path / "tuned", mini_file, tiny_dump, "pela", conf)
    plain = train(tmp_path / "plain", mini_file, tiny_dump, "pela")
    assert losses(tuned) != losses(plain)


def test_labels_are_not_read(options, tiny_dump, tmp_path):
    audio = shutil.copytree(tiny_dump / "audio/train", tmp_path / "unlabelled")
    for name in ("utt2label", "utt2attack"):
        (audio / name).unlink()
    with pytest.raises(FadError):
        fingerprint(audio)
    distill.main(options(audio=audio))
    distill.main(options("labelled.safetensors"))
    found = [(tmp_path / f"{name}.safetensors").read_bytes() for name in ("pela", "labelled")]
    assert found[0] == found[1]


class PowerCut(Exception):
    """Ends it at once."""


def stop_behind(patched, at_step: int, how) -> None:
    """Ends it behind a step: by an error, or by a signal while the step is done."""
    step = Distiller._step

    def stopping(self, batch):
        if how is signal.SIGTERM and self.step == at_step - 1:
            os.kill(os.getpid(), how)
        if how is not signal.SIGTERM and self.step == at_step:
            raise how
        return step(self, batch)

    patched.setattr(Distiller, "_step", stopping)


# In the first pass over the 8 utterances, at its end, and in the second.
@pytest.mark.parametrize("at_step", [1, 2, 3])
@pytest.mark.parametrize("how", [PowerCut, Stopped, signal.SIGTERM])
def test_stopped_and_started_again_it_gives_the_same_bytes(
    options, tmp_path, monkeypatch, at_step, how
):
    distill.main(options("whole.safetensors"))
    with monkeypatch.context() as patched:
        stop_behind(patched, at_step, how)
        # Told to stop it saves by itself; a power cut finds the checkpoint of the step before.
        every = 1 if how is PowerCut else 100
        with pytest.raises(PowerCut if how is PowerCut else Stopped):
            distill.main(options(checkpoint_steps=every))
    assert not (tmp_path / "pela.safetensors").exists()
    state = torch.load(tmp_path / "pela.safetensors.checkpoint.pt", weights_only=True)
    assert state["step"] == at_step
    distill.main(options())
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "pela"))
    assert parts.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.checkpoint.pt"))


def test_another_seed_gives_another_result(options, tmp_path):
    distill.main(options("one.safetensors"))
    distill.main(options("two.safetensors", seed=2))
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    assert any(not torch.equal(one[name], two[name]) for name in one)


def test_done_again_it_keeps_what_is_there_and_refuses_another(options, tmp_path):
    distill.main(options())
    before = (tmp_path / "pela.safetensors").read_bytes()
    distill.main(options())
    with pytest.raises(FadError, match=r"(?s)pela.safetensors was made with other.*\+ steps: 6"):
        distill.main(options(steps=6))
    assert (tmp_path / "pela.safetensors").read_bytes() == before


def test_a_checkpoint_of_other_options_and_a_damaged_one_are_refused(
    options, tmp_path, monkeypatch
):
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        stop_behind(patched, 2, Stopped)
        distill.main(options())
    with pytest.raises(FadError, match=r"(?s)checkpoint.pt was made with other.*\+ c: 2.0"):
        distill.main(options(c=2))
    (tmp_path / "pela.safetensors.checkpoint.pt").write_bytes(b"half")
    with pytest.raises(FadError, match=r"checkpoint.pt: damaged; remove it to distil anew"):
        distill.main(options())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"c": 0}, "--c 0.0: it must be over 0"),
        ({"steps": 0}, "--steps 0"),
        ({"lr": 0}, "--lr 0.0"),
        ({"batch_size": 0}, "--batch_size 0"),
        ({"crop_samples": 100}, "--crop_samples 100: .* at least 400"),
        ({"c": 1000}, "leaves .* no rank"),
        ({"audio": "none"}, "none: missing or not complete: run stage 2"),
        ({"pretrained": "none.pt"}, "no such pre-trained file"),
    ],
)
def test_what_cannot_be_is_refused(options, changes, expected):
    with pytest.raises(FadError, match=expected):
        distill.main(options(**changes))


def test_a_loss_that_is_not_finite_ends_it(options, monkeypatch):
    monkeypatch.setattr(Distiller, "_distance", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(FadError, match="the loss is nan at step 1: lower --lr"):
        distill.main(options())


def test_a_second_run_of_the_same_file_is_refused(options, tmp_path, monkeypatch):
    monkeypatch.setattr("fad.utils.locks.WAIT", 0.2)
    lock = tmp_path / ".pela.safetensors.lock"
    code = (
        f"import fcntl, time; f = open({str(lock)!r}, 'a'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FadError, match="in use by another process"):
            distill.main(options())
        holder.kill()
