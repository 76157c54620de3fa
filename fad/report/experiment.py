"""Stage 5: what is known of one experiment, as results.json, curves.json, RESULTS.md and plots."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from fad.calibration import CALIBRATION
from fad.data.tables import read_labels, read_table, read_wav_scp
from fad.errors import FadError
from fad.files import remove_parts, sha256_file, write_json, write_text
from fad.plots.det import draw_det
from fad.report.calibrated import calibrated_results, read_model_calibration
from fad.report.curves import read_curves, set_curves, write_curves
from fad.report.description import describe
from fad.report.evaluation import evaluate
from fad.report.overview import read_results
from fad.report.results_md import results_md
from fad.report.scored import check_weights
from fad.report.summary import SCHEMA_VERSION
from fad.report.training import read_cost
from fad.scores.asv_scores import read_asv_scores
from fad.scores.data_columns import column_files, read_columns
from fad.scores.score_files import read_scores
from fad.scores.trials import Trials, make_trials, of_phase

RESULTS = "results.json"


def report(
    exp: Path, train_data: Path, tests: Mapping[str, Path], asv_files: Mapping[str, Path]
) -> dict[str, Any]:
    """Writes `results.json`, `curves.json`, `RESULTS.md` and DET plots; same inputs, same bytes.

    Sets that an earlier call reported and this one does not name stay in the results as long as
    their scores are the same.

    Args:
        exp: `exp/<tag>`, with `config.yaml`, `train_summary.json`, `cost.json`, `scores/<set>`.
        train_data: the training data directory, for the attacks that training saw.
        tests: data directory by set.
        asv_files: file of ASV scores by set, for those sets that have one.

    Returns:
        What results.json holds: nothing of time or memory, which no two runs have the same.

    Raises:
        FadError: an input is missing or malformed, two sets would share a plot, or the calibration
            is of other weights.
    """
    unknown = sorted(asv_files.keys() - tests.keys())
    if unknown:
        raise FadError(f"ASV scores are given for '{unknown[0]}', which is no test set here")
    remove_parts(exp)
    results = {"schema_version": SCHEMA_VERSION} | describe(exp, train_data)
    cost = read_cost(exp)
    kept = earlier_sets(exp, tests.keys())
    if len({plot_name(name) for name in [*kept, *tests]}) < len(kept) + len(tests):
        raise FadError("two test sets differ only in / and _: rename one, they would share a plot")
    trained = set(results["training_data"]["attacks"])
    calibration = read_model_calibration(exp) if (exp / CALIBRATION).is_file() else None
    found, curves = {}, {}
    for name, data in tests.items():
        trials = read_trials(exp, name, data)
        asv = read_asv_scores(asv_files[name]) if name in asv_files else None
        found[name] = _provenance(exp, name, data) | evaluate(trials, asv, trained)
        trials = of_phase(trials, found[name].get("phase"))
        ratios = None
        if calibration:
            found[name]["calibrated"] = calibrated_results(trials, calibration)
            ratios = calibration.llr(trials.scores)
        curves[name] = set_curves(trials, trained, ratios, paths(data))
    results["test_sets"] = kept | found
    for name in tests:
        title = f"{results['tag']} on {name}"
        draw_det(exp / plot_name(name), curves[name]["det"], title)
    write_curves(exp, earlier_curves(exp, kept.keys()) | curves)
    plots = {name: plot_name(name) for name in results["test_sets"]}
    write_text(exp / "RESULTS.md", results_md(results, cost, plots))
    write_json(exp / RESULTS, results)
    return results


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
    scores, labels = read_scores(path).scores, read_labels(data / "utt2label")
    return make_trials(str(path), scores, labels, read_columns(data), column_files(data))


def _provenance(exp: Path, name: str, data: Path) -> dict[str, Any]:
    """Which scores and which data a set's results are of, and how many clips were left out."""
    errors = data / "errors"  # stage 2's list of clips that it could not read
    return {
        "scores_sha256": sha256_file(exp / "scores" / name),
        "data": str(data),
        "skipped_clips": len(read_table(errors)) if errors.is_file() else 0,
    }


def earlier_sets(exp: Path, named: Set[str]) -> dict[str, Any]:
    """Results of sets that are not named now, of scores that are still those that are there."""
    path = exp / RESULTS
    if not path.is_file():
        return {}
    try:
        sets = read_results(path)["test_sets"]
    except FadError:
        return {}  # of another schema: they are made anew by a call that names them
    return {
        name: found
        for name, found in sets.items()
        if name not in named and _is_current(exp, name, found)
    }


def _is_current(exp: Path, name: str, found: Mapping[str, Any]) -> bool:
    scores = exp / "scores" / name
    if not scores.is_file() or sha256_file(scores) != found["scores_sha256"]:
        return False
    try:
        check_weights(exp, scores)
    except FadError:
        return False
    return True


def earlier_curves(exp: Path, names: Set[str]) -> dict[str, Any]:
    """What curves.json has of these sets."""
    try:
        found = read_curves(exp) or {}
    except FadError:
        return {}  # of another version
    return {name: curves for name, curves in found.items() if name in names}


def paths(data: Path) -> dict[str, str]:
    """Where the audio of a data directory is, by utterance; empty where nothing says so."""
    scp = data / "wav.scp"
    return read_wav_scp(scp) if scp.is_file() else {}


def plot_name(name: str) -> str:
    """File name of a set's DET plot; the slash of another recipe's set becomes an underscore."""
    return f"det_{name.replace('/', '_')}.png"
