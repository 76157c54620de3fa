"""Stage 3 end to end on a tiny corpus: what it writes, stopping and going on, and refusals."""

import json
import math
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file

from fad.data import tables
from fad.data.batches import collate
from fad.train import trainer as trainer_module
from fad.train import validation
from fad.train.checkpointing import load_checkpoint
from fad.train.trainer import Trainer
from fad.utils.devices import machine
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from fad.utils.git import git_hash
from tests.helpers.corpus import write_audio_dump
from tests.helpers.experiment import dump_frames, history, losses, train

FROM_FRAMES = 1e-6  # of the loss, over two epochs; with 512 channels equal on the CPU tried


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mini_file, tiny_dump):
    return train(tmp_path_factory.mktemp("exp") / "lora", mini_file, tiny_dump)


def test_the_experiment_directory_has_all_that_later_stages_read(trained, mini_file):
    names = {path.name for path in trained.iterdir()}
    assert names >= {"config.yaml", "best.safetensors", "checkpoint.pt", "tensorboard"}
    summary = json.loads((trained / "train_summary.json").read_text())
    assert summary["config_name"] == summary["adaptation"] == "lora"
    assert summary["seed"] == 1
    assert list(summary["parameters"]) == [
        *("total", "trainable", "adaptation", "backend", "loss", "ratio")
    ]
    assert summary["pretrained"] == {"path": str(mini_file), "sha256": sha256_file(mini_file)}
    assert list(summary["best"]) == ["epoch", "dev_eer", "dev_loss"]
    assert summary["git"] == git_hash()
    cost = json.loads((trained / "cost.json").read_text())
    assert (cost["epochs"], cost["device"], cost["processes"]) == (2, "cpu", 1)
    assert cost["seconds_per_epoch"] > 0
    steps = load_checkpoint(trained / "checkpoint.pt")[0].step / 2
    assert cost["seconds_per_step"] == pytest.approx(cost["seconds_per_epoch"] / steps, abs=0.01)
    assert cost["machine"] == machine()
    assert cost["peak_memory_mb"] > 100
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["adaptation_conf"]["rank"] == 4
    assert config["pretrained"]["sha256"] == sha256_file(mini_file)


def test_a_finished_training_keeps_the_commit_that_made_it(trained, mini_file, tiny_dump, tmp_path):
    exp = shutil.copytree(trained, tmp_path / "lora")
    summary = json.loads((exp / "train_summary.json").read_text())
    (exp / "train_summary.json").write_text(json.dumps(summary | {"git": "an earlier one"}))
    train(exp, mini_file, tiny_dump)
    assert json.loads((exp / "train_summary.json").read_text())["git"] == "an earlier one"


def test_the_cost_is_of_where_each_epoch_was_run(mini_file, tiny_dump, tmp_path, monkeypatch):
    exp = train(tmp_path / "lora", mini_file, tiny_dump, "lora", "train.epochs=1")
    before = (exp / "cost.json").read_bytes()
    here = {"device": "cpu", "machine": "another", "processes": 2}
    monkeypatch.setattr(trainer_module, "place", lambda *_: here)
    train(exp, mini_file, tiny_dump, "lora", "train.epochs=1")  # finished: nothing is measured
    assert (exp / "cost.json").read_bytes() == before
    places = iter([here, here | {"machine": "a third"}])
    monkeypatch.setattr(trainer_module, "place", lambda *_: next(places))
    exp = train(tmp_path / "two", mini_file, tiny_dump)
    assert json.loads((exp / "cost.json").read_text())["machine"] == "another and a third"


def test_training_learns_and_moves_every_low_rank_matrix(trained):
    epochs = history(trained)
    assert all(math.isfinite(value) for value in losses(trained))
    assert epochs[1]["train_loss"] < epochs[0]["train_loss"]
    state = load_file(trained / "best.safetensors")
    low_rank = [name for name in state if "lora_" in name]
    assert len(low_rank) == 2 * 2 * 2  # blocks, q and v, A and B
    assert all(state[name].abs().max() > 0 for name in low_rank)
    assert sum(value.numel() for value in state.values()) == 4 * 96 * 4 + (2 + 2 * 96 + 2) + 2 * 96


def test_run_again_it_gives_the_same_files(trained, mini_file, tiny_dump):
    files = [path for path in trained.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files if path.name != "checkpoint.pt"}
    train(trained, mini_file, tiny_dump)
    assert [path for path in trained.rglob("*") if path.is_file()] == files
    for path, content in before.items():
        assert path.read_bytes() == content, path


def test_another_run_of_the_same_seed_has_the_same_bytes(trained, mini_file, tiny_dump, tmp_path):
    again = train(tmp_path / "again", mini_file, tiny_dump)
    assert (again / "best.safetensors").read_bytes() == (trained / "best.safetensors").read_bytes()
    other = train(tmp_path / "other", mini_file, tiny_dump, "lora", "train.seed=2")
    assert (other / "best.safetensors").read_bytes() != (trained / "best.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["lora", "full"])
def test_two_batches_accumulated_equal_one_of_twice_the_size(mini_file, tiny_dump, tmp_path, name):
    # SGD's update is linear in the gradient; AdamW's divides by its size, which for a gradient
    # near zero multiplies rounding noise. So the losses along the way are compared.
    large = train(tmp_path / "large", mini_file, tiny_dump, name, "train.batch_size=8")
    small = train(tmp_path / "small", mini_file, tiny_dump, name, "train.accumulate=2")
    assert losses(small) == pytest.approx(losses(large), rel=1e-4)
    assert history(small)[0]["train_loss"] == pytest.approx(
        history(large)[0]["train_loss"], rel=1e-6
    )


def test_accumulating_divides_by_the_weights_of_the_whole_step(
    mini_file, tiny_dump, tmp_path, monkeypatch
):
    # Batches of 5 and 3 with unequal classes: a mean of means would differ.
    options = ["loss_conf.weights=[1.0, 9.0]", "train.epochs=1"]
    gradients = {}

    def record(parameters, _max_norm):
        gradients.setdefault(key, [p.grad.clone() for p in parameters])
        return torch.tensor(1.0)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", record)
    for key, more in {
        "one": ["train.batch_size=8"],
        "parts": ["train.batch_size=5", "train.accumulate=2"],
    }.items():
        train(tmp_path / key, mini_file, tiny_dump, "lora", *options, *more)
    for one, parts in zip(gradients["one"], gradients["parts"], strict=True):
        assert (one - parts).abs().max() <= 1e-5 * max(one.abs().max(), 1e-3)


def test_from_stored_frames_the_losses_are_those_from_audio(
    trained, mini_file, tiny_dump, tmp_path
):
    dump = tmp_path / "dump"
    shutil.copytree(tiny_dump / "audio", dump / "audio")
    with pytest.raises(FadError, match=r"frontend-mini/train: missing or not complete: run stage"):
        train(tmp_path / "exp", mini_file, dump, stored="frontend")
    dump_frames(dump, mini_file, "train", "dev")
    frames = train(tmp_path / "exp", mini_file, dump, stored="auto")
    assert losses(frames) == pytest.approx(losses(trained), rel=FROM_FRAMES)
    # To be sure that the frames were read: with empty arks it fails.
    for ark in (dump / "frontend-mini" / "train").glob("*.ark"):
        ark.write_bytes(b"")
    with pytest.raises(FadError, match=r"cut short; remove it and run stage 2 again"):
        train(tmp_path / "other", mini_file, dump, stored="auto")


def test_full_tuning_reads_audio_and_leaves_the_pretrained_file(mini_file, tiny_dump, tmp_path):
    before = sha256_file(mini_file)
    exp = train(tmp_path, mini_file, tiny_dump, "full", stored="auto")
    assert sha256_file(mini_file) == before
    assert "encoder.feature_extractor.conv_layers.0.0.weight" in load_file(exp / "best.safetensors")


def test_another_config_is_refused_and_the_difference_shown(trained, mini_file, tiny_dump):
    before = (trained / "config.yaml").read_bytes()
    with pytest.raises(FadError) as caught:
        train(trained, mini_file, tiny_dump, "lora", "adaptation_conf.rank=8")
    assert "- adaptation_conf.rank: 4" in str(caught.value)
    assert "+ adaptation_conf.rank: 8" in str(caught.value)
    assert "another --tag" in str(caught.value)
    assert (trained / "config.yaml").read_bytes() == before


def test_another_pretrained_file_is_refused_and_the_same_elsewhere_is_not(
    trained, mini_file, tiny_dump, tmp_path
):
    moved = tmp_path / "moved.pt"
    shutil.copy(mini_file, moved)
    train(trained, moved, tiny_dump)
    with open(moved, "ab") as file:
        file.write(b"x")
    with pytest.raises(FadError, match=r"(?s)another config.*sha256"):
        train(trained, moved, tiny_dump)


def test_a_run_that_failed_before_its_first_epoch_can_be_corrected(mini_file, tiny_dump, tmp_path):
    with pytest.raises(FadError, match=r"numbers 1 to 2"):
        train(tmp_path, mini_file, tiny_dump, "lora", "adaptation_conf.blocks=[9]")
    train(tmp_path, mini_file, tiny_dump, "lora", "train.epochs=1")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["train"]["epochs"] == 1


def test_a_finished_model_without_its_checkpoint_is_kept(trained, mini_file, tiny_dump, tmp_path):
    exp = tmp_path / "exp"
    shutil.copytree(trained, exp)
    (exp / "checkpoint.pt").unlink()
    with pytest.raises(FadError, match=r"has a finished model and no checkpoint.pt to go on from"):
        train(exp, mini_file, tiny_dump, "lora", "train.lr=0.5")
    for name in ("best.safetensors", "config.yaml", "train_summary.json"):
        assert (exp / name).read_bytes() == (trained / name).read_bytes()


def test_what_an_unfinished_experiment_left_goes_when_its_config_is_written_anew(
    trained, mini_file, tiny_dump, tmp_path
):
    exp = tmp_path / "exp"
    shutil.copytree(trained, exp)
    for name in ("checkpoint.pt", "train_summary.json"):
        (exp / name).unlink()
    with pytest.raises(FadError, match=r"numbers 1 to 2"):
        train(exp, mini_file, tiny_dump, "lora", "adaptation_conf.blocks=[9]")
    assert not (exp / "best.safetensors").exists()
    assert not (exp / "cost.json").exists()


def test_a_loss_that_is_not_finite_names_the_utterances(
    mini_file, tiny_dump, tmp_path, monkeypatch
):
    def outputs(self, x, *_):
        return x.new_zeros(len(x), 1), x.new_full((len(x), 2), math.nan)

    monkeypatch.setattr(trainer_module.Detector, "outputs", outputs)
    with pytest.raises(FadError) as caught:
        train(tmp_path, mini_file, tiny_dump)
    assert "loss is nan at step 1; the batch has train-00" in str(caught.value)
    assert str(caught.value).count("train-00") == 4
    assert not (tmp_path / "best.safetensors").exists()


def test_dev_scores_that_are_not_finite_name_the_first_few_utterances(
    mini_file, tiny_dump, tmp_path, monkeypatch
):
    def outputs(_detector, utterances, indices, *_):
        batch = collate([utterances[index] for index in indices])
        logits = torch.zeros(len(indices), 2)
        logits[1:, 0] = math.inf
        yield batch, torch.zeros(len(indices), 1), logits

    monkeypatch.setattr(validation, "outputs", outputs)
    with pytest.raises(FadError) as caught:
        train(tmp_path, mini_file, tiny_dump)
    utts = list(tables.read_wav_scp(tiny_dump / "audio" / "dev" / "wav.scp"))
    assert (
        f"{len(utts) - 1} of {len(utts)} dev scores are not finite, "
        f"first: {', '.join(utts[1:6])};" in str(caught.value)
    )


def scripted(monkeypatch, results):
    """Gives these (dev EER, dev loss) in turn instead of validating."""
    turn = iter(results)
    monkeypatch.setattr(Trainer, "_validate", lambda self: next(turn))


def test_a_tie_in_dev_eer_is_broken_by_dev_loss(mini_file, tiny_dump, tmp_path, monkeypatch):
    scripted(monkeypatch, [(0.2, 0.9), (0.1, 0.5), (0.1, 0.4), (0.1, 0.6)])
    exp = train(tmp_path, mini_file, tiny_dump, "frozen", "train.epochs=4")
    best = json.loads((exp / "train_summary.json").read_text())["best"]
    assert best == {"epoch": 3, "dev_eer": 0.1, "dev_loss": 0.4}


def test_the_best_epochs_weights_are_kept_not_the_last(mini_file, tiny_dump, tmp_path, monkeypatch):
    scripted(monkeypatch, [(0.1, 0.5), (0.3, 0.5), (0.1, 0.5)])
    exp = train(tmp_path, mini_file, tiny_dump, "frozen", "train.epochs=3")
    _, last = load_checkpoint(exp / "checkpoint.pt")
    kept = load_file(exp / "best.safetensors")
    assert any((kept[name] != value).any() for name, value in last["trained"].items())


def test_training_stops_after_epochs_without_a_better_one(
    mini_file, tiny_dump, tmp_path, monkeypatch
):
    scripted(monkeypatch, [(0.2, 0.5), (0.1, 0.5), (0.1, 0.6), (0.3, 0.5), (0.0, 0.0)])
    exp = train(tmp_path, mini_file, tiny_dump, "frozen", "train.epochs=9", "train.patience=2")
    assert [epoch["epoch"] for epoch in history(exp)] == [1, 2, 3, 4]
    assert json.loads((exp / "train_summary.json").read_text())["best"]["epoch"] == 2
    train(exp, mini_file, tiny_dump, "frozen", "train.epochs=9", "train.patience=2")
    assert len(history(exp)) == 4  # stopped for good


def test_bf16_trains_on_a_cpu_too(mini_file, tiny_dump, tmp_path):
    exp = train(tmp_path, mini_file, tiny_dump, "lora", "train.precision=bf16", "train.epochs=1")
    assert all(math.isfinite(value) for value in losses(exp))
    assert all(value.dtype.itemsize == 4 for value in load_file(exp / "best.safetensors").values())


# Inputs that are not there.


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.precision=fp16"], "fp16 needs a GPU"),
        (["train.precision=half"], "'half' is not one of"),
        (["train.lr=-1.0"], "it must be over 0"),
        (["loss_conf.weights=even"], "give 'balanced' or two positive numbers"),
        (["encoder_conf.layers=[3]"], "blocks 1 to 2"),
    ],
)
def test_settings_that_cannot_be_had_are_refused(
    mini_file, tiny_dump, tmp_path, overrides, message
):
    with pytest.raises(FadError, match=message):
        train(tmp_path, mini_file, tiny_dump, "lora", *overrides)


def test_crops_of_many_lengths_are_refused_for_a_back_end_that_takes_one(
    mini_file, tiny_dump, tmp_path
):
    with pytest.raises(
        FadError, match=r"crop_samples asks for 218 frames, and 'train-00.* has 201"
    ):
        train(tmp_path, mini_file, tiny_dump, "lora+aasist", "train.crop_samples=70000")


def test_missing_inputs_name_the_stage_or_the_option(mini_file, tiny_dump, tmp_path):
    with pytest.raises(FadError, match=r"audio/train: missing or not complete: run stage 2"):
        train(tmp_path / "exp", mini_file, tmp_path)
    with pytest.raises(FadError, match=r"none.pt: no such pre-trained .* give --pretrained"):
        train(tmp_path / "exp", tmp_path / "none.pt", tiny_dump)


@pytest.mark.parametrize(("sizes", "short"), [((1, 2), "train"), ((2, 1), "dev")])
def test_a_set_of_one_class_is_refused_before_training(mini_file, tmp_path, sizes, short):
    for name, size in zip(("train", "dev"), sizes, strict=True):
        write_audio_dump(tmp_path, name, size)
    with pytest.raises(FadError, match=rf"{short}/utt2label: no utterance is bonafide"):
        train(tmp_path / "exp", mini_file, tmp_path)
    assert not (tmp_path / "exp" / "tensorboard").exists()


def test_other_data_in_the_same_experiment_is_refused(mini_file, tiny_dump, tmp_path):
    dump, exp = tmp_path / "dump", tmp_path / "exp"
    shutil.copytree(tiny_dump, dump)
    train(exp, mini_file, dump, "frozen", "train.epochs=1")
    shutil.rmtree(dump / "audio" / "train")
    shutil.rmtree(dump / "wav" / "train", ignore_errors=True)
    write_audio_dump(dump, "train", 6, seed=5)
    with pytest.raises(FadError, match=r"other data.*\n.*train: [0-9a-f]{64}"):
        train(exp, mini_file, dump, "frozen", "train.epochs=1")
