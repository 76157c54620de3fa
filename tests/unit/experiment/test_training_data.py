"""What a model was trained on is recorded by stage 3, and never guessed later."""

import json
import logging

import pytest
import yaml

from fad.data.fingerprint import fingerprint
from fad.experiment.directory import ExperimentDir
from fad.experiment.training_data import describe_training_data, read_training_data
from tests.helpers.corpus import add_digests

TABLES = {
    "wav.scp": "c-1 {}/a.flac\nc-2 {}/a.flac\nc-3 {}/a.flac\n",
    "utt2label": "c-1 spoof\nc-2 bonafide\nc-3 spoof\n",
    "utt2attack": "c-1 A02\nc-2 -\nc-3 other/A01\n",
    "utt2spk": "c-1 s1\nc-2 s2\nc-3 s2\n",
    "utt2num_samples": "c-1 100\nc-2 100\nc-3 100\n",
}
FOUND = {
    "train_set": "train",
    "dev_set": "dev",
    "bonafide": 1,
    "spoof": 2,
    "speakers": 2,
    "attacks": ["c/A02", "other/A01"],
}


@pytest.fixture
def dump(tmp_path):
    audio = tmp_path / "dump/audio/train"
    audio.mkdir(parents=True)
    (audio / "a.flac").write_text("1234")
    for name, text in TABLES.items():
        (audio / name).write_text(text.replace("{}", str(audio)))
    add_digests(audio)
    return tmp_path / "dump"


@pytest.fixture
def old(experiment, dump) -> ExperimentDir:
    """An experiment that was trained before stage 3 recorded its training data."""
    summary = json.loads(experiment.directory.summary.read_text())
    del summary["training_data"]
    experiment.directory.summary.write_text(json.dumps(summary))
    config = yaml.safe_load(experiment.directory.config.read_text())
    config["data"] = {"train": fingerprint(dump / "audio/train"), "dev": "12" * 32}
    experiment.directory.config.write_text(yaml.safe_dump(config, sort_keys=False))
    return experiment.directory


def test_classes_speakers_and_attacks_are_described(dump):
    assert describe_training_data(dump / "audio/train", dump / "audio/dev") == FOUND


def test_the_record_counts_whatever_the_dump_holds(experiment, dump):
    found = read_training_data(experiment.directory, dump)
    assert found["attacks"] == ["mini/lpc", "mini/other", "mini/world"]


def test_an_old_experiment_is_of_the_dump_that_it_was_trained_on(old, dump, caplog):
    assert read_training_data(old, dump) == FOUND
    assert caplog.text == ""


@pytest.mark.parametrize("change", ["other data", "no dump", "no config"])
def test_of_an_old_experiment_whose_dump_is_gone_nothing_is_guessed(old, dump, change, caplog):
    caplog.set_level(logging.WARNING)
    audio = dump / "audio/train"
    if change == "other data":
        (audio / "utt2digest").write_text("".join(f"c-{n} {32 * 'a'}\n" for n in (1, 2, 3)))
    elif change == "no dump":
        (audio / "utt2digest").unlink()
    else:
        old.config.unlink()
    assert read_training_data(old, dump) is None
    assert "seen and unseen attacks are not told apart; run stage 3 again" in caplog.text
