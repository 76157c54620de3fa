"""How much of a test set a model has met in training, in words."""

from collections.abc import Mapping

from fad.data.leaks import Overlap


def warnings_of_met(met: Overlap | None) -> list[str]:
    """A warning for each kind of leak."""
    if met is None:
        return []
    found = {"clips are also in the training set": met.clips}
    found |= {"speakers are also in the training set": met.speakers}
    return [
        f"{count} of its {what}: the error rates look better than they are"
        for what, count in found.items()
        if count
    ]


def met_sentence(found: Mapping[str, int] | None) -> str:
    """What the report says of leaks, also where there are none.

    Args:
        found: `met_in_training` of results.json.
    """
    if found is None:
        return "Leaks are not known: the training data are not in this recipe's dump any more."
    return f"Also in the training set: {found['clips']} clips, {found['speakers']} known speakers."
