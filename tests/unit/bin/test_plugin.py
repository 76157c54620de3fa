"""A user's own method, back-end and loss, from their file to scores, through the programs."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from fad.bin import dump_frames, params, score_set, study_runs, train
from fad.config import plugins
from fad.config.plain_yaml import read_yaml
from fad.config.registry import SLOTS
from fad.inference.loading import load_for_scoring
from fad.study import plan as study_plan
from fad.utils.errors import FadError
from fad.utils.files import sha256_file
from tests.helpers.experiment import SMALL

PLUGIN = Path(__file__).parents[2] / "helpers" / "plugin.py"
OWN = "adaptation: own_bitfit\nbackend: own_pool\nloss: own_ce\nloss_conf: {spoof: 2.0}\n"


class Project:
    """A folder of a user, with a plugin and a config that names what is in it."""

    def __init__(self, folder: Path, mini_file: Path, dump: Path) -> None:
        self.exp, self.dump, self.pretrained = folder / "own+lr", dump, str(mini_file)
        self.plugin, self.config = folder / "plugin.py", folder / "own.yaml"
        shutil.copy(PLUGIN, self.plugin)
        self.config.write_text(OWN)
        (folder / "lr.yaml").write_text("train: {lr: 1e-2}\n")
        small = [word for setting in SMALL[:-2] for word in ("--set", setting)]
        self.options = ["--config", f"{self.config}+{folder / 'lr.yaml'}", *small]
        self.options += ["--plugin", str(self.plugin)]

    def train(self) -> None:
        where = ["--dump_dir", str(self.dump), "--dump", "none", "--exp", str(self.exp)]
        train.main([*self.options, "--pretrained", self.pretrained, *where])

    def score(self, *options: str) -> None:
        audio, out = self.dump / "audio" / "dev", self.exp / "scores" / "dev"
        words = ["--model", str(self.exp), "--audio", str(audio), "--out", str(out), *options]
        score_set.main(words)
        score_set.main([*words, "--combine", "true"])

    def edit_plugin(self) -> None:
        """Changes it in a new process, as far as the registry knows."""
        self.plugin.write_text(self.plugin.read_text() + "# changed\n")
        forget()


def forget() -> None:
    plugins._loaded.clear()
    for slot in SLOTS:
        SLOTS[slot] = {k: v for k, v in SLOTS[slot].items() if isinstance(v, str)}


@pytest.fixture
def project(tmp_path, mini_file, tiny_dump, monkeypatch):
    monkeypatch.delenv(plugins.ENVIRONMENT, raising=False)
    yield Project(tmp_path, mini_file, tiny_dump)
    forget()


def test_own_parts_train_and_score_through_the_programs(project, monkeypatch, caplog):
    project.train()
    summary = json.loads((project.exp / "train_summary.json").read_text())
    assert (summary["config_name"], summary["adaptation"]) == ("own+lr", "own_bitfit")
    assert read_yaml(project.exp / "config.yaml")["plugins"] == {
        "plugin.py": sha256_file(project.plugin)
    }
    forget()
    monkeypatch.setenv(plugins.ENVIRONMENT, str(project.plugin))  # as run.sh's jobs are told
    with caplog.at_level(logging.WARNING):
        project.score()
    assert len((project.exp / "scores" / "dev").read_text().splitlines()) == 6
    assert "not as in training" not in caplog.text
    detector = load_for_scoring(project.exp, None, "cpu", "fp32")
    assert detector.backend.classify.bias is None
    assert summary["parameters"]["adaptation"] == 2 * 2 * 48  # two LayerNorms in each of two blocks


def test_a_model_without_its_plugin_says_which_name_and_what_may_bring_it(project):
    project.train()
    forget()
    with pytest.raises(FadError) as caught:
        project.score()
    assert f"{project.exp / 'config.yaml'}: adaptation: 'own_bitfit' is unknown; " in str(
        caught.value
    )
    assert "where a plugin has it, give --plugin FILE.py" in str(caught.value)


def test_a_plugin_that_has_changed_is_another_experiment_and_a_warning_to_scores(project, caplog):
    project.train()
    before = sha256_file(project.plugin)
    project.edit_plugin()
    with pytest.raises(FadError) as caught:
        project.train()
    assert f"- plugins.plugin.py: {before}" in str(caught.value)
    assert f"+ plugins.plugin.py: {sha256_file(project.plugin)}" in str(caught.value)
    with caplog.at_level(logging.WARNING):
        project.score("--plugin", str(project.plugin))
    assert "plugin.py is not as in training: scores may differ" in caplog.text


def test_what_a_model_records_of_plugins_is_never_run(project, tmp_path):
    project.train()
    canary = tmp_path / "canary.py"
    canary.write_text(f"open({str(tmp_path / 'CANARY')!r}, 'w')\n")
    config = project.exp / "config.yaml"
    config.write_text(config.read_text().replace("  plugin.py:", f"  {canary}:"))
    forget()
    with pytest.raises(FadError, match="'own_bitfit' is unknown"):
        project.score()
    project.score("--plugin", str(project.plugin))
    assert not (tmp_path / "CANARY").exists()


def test_the_other_programs_take_a_plugin(project, capsys, tmp_path, monkeypatch):
    params.main([*project.options, "--pretrained", project.pretrained])
    assert json.loads(capsys.readouterr().out)["adaptation"] == 2 * 2 * 48
    forget()
    stored = ["--name", "dev", "--use", "dev", "--dump", "none", "--dump_dir", str(project.dump)]
    dump_frames.main([*project.options, "--pretrained", project.pretrained, *stored])
    forget()
    monkeypatch.chdir(tmp_path)
    study_plan._resolve.cache_clear()
    study_runs.main(["--methods", "own.yaml+lr.yaml", "--plugin", "plugin.py"])
    state, *_, tag, method = capsys.readouterr().out.strip().split("\t")
    assert (state, tag, method) == ("todo", "study_own+lr", "own.yaml+lr.yaml")
