"""Stage 5: what is known of one experiment, as results.json, RESULTS.md and DET plots."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from fad.data.tables import NO_ATTACK, read_labels, read_table
from fad.errors import FadError
from fad.files import remove_parts, sha256_file, write_json, write_text
from fad.report.det_plot import draw_det
from fad.report.evaluation import Trials, evaluate, make_trials, split_by_training
from fad.report.provenance import git_hash
from fad.report.results_md import results_md
from fad.report.scored import check_weights
from fad.report.scores import read_asv_scores, read_scores
from fad.report.summary import SCHEMA_VERSION
from fad.report.training import REQUIRED, read_cost, read_train_summary


def read_trained_attacks(train_data: Path) -> set[str]:
    """The attacks in the training data."""
    return set(read_table(train_data / "utt2attack").values()) - {NO_ATTACK}


def read_trials(exp: Path, name: str, data: Path) -> Trials:
    """The scores of a set joined with its tables.

    Raises:
        FadError: the scores or a table are missing or malformed, their utterances differ, or the
            scores are of other weights.
    """
    path = exp / "scores" / name
    if not path.is_file():
        raise FadError(f"{path}: not there: score the set first (stage 4)")
    check_weights(exp, path)
    files = {
        "labels": data / "utt2label",
        "attacks": data / "utt2attack",
        "speakers": data / "utt2spk",
    }
    return make_trials(
        str(path),
        read_scores(path).scores,
        read_labels(files["labels"]),
        read_table(files["attacks"]),
        read_table(files["speakers"]),
        files,
    )


def plot_name(name: str) -> str:
    """File name of a set's DET plot; the slash of another recipe's set becomes an underscore."""
    return f"det_{name.replace('/', '_')}.png"


def det_curves(trials: Trials, trained: Set[str]) -> dict[str, tuple]:
    """Scores of both classes for all attacks and, where both occur, for seen and unseen ones."""
    curves = {"all attacks": (trials.bonafide, trials.scores[~trials.is_bonafide])}
    for name, attacks in split_by_training(trials, trained).items():
        curves[f"{name} attacks"] = (trials.bonafide, trials.scores[trials.spoofs_of(attacks)])
    return curves if len(curves) > 2 else {"all attacks": curves["all attacks"]}


def report(
    exp: Path, train_data: Path, tests: Mapping[str, Path], asv_files: Mapping[str, Path]
) -> dict[str, Any]:
    """Writes `results.json`, `RESULTS.md` and a DET plot a set; same inputs, same bytes.

    Args:
        exp: `exp/<tag>`, with `train_summary.json`, `cost.json` and `scores/<set>`.
        train_data: the training data directory, for the attacks that training saw.
        tests: data directory by set.
        asv_files: file of ASV scores by set, for those sets that have one.

    Returns:
        What results.json holds: nothing of time or memory, which no two runs have the same.

    Raises:
        FadError: an input is missing or malformed, or two sets would share a plot.
    """
    unknown = sorted(asv_files.keys() - tests.keys())
    if unknown:
        raise FadError(f"ASV scores are given for '{unknown[0]}', which is no test set here")
    if len({plot_name(name) for name in tests}) < len(tests):
        raise FadError("two test sets differ only in / and _: rename one, they would share a plot")
    remove_parts(exp)
    summary, cost = read_train_summary(exp), read_cost(exp)
    trained = read_trained_attacks(train_data)
    trials = {name: read_trials(exp, name, data) for name, data in tests.items()}
    asv = {name: read_asv_scores(path) for name, path in asv_files.items()}

    results = {"schema_version": SCHEMA_VERSION, "tag": exp.resolve().name, "git": git_hash()}
    results |= {key: summary[key] for key in REQUIRED}
    results["test_sets"] = {
        name: {"scores_sha256": sha256_file(exp / "scores" / name)}
        | evaluate(found, asv.get(name), trained)
        for name, found in trials.items()
    }
    for name, found in trials.items():
        title = f"{results['tag']} on {name}"
        draw_det(exp / plot_name(name), det_curves(found, trained), title)
    plots = {name: plot_name(name) for name in tests}
    write_text(exp / "RESULTS.md", results_md(results, cost, plots))
    write_json(exp / "results.json", results)
    return results
