"""Which weights gave a set's scores, so that they are not taken for another model's.

`<set>.weights.sha256` is for `sha256sum --check`, which passes over a line that begins with #. In
such a line stand precision and cost (`int8`, `fp32-compute2`), where they are not float32 and all.
"""

import re
from pathlib import Path

from fad.inference.options import FP32
from fad.utils.errors import FadError
from fad.utils.files import sha256_file, write_text

CONFIG, WEIGHTS = "config.yaml", "best.safetensors"
_LINE = re.compile(rb"(?:# precision [a-z0-9-]+\n)?([0-9a-f]{64})  best\.safetensors\n")


def identity(model: Path, precision: str = FP32) -> list[str]:
    """What scores depend on beside the audio, as lines; the weights name the pre-trained file.

    Raises:
        FadError: it is no model.
    """
    lines = [f"precision {precision}"]
    for path in (model / CONFIG, model / WEIGHTS):
        if not path.is_file():
            raise FadError(f"{path}: missing: --model takes an exp/<tag> that stage 3 has made")
        lines.append(f"{path.name} {sha256_file(path)}")
    return lines


def record_weights(model: Path, scores: Path, precision: str = FP32) -> None:
    """Writes the sha256 of the weights in `model` beside a set's scores, and their precision."""
    note = "" if precision == FP32 else f"# precision {precision}\n"
    write_text(_record(scores), f"{note}{sha256_file(model / WEIGHTS)}  {WEIGHTS}\n")


def recorded_weights(scores: Path) -> str | None:
    """The sha256 of the weights that gave a set's scores, None where nobody knows.

    Raises:
        FadError: what stands beside the scores is no such record.
    """
    record = _record(scores)
    if not record.is_file():
        return None
    found = _LINE.fullmatch(record.read_bytes())
    if not found:
        raise FadError(f"{record}: no sha256 of weights: score the set again")
    return found[1].decode()


def check_weights(exp: Path, scores: Path) -> None:
    """Checks that scores are of the weights that are in `exp` now.

    Raises:
        FadError: they are of others, or nobody knows.
    """
    if not (exp / WEIGHTS).is_file():
        raise FadError(f"{exp / WEIGHTS}: missing: run stage 3 first")
    recorded = recorded_weights(scores)
    if recorded is None:
        raise FadError(f"{scores}: without {_record(scores).name} beside it: run stage 4 again")
    if recorded != sha256_file(exp / WEIGHTS):
        raise FadError(f"{scores}: of other weights than {exp / WEIGHTS}: run stage 4 again")


def _record(scores: Path) -> Path:
    return scores.with_name(f"{scores.name}.weights.sha256")
