"""Stage 5: writes the results of one experiment: results.json, curves.json, RESULTS.md, plots."""

import logging
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fad.data.leaks import overlap
from fad.data.tables import read_labels, read_table, read_wav_scp
from fad.evaluation.calibration.files import calibrated_results, read_model_calibration
from fad.evaluation.calibration.model import Calibration
from fad.evaluation.plots.det import draw_det
from fad.evaluation.results.checked import SCHEMA, check
from fad.evaluation.results.curves import set_curves, write_curves
from fad.evaluation.results.description import describe
from fad.evaluation.results.evaluate import evaluate
from fad.evaluation.results.markdown import results_md
from fad.evaluation.results.met import warnings_of_met
from fad.evaluation.results.one_class import dev_threshold
from fad.evaluation.results.overview import read_results
from fad.evaluation.results.same_trials import trials_sha256
from fad.evaluation.results.tables import SCHEMA_VERSION
from fad.evaluation.trials.asv_scores import read_asv_scores
from fad.evaluation.trials.columns import column_files, read_columns
from fad.evaluation.trials.score_files import read_scores
from fad.evaluation.trials.trials import Trials, make_trials, of_phase
from fad.experiment.directory import ExperimentDir
from fad.experiment.scores import check_scores
from fad.experiment.summary import read_cost
from fad.experiment.training_data import training_audio
from fad.utils.errors import FadError
from fad.utils.files import remove_parts, sha256_file, write_json, write_text

NO_SLOPE = "on dev, higher scores were not more bona fide, so every ratio is 0"


def report(
    exp: ExperimentDir, dump: Path, tests: Mapping[str, Path], asv_files: Mapping[str, Path]
) -> dict[str, Any]:
    """Writes `results.json`, `curves.json`, `RESULTS.md` and DET plots; same inputs, same bytes.

    Sets of an earlier call are evaluated again, if their data are still there, and their scores are
    still there and were made by the present weights.

    Args:
        exp: the experiment, trained and scored.
        dump: the recipe's `dump`, for an experiment that does not say what it was trained on.
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
    exp.check_own()
    remove_parts(exp.path)
    results = {"schema_version": SCHEMA_VERSION} | describe(exp, dump)
    check(results | {"test_sets": {}}, exp.path, SCHEMA, "run stage 3 again")
    cost = read_cost(exp)
    data = results["training_data"]
    trained = None if data is None else set(data["attacks"])
    calibration = read_model_calibration(exp) if exp.calibration.is_file() else None
    train_audio = training_audio(exp, dump)
    found: dict[str, Any] = {}
    curves: dict[str, Any] = {}
    for test_set in _test_sets(exp, tests, asv_files):
        name = test_set.name
        met = overlap(train_audio, test_set.data) if train_audio else None
        found[name], of_set = _evaluate_set(test_set, trained, calibration)
        found[name] |= {"met_in_training": None if met is None else asdict(met)}
        found[name]["warnings"] += warnings_of_met(met)
        curves |= {name: of_set} if of_set else {}
        del test_set  # of a million trials, large; the next is read in the loop's head
    results["test_sets"] = found
    for name in curves:
        title = f"{results['tag']} on {name}"
        draw_det(exp.path / plot_name(name), curves[name]["det"], title)
    write_curves(exp, curves)
    plots = {name: plot_name(name) for name in curves}
    write_text(exp.results_md, results_md(results, cost, plots))
    write_json(exp.results, results)
    return results


@dataclass(frozen=True)
class ScoredSet:
    """What a set is evaluated from; its trials are read when it is made."""

    name: str
    trials: Trials
    data: Path
    asv_file: Path | None


def _test_sets(
    exp: ExperimentDir, tests: Mapping[str, Path], asv_files: Mapping[str, Path]
) -> Iterator[ScoredSet]:
    """Yields the sets of an earlier call whose scores and data are still there, and the new ones.

    It reads one at a time, since the trials of many sets would not fit into memory together.
    """
    if len({plot_name(name) for name in tests}) < len(tests):
        raise FadError("two test sets differ only in / and _: rename one, they would share a plot")
    for name, earlier in _earlier(exp).items():
        data, asv_file = Path(earlier["data"]), earlier.get("asv_file")
        if plot_name(name) in map(plot_name, tests):
            continue
        try:
            found = ScoredSet(name, read_trials(exp, name, data), data, asv_file and Path(asv_file))
        except FadError as error:
            logging.warning("%s is no longer reported: %s", name, error)
            continue
        yield found
        del found
    for name, data in tests.items():
        yield ScoredSet(name, read_trials(exp, name, data), data, asv_files.get(name))


def _earlier(exp: ExperimentDir) -> dict[str, Any]:
    """The test sets of the results that are there; none, with a warning, if they are broken."""
    path = exp.results
    if not path.is_file():
        return {}
    try:
        return read_results(path)["test_sets"]
    except FadError as error:
        logging.warning("%s (its other test sets are no longer reported)", error)
        return {}


def _evaluate_set(
    test_set: ScoredSet, trained: Set[str] | None, calibration: Calibration | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What results.json and curves.json hold of a set; a set of one class has no curves."""
    trials, data = test_set.trials, test_set.data
    asv = None
    if test_set.asv_file:
        if "phase" in trials.columns:
            raise FadError(
                f"{test_set.asv_file}: ASV scores say no phases, but {data}/utt2phase does: take "
                "them away, and give them to python -m fad.bin.evaluate with their --asv_key"
            )
        asv = read_asv_scores(test_set.asv_file, attacks=trials.spoof_attacks())
    found = _provenance(Path(trials.name), test_set) | evaluate(
        trials, asv, trained, one_class_threshold=dev_threshold(calibration), sign_known=True
    )
    if "one_class" in found:
        return found, None
    trials = of_phase(trials, found.get("phase"))
    ratios = None
    if calibration:
        found["calibrated"] = calibrated_results(trials, calibration)
        ratios = calibration.llr(trials.scores)
        if not calibration.has_information:
            found["warnings"].append(f"the calibration has no information: {NO_SLOPE}")
    return found, set_curves(trials, trained, ratios, paths(data))


def read_trials(exp: ExperimentDir, name: str, data: Path) -> Trials:
    """The scores of a set joined with its tables.

    Raises:
        FadError: the scores or a table are missing or malformed, their utterances differ, or the
            scores are of other weights or of other audio.
    """
    path = exp.scores(name)
    if not path.is_file():
        raise FadError(f"{path}: not there: score the set first (stage 4)")
    check_scores(exp, path, data)
    scores, labels = read_scores(path).scores, read_labels(data / "utt2label")
    return make_trials(str(path), scores, labels, read_columns(data), column_files(data))


def _provenance(scores: Path, test_set: ScoredSet) -> dict[str, Any]:
    """The scores and the data of a set's results, and the number of clips left out."""
    errors = test_set.data / "errors"  # stage 2's list of clips that it could not read
    return {
        "scores_sha256": sha256_file(scores),
        "trials_sha256": trials_sha256(test_set.trials),
        "data": str(test_set.data),
        "asv_file": None if test_set.asv_file is None else str(test_set.asv_file),
        "skipped_clips": len(read_table(errors)) if errors.is_file() else 0,
    }


def paths(data: Path) -> dict[str, str]:
    """Paths of the audio of a data directory, by utterance; empty without a wav.scp."""
    scp = data / "wav.scp"
    return read_wav_scp(scp) if scp.is_file() else {}


def plot_name(name: str) -> str:
    """File name of a set's DET plot; the slash of another recipe's set becomes an underscore."""
    return f"det_{name.replace('/', '_')}.png"
