"""Finished runs of a study, without any training."""

import json
from collections.abc import Mapping
from pathlib import Path

from fad.config.resolve import load_config
from fad.evaluation.results.description import settings
from tests.helpers.reports import scored_trials, write_experiment


def write_run(
    exp: Path,
    method: str,
    *overrides: str,
    tag: str | None = None,
    trainable: int = 50,
    distance: float = 2.0,
    cost: Mapping[str, object] | None = None,
    reads: str = "frontend",
    data: str = "aa",
    sets: tuple[str, ...] = ("eval",),
    **results,
) -> Path:
    """Writes what the report of a study reads of a run.

    Args:
        exp: the folder `exp` of a recipe.
        method, overrides: of its config.
        tag: its folder; by default `study_` and what makes it.
        trainable: parameters.
        distance: between the scores of the classes; the seed draws them.
        cost: values of cost.json.
        reads: what training read.
        data: fingerprint of the training data.
        sets: the test sets.
        results: further keys of results.json.
    """
    config = load_config(method, list(overrides)) | {"data": {"train": data}}
    seed = config["train"]["seed"]
    folder = write_experiment(
        exp,
        tag or "_".join(["study", method, *overrides]),
        {name: scored_trials(distance, seed) for name in sets},
        seed=seed,
        trainable=trainable,
        curves=False,
        cost={"seconds_per_step": 0.5, "machine": "a CPU, 2 threads"} | dict(cost or {}),
        config=config,
        config_name=method,
        adaptation=config["adaptation"],
        settings=settings(config, method),
        trained_with="c0ffee" * 6 + "abcd",
        **results,
    )
    made = json.loads((folder / "results.json").read_text())
    keys = ("config_name", "seed", "adaptation", "parameters", "pretrained", "best")
    summary = {key: made[key] for key in keys} | {"reads": {"train": reads}}
    (folder / "train_summary.json").write_text(json.dumps(summary))
    (folder / "config.yaml").write_text("# only looked for\n")
    return folder
