"""RESULTS.md: the results of one experiment as a page to read."""

from collections.abc import Mapping
from typing import Any

from fad.report.summary import (
    asv_sentence,
    attack_table,
    cost_table,
    decimal,
    error_table,
    whole,
)
from fad.report.text import markdown_table

Results = Mapping[str, Any]

HOW_TO_READ = """## How to read this

- **Score**: logit of bona fide minus logit of spoof, so higher means more bona fide.
- **EER**: mean of miss and false alarm rate at the threshold where they are closest. 0 is perfect,
  50 % is chance; above 50 % the sign of the scores is inverted.
- **Threshold**: the score of that point; a trial above it is accepted as bona fide. It is found on
  the test set itself and so describes it. Choose the threshold of a system on other data.
- **Seen, unseen**: whether the attack's name occurs in the training data. An attack is measured by
  its spoofs against all bona fide trials.
- **Interval**: percentiles of the EER over bootstrap draws of what the next column says, classes
  kept apart. Where nothing went wrong it is 0 to 0, however few trials there are: see the counts.
- **\\*** meaningful only for scores calibrated as log-likelihood ratios; these are not calibrated.
- Costs: minDCF and actDCF use P_spoof 0.05, C_miss 1, C_fa 10. Cllr 1 is what a detector that
  knows nothing costs. min t-DCF depends on the ASV system: compare it only for the same ASV scores.
"""


def _experiment(results: Results, cost: Results) -> str:
    """What was run: configuration, code, parameters and cost."""
    parameters, best = results["parameters"], results["best"]
    rows = [
        ["config", f"{results['config_name']} (adaptation {results['adaptation']})"],
        ["seed", str(results["seed"])],
        ["code", results["git"] or "unknown: no git working tree"],
        ["pre-trained file, sha256", results["pretrained"].get("sha256") or "none"],
        ["parameters in all", whole(parameters["total"])],
        ["trainable", f"{whole(parameters['trainable'])} ({_fewer(parameters)})"],
        ["- in the adaptation", whole(parameters["adaptation"])],
        ["- in the back-end", whole(parameters["backend"])],
        ["best epoch", f"{best['epoch']} (dev EER {100 * best['dev_eer']:.2f} %)"],
        [
            "training",
            f"{cost['epochs']} epochs on {cost['device']}, {cost['processes']} process(es)",
        ],
        ["seconds an epoch", decimal(cost["seconds_per_epoch"], 1)],
        ["peak memory (MB)", whole(cost["peak_memory_mb"])],
    ]
    return markdown_table(["experiment", "value"], rows)


def _fewer(parameters: Results) -> str:
    if not parameters["trainable"]:
        return "none"
    return f"{parameters['ratio']:.1f} times fewer"


def _test_set(name: str, found: Results, plot: str) -> str:
    """One set: warnings, error rates, costs, attacks and plot."""
    parts = [f"## {name}"]
    parts += [f"**Warning: {warning}**" for warning in found["warnings"]]
    parts += [markdown_table(*error_table(found)), markdown_table(*cost_table(found))]
    parts += [asv_sentence(found)] if found.get("asv") else []
    if found["by_attack"]:
        parts += ["### By attack", markdown_table(*attack_table(found))]
    return "\n\n".join([*parts, f"![DET curves on {name}]({plot})"])


def results_md(results: Results, cost: Results, plots: Mapping[str, str]) -> str:
    """The page.

    Args:
        results: what results.json holds (see `fad.report.experiment`).
        cost: what cost.json holds (see `fad.report.training`).
        plots: file name of the DET plot by set.
    """
    sets = [_test_set(name, found, plots[name]) for name, found in results["test_sets"].items()]
    parts = [f"# Results of {results['tag']}", _experiment(results, cost), *sets, HOW_TO_READ]
    return "\n\n".join(parts)
