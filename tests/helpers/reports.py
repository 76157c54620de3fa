"""Experiments for reports, without any training: results.json, curves.json and cost.json."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fad.evaluation.results.curves import set_curves, write_curves
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.trials.trials import make_trials, of_phase
from fad.experiment.directory import ExperimentDir

COST = {
    "seconds_per_epoch": 2.345,
    "peak_memory_mb": 1234.5,
    "epochs": 3,
    "device": "cpu",
    "processes": 1,
}


def scored_trials(
    distance: float = 2.0, seed: int = 0, attacks=("A01", "A02"), names=str, **columns
):
    """40 bona fide trials against 20 spoofs an attack, by Gaussians this far apart.

    Args:
        distance: between the means of both classes.
        seed: of the scores.
        attacks: names of the attacks.
        names: what makes an utterance id of `u017`.
        columns: further columns, a function of the trial's index each.
    """
    rng = np.random.default_rng(seed)
    of = ["-"] * 40 + [attack for attack in attacks for _ in range(20)]
    utts = [names(f"u{index:03d}") for index in range(len(of))]
    scores = {
        utt: (distance if attack == "-" else 0.0) + rng.normal()
        for utt, attack in zip(utts, of, strict=True)
    }
    labels = {
        utt: "bonafide" if attack == "-" else "spoof" for utt, attack in zip(utts, of, strict=True)
    }
    tables = {"attack": dict(zip(utts, of, strict=True))} | {
        name: {utt: make(index) for index, utt in enumerate(utts)} for name, make in columns.items()
    }
    return make_trials("scores", scores, labels, tables)


def write_experiment(
    exp_dir: Path,
    folder: str,
    sets: Mapping[str, object],
    seed: int = 0,
    trainable: int = 50,
    curves: bool = True,
    paths: Mapping[str, str] | None = None,
    cost: Mapping[str, object] | None = None,
    **results,
) -> Path:
    """Writes `<exp_dir>/<folder>` with real results and curves of the trials of each set.

    Args:
        exp_dir: the folder `exp` of a recipe.
        folder: and tag of the experiment.
        sets: `fad.evaluation.trials.trials.Trials` by set.
        seed: of the training, also in its config.
        trainable: parameters; also a value of the config, so that these tell systems apart.
        curves: whether curves.json is there.
        paths: of the audio, by utterance.
        cost: values of cost.json in the place of those of `COST`.
        results: further keys of results.json, or others in their place.
    """
    found = {
        "schema_version": 3,
        "tag": folder,
        "git": "c0ffee" * 6 + "abcd",
        "trained_with": "c0ffee" * 6 + "abcd",
        "config_name": "lora",
        "config": {"encoder": "xlsr", "train": {"seed": seed, "lr": trainable}},
        "settings": {"train.seed": str(seed)},
        "training_data": {
            "train_set": "train",
            "dev_set": "dev",
            "bonafide": 12,
            "spoof": 24,
            "speakers": 3,
            "attacks": ["A01"],
        },
        "seed": seed,
        "adaptation": "lora",
        "parameters": {
            "total": 1000,
            "trainable": trainable,
            "adaptation": trainable - 5,
            "backend": 5,
            "ratio": 1000 / trainable,
        },
        "pretrained": {"path": "mini.pt", "sha256": "ab" * 32},
        "best": {"epoch": 2, "dev_eer": 0.0125, "dev_loss": 0.1},
        "test_sets": {
            name: {
                "scores_sha256": "cd" * 32,
                "data": f"dump/audio/{name}",
                "asv_file": None,
                "skipped_clips": 0,
            }
            | evaluate(trials, trained_attacks={"A01"}, resamples=20)
            for name, trials in sets.items()
        },
    } | results
    exp = exp_dir / folder
    exp.mkdir(parents=True)
    (exp / "results.json").write_text(json.dumps(found))
    (exp / "cost.json").write_text(json.dumps(COST | dict(cost or {})))
    if curves:
        parts = {name: of_phase(sets[name], found["test_sets"][name].get("phase")) for name in sets}
        write_curves(
            ExperimentDir(exp),
            {
                name: set_curves(part, {"A01"}, 1.5 * part.scores, paths or {})
                for name, part in parts.items()
            },
        )
    return exp
