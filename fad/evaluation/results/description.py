"""Describes an experiment: its method, settings, encoder, code and training data."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from fad.config import shipped
from fad.config.plain_yaml import dotted_values, read_yaml
from fad.config.resolve import NOT_SETTINGS, merge_config
from fad.experiment.directory import ExperimentDir
from fad.experiment.summary import REQUIRED, read_train_summary
from fad.experiment.training_data import read_training_data
from fad.utils.errors import FadError
from fad.utils.git import git_hash


def describe(exp: ExperimentDir, dump: Path) -> dict[str, Any]:
    """All of results.json but the test sets and the version of its schema.

    Args:
        exp: the experiment.
        dump: the recipe's `dump`, for an experiment that does not say what it was trained on.

    Raises:
        FadError: a file is missing or malformed.
    """
    summary = read_train_summary(exp)
    config = read_yaml(exp.config)
    config.pop("pretrained", None)  # it stands in the summary
    return (
        {"tag": exp.tag, "git": git_hash()}
        | {key: summary[key] for key in REQUIRED}
        | {
            "trained_with": summary.get("git"),
            "config": config,
            "settings": settings(config, summary["config_name"]),
            "training_data": read_training_data(exp, dump),
        }
    )


def settings(config: dict[str, Any], name: str) -> dict[str, str]:
    """Values by dotted key, in YAML, that differ from those of the shipped config of that name.

    For a config that was not shipped, or not with all of its parts: from those of base.yaml.
    """
    usual = dotted_values(_shipped(name))
    own = {key: value for key, value in config.items() if key not in NOT_SETTINGS}
    return {key: value for key, value in dotted_values(own).items() if usual.get(key) != value}


def _shipped(name: str) -> dict[str, Any]:
    # A user's files may have such names and go together where those of conf/ do not.
    if all(part in shipped.names() for part in name.split("+")):
        with suppress(FadError):
            return merge_config(name)
    return merge_config(shipped.BASE)
