"""Clips and speakers that the training had too are counted in the results of a test set."""

import shutil

import pytest
import yaml

from fad.data.fingerprint import fingerprint
from fad.data.tables import read_table, write_table
from fad.evaluation.results.experiment import report


@pytest.fixture
def results(experiment, tmp_path):
    """Makes results where the training set is the first 20 trials of eval, changed as told."""

    def make(change=lambda train: None):
        train = tmp_path / "dump/audio/train"
        shutil.copytree(experiment.eval, train)
        for table in train.iterdir():
            write_table(table, dict(list(read_table(table).items())[:20]))
        config = yaml.safe_load(experiment.directory.config.read_text())
        config["data"] = {"train": fingerprint(train)}
        experiment.directory.config.write_text(yaml.safe_dump(config, sort_keys=False))
        change(train)
        return report(experiment.directory, tmp_path / "dump", {"eval": experiment.eval}, {})

    return make


def test_what_both_have_is_counted_and_warned_of(results, experiment):
    found = results()["test_sets"]["eval"]
    assert found["met_in_training"] == {"clips": 20, "speakers": 12}
    assert found["warnings"] == [
        f"{what} are also in the training set: the error rates look better than they are"
        for what in ("20 of its clips", "12 of its speakers")
    ]
    text = experiment.directory.results_md.read_text()
    assert "Also in the training set: 20 clips, 12 known speakers." in text


def test_other_data_in_the_place_of_the_training_set_are_not_compared(results, experiment):
    def change(train):
        write_table(train / "utt2digest", dict.fromkeys(read_table(train / "utt2digest"), 32 * "a"))

    found = results(change)["test_sets"]["eval"]
    assert found["met_in_training"] is None and found["warnings"] == []
    assert "Leaks are not known" in experiment.directory.results_md.read_text()
