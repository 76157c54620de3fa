"""Which weights gave a set's scores, so that they are not taken for another model's."""

from pathlib import Path

from fad.errors import FadError
from fad.files import sha256_file, write_text

WEIGHTS = "best.safetensors"


def record_weights(model: Path, scores: Path) -> None:
    """Writes the sha256 of the weights in `model` beside a set's scores."""
    write_text(_record(scores), f"{sha256_file(model / WEIGHTS)}  {WEIGHTS}\n")


def check_weights(exp: Path, scores: Path) -> None:
    """Checks that scores are of the weights that are in `exp` now.

    Raises:
        FadError: they are of others, or nobody knows.
    """
    record = _record(scores)
    if not (exp / WEIGHTS).is_file():
        raise FadError(f"{exp / WEIGHTS}: missing: run stage 3 first")
    if not record.is_file():
        raise FadError(f"{scores}: without {record.name} beside it: run stage 4 again")
    if record.read_text(encoding="utf-8").split()[:1] != [sha256_file(exp / WEIGHTS)]:
        raise FadError(f"{scores}: of other weights than {exp / WEIGHTS}: run stage 4 again")


def _record(scores: Path) -> Path:
    return scores.with_name(f"{scores.name}.weights.sha256")
