"""A copy of the tree in which documented commands are run, with the files that they name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.utils.files import sha256_file
from tests.docs.documents import ROOT, Command
from tests.helpers.reports import scored_trials, write_experiment
from tests.integration.stages import make_tree

RATE = 16_000
# Words that stand for something in the documents, and are refused as they are.
PLACEHOLDERS = {"setup.sh NAME": "setup.sh a_name", "/path/to/xlsr2_300m.pt": "../../tiny.pt"}


def make_sandbox(tree: Path, model: Path) -> Path:
    """Copies the tree, and writes all that the commands read.

    Args:
        tree: to make.
        model: a trained `exp/<tag>`.
    """
    make_tree(tree)
    encoder = tree / "egs/mini/pretrained/mini_xlsr.pt"
    encoder.parent.mkdir()
    shutil.copy(ROOT / "egs/mini/pretrained/mini_xlsr.pt", encoder)
    _write_experiments(tree, model)
    _write_audio(tree)
    _write_scores(tree)
    return tree


def _write_experiments(tree: Path, model: Path) -> None:
    """The demo's model, with a calibration and results, and an experiment of another recipe."""
    demo = write_experiment(tree / "egs/mini/exp", "demo_lora", {"eval": scored_trials()})
    shutil.copytree(model, demo, dirs_exist_ok=True)
    write_experiment(tree / "egs/custom/exp", "lora", {"eval": scored_trials(seed=1)})
    system = System("dev", None, sha256_file(demo / "best.safetensors"))
    write_calibration(demo / "calibration.json", Calibration((1.0,), 0.0, 0.5, 1, 1, (system,)))


def _write_audio(tree: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.mp3"):
        soundfile.write(tree / name, 0.1 * rng.normal(size=RATE), RATE)


def _write_scores(tree: Path) -> None:
    """Scores of 12 trials under all names that documents use, and the keys that go with them."""
    utts = [f"u{number:02d}" for number in range(12)]
    labels = ["bonafide" if number % 2 else "spoof" for number in range(12)]
    attacks = ["-" if label == "bonafide" else "A07" for label in labels]
    scores = "".join(f"{utt} {(number * 5) % 12}\n" for number, utt in enumerate(utts))
    key = [*zip(utts, labels, attacks, strict=True)]
    sasv = [("u1", "target"), ("u2", "nontarget"), ("u3", "spoof"), ("u4", "target")]
    files = {
        **dict.fromkeys(("A", "FILE", "RawGAT_ST_add.txt", "dev_scores", "eval_scores"), scores),
        "B": "".join(f"{utt} {(number * 7) % 12}\n" for number, utt in enumerate(utts)),
        "trial_metadata.txt": "".join(
            f"s1 {utt} alaw ita_tx {'bonafide' if attack == '-' else attack} {label} notrim eval\n"
            for utt, label, attack in key
        ),
        "ASVspoof2019.LA.cm.eval.trl.txt": "".join(
            f"s1 {utt} - {attack} {label}\n" for utt, label, attack in key
        ),
        "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt": (
            "bonafide target 3\nbonafide nontarget -1\nA07 spoof 2\n"
        ),
        "utt2label": "".join(f"{utt} {label}\n" for utt, label, _ in key),
        "data/eval/utt2label": "".join(f"{utt} {label}\n" for utt, label, _ in key),
        "data/eval/utt2attack": "".join(f"{utt} {attack}\n" for utt, _, attack in key),
        "data/eval/utt2spk": "".join(f"{utt} {utt}\n" for utt in utts),
        "score.tsv": "spk\tfilename\tcm-score\tasv-score\tsasv-score\n"
        + "".join(f"p1\t{utt}\t1\t{number}\t{number}\n" for number, (utt, _) in enumerate(sasv)),
        "key.tsv": "spk\tfilename\tcm-label\tasv-label\n"
        + "".join(
            f"p1\t{utt}\t{'spoof' if kind == 'spoof' else 'bonafide'}\t{kind}\n"
            for utt, kind in sasv
        ),
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


def run_shell(tree: Path, command: Command) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user would who has followed its document up to there."""
    text = command.text.partition(" #")[0]
    for written, meant in PLACEHOLDERS.items():
        text = text.replace(written, meant)
    folder = "."
    if text.startswith(
        "../TEMPLATE/study.sh"
    ):  # of any recipe; what it would run, and not for hours
        folder, text = "egs/mini", f"{text} --dry_run true"
    script = "\n".join(["set -euo pipefail", f". {tree}/utils/path.sh", *command.context, text])
    return _run(["bash", "-c", script], tree / folder)


def run_python(tree: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python block at the top of the repository."""
    return _run([sys.executable, "-c", text], tree, PYTHONPATH=str(tree))


def _run(words: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "VENV": sys.prefix, "OMP_NUM_THREADS": "1", **more}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
