"""RESULTS.md: the results of one experiment in Markdown."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from fad.evaluation.results.attack_names import with_short_attacks
from fad.evaluation.results.met import met_sentence
from fad.evaluation.results.one_class import one_class_sentence
from fad.evaluation.results.tables import (
    asv_sentence,
    calibrated_sentence,
    calibrated_table,
    cost_table,
    counted,
    decimal,
    error_table,
    group_table,
    interval,
    phase_table,
    whole,
)
from fad.evaluation.results.text import for_markdown, markdown_table

Results = Mapping[str, Any]

MAX_ROWS = 40
UNKNOWN_CODE = "unknown: no git working tree"

HOW_TO_READ = """## How to read this

- **Score**: logit of bona fide minus logit of spoof, so higher means more bona fide.
- **EER**: mean of miss and false alarm rate at the threshold where they are closest. 0 is perfect,
  50 % is chance; above 50 % it is worse than chance.
- **Threshold**: the score of that point; a trial above it is accepted as bona fide. It is found on
  the test set itself and so describes it. Choose the threshold of a system on other data.
- **Seen, unseen**: whether the training data have the attack, of the same corpus.
- **By attack** an attack's spoofs are measured against all bona fide trials; by codec, language,
  length or speaker a group's spoofs are measured against the group's own bona fide trials. The
  macro-average is the mean of the groups' EERs; `-` is a group without trials of both classes.
- **Interval**: percentiles of the EER over bootstrap samples of the units in the next column, both
  classes resampled separately. With no error it is 0 to 0, however few the trials: see the counts.
- **\\*** meaningful only for scores calibrated as log-likelihood ratios; these are not calibrated.
- **Calibrated** costs are of llr = scale * score + offset, fitted only on the dev set; `at best` is
  the lowest cost of any calibration on these trials. It holds as far as dev is like the test set.
- Costs: minDCF and actDCF use P_spoof 0.05, C_miss 1, C_fa 10. Cllr 1 is the cost of a detector
  without information; min Cllr is the cost after the best possible calibration. min t-DCF depends
  on the ASV system: compare it only for the same ASV scores.
"""


def _experiment(results: Results, cost: Results) -> str:
    """The experiment: configuration, encoder, code, data, parameters and cost."""
    parameters, best, config = results["parameters"], results["best"], results["config"]
    pretrained, data = results["pretrained"], results["training_data"]
    changed = ", ".join(f"{key} {value}" for key, value in results["settings"].items())
    rows = [
        ["config", f"{results['config_name']} (adaptation {results['adaptation']})"],
        ["other settings than its", changed or "none"],
        ["back-end", str(config["backend"])],
        ["seed", str(results["seed"])],
        ["encoder", f"{config['encoder']} of {_file_name(pretrained)}"],
        ["pre-trained file, sha256", pretrained.get("sha256") or "none"],
        ["code of training", results["trained_with"] or UNKNOWN_CODE],
        ["code of results", results["git"] or UNKNOWN_CODE],
        ["trained on", _training_data(data)],
        ["parameters in all", whole(parameters["total"])],
        ["trainable", f"{whole(parameters['trainable'])}{_fewer(parameters)}"],
        ["- in the adaptation", whole(parameters["adaptation"])],
        ["- in the back-end", whole(parameters["backend"])],
        ["best epoch", f"{best['epoch']} (dev EER {100 * best['dev_eer']:.2f} %)"],
        ["training", f"{counted(cost['epochs'], 'epoch')} on {cost['device']}{_processes(cost)}"],
        ["seconds an epoch", decimal(cost["seconds_per_epoch"], 1)],
        ["peak memory (MB)", whole(cost["peak_memory_mb"])],
    ]
    return markdown_table(["experiment", "value"], rows)


def _file_name(pretrained: Results) -> str:
    return PurePath(pretrained["path"]).name if pretrained["path"] else "no pre-trained file"


def _training_data(data: Results | None) -> str:
    if data is None:
        return "not known"
    return (
        f"{whole(data['bonafide'])} bona fide and {whole(data['spoof'])} spoofed clips, "
        f"{counted(data['speakers'], 'speaker')}, attacks {', '.join(data['attacks'])}"
    )


def _processes(cost: Results) -> str:
    return f", {cost['processes']} processes" if cost["processes"] > 1 else ""


def _fewer(parameters: Results) -> str:
    """How many times fewer parameters are trained than the model has; empty if not fewer."""
    ratio = parameters["ratio"]
    return f" ({ratio:,.1f} times fewer)" if ratio and ratio >= 1.05 else ""


def _sets_table(sets: Mapping[str, Results]) -> str:
    """A table of all sets, for cross-corpus results; the macro-average is over sets."""
    header = ["test set", "bona fide", "spoof", "EER %", "95 % interval", "min Cllr (bits)"]
    rows = [
        [
            name,
            whole(found["bonafide"]),
            whole(found["spoof"]),
            decimal(found["eer_percent"]),
            interval(found),
            decimal(found.get("min_cllr_bits"), 4),
        ]
        for name, found in sets.items()
    ]
    rated = [found for found in sets.values() if "one_class" not in found]
    means = [
        decimal(sum(found[key] for found in rated) / len(rated) if rated else None, digits)
        for key, digits in (("eer_percent", 2), ("min_cllr_bits", 4))
    ]
    rows.append(["macro-average", "-", "-", means[0], "-", means[1]])
    return "## All test sets\n\n" + markdown_table(header, rows)


def _test_set(name: str, found: Results, plot: str | None) -> str:
    """One set: warnings, error rates, costs, attacks and plot."""
    parts = [f"## {for_markdown(name)}"]
    parts += [f"**Warning: {for_markdown(warning)}**" for warning in found["warnings"]]
    if found["skipped_clips"]:
        parts.append(
            f"{counted(found['skipped_clips'], 'clip')} could not be read and are left out."
        )
    parts.append(met_sentence(found.get("met_in_training")))
    if "phases" in found:
        parts.append(markdown_table(*phase_table(found)))
    if "one_class" in found:
        parts.append(one_class_sentence(found))
    else:
        parts += [markdown_table(*error_table(found)), markdown_table(*cost_table(found))]
    parts += [asv_sentence(found)] if found.get("asv") else []
    if "calibrated" in found:
        parts += ["### Calibrated", markdown_table(*calibrated_table(found))]
        parts += [calibrated_sentence(found)]
    for column, part in found["by"].items():
        parts += [
            f"### By {for_markdown(column)}, against {part['against']}",
            _groups(found, column),
        ]
    parts += [f"![DET curves on {for_markdown(name)}]({plot})"] if plot else []
    return "\n\n".join(parts)


def _groups(found: Results, column: str) -> str:
    """The table of a column; only its macro-average if the table would fill pages."""
    part = found["by"][column]
    if len(part["groups"]) <= MAX_ROWS:
        return markdown_table(*group_table(found, column))
    text = f"{len(part['groups'])} groups, listed in results.json"
    if part["macro_eer_percent"] is None:
        return f"{text}."
    return f"{text}; the macro-average of their EERs is {part['macro_eer_percent']:.2f} %."


def results_md(results: Results, cost: Results, plots: Mapping[str, str]) -> str:
    """The page.

    Args:
        results: the contents of results.json (see `fad.evaluation.results.experiment`).
        cost: the contents of cost.json (see `fad.experiment.summary`).
        plots: file name of the DET plot by set; a set of one class has none.
    """
    [results] = with_short_attacks([results])
    sets = results["test_sets"]
    parts = [f"# Results of {for_markdown(results['tag'])}", _experiment(results, cost)]
    parts += [_sets_table(sets)] if len(sets) > 1 else []
    parts += [_test_set(name, found, plots.get(name)) for name, found in sets.items()]
    return "\n\n".join([*parts, HOW_TO_READ])
