"""Reads wav2vec 2.0 models in Hugging Face's format, of XLS-R's kind: a folder, or its weights.

Nothing of the `transformers` package is used, and no code that may lie in the folder.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from fad.encoders.huggingface_config import read_model_config, read_normalize
from fad.encoders.huggingface_names import MERGE, to_fairseq_names
from fad.encoders.pickled import check_fetched, load_pickled, one_line
from fad.encoders.pretrained import Checkpoint, shown
from fad.utils.errors import FadError
from fad.utils.json_files import parse_json
from fad.utils.memory import let_pass

CONFIG = "config.json"
# A feature extractor saved by itself, or, since transformers 5, with a tokenizer around it.
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
INDEX = ".index.json"
ADAPTER = "adapter_model.safetensors"
# In the order in which they are looked for; the second and fourth list the files of a large model.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
WEIGHTS_IN_ORDER = tuple(name + end for name in WEIGHTS for end in ("", INDEX))

NORMALIZE_EPS = 1e-7  # of transformers' Wav2Vec2FeatureExtractor

MAX_JSON = 2**24  # bytes: hundreds of times the largest there is


@dataclass(frozen=True)
class ModelFiles:
    """All files that are read of a model.

    Attributes:
        config: `config.json`.
        preprocessor: `preprocessor_config.json` or `processor_config.json`, where there is one.
        weights: one file, or the parts that an index lists, by name.
    """

    config: Path
    preprocessor: Path | None
    weights: tuple[Path, ...]

    def by_role(self) -> list[tuple[str, Path]]:
        """Each file with what it is for; names do not matter, but for the order of the parts."""
        roles = [("config", self.config)]
        roles += [("preprocessor", self.preprocessor)] if self.preprocessor else []
        return roles + [("weights", path) for path in self.weights]


def is_huggingface(path: Path) -> bool:
    """Whether it is a folder, or has the name of Hugging Face's weights or of their index."""
    return path.is_dir() or path.suffix in (".safetensors", ".bin") or path.name.endswith(INDEX)


def find_model_files(path: Path) -> ModelFiles:
    """The files of the model in a folder, or of the one whose weights are given.

    Raises:
        FadError: `config.json` or the weights are missing, or the index leaves the folder.
    """
    folder = path if path.is_dir() else path.parent
    found = [folder / name for name in WEIGHTS_IN_ORDER if (folder / name).is_file()]
    if path.is_dir() and not found and (path / ADAPTER).is_file():
        raise FadError(f"{path}: has {ADAPTER}, PEFT's adapter without its model: {MERGE}")
    if path.is_dir() and not found:
        raise FadError(
            f"{path}: has no {' or '.join(WEIGHTS)}: give a Hugging Face model's folder, or the "
            "path of a fairseq .pt file"
        )
    weights = found[0] if path.is_dir() else path
    config = folder / CONFIG
    if not config.is_file():
        raise FadError(
            f"{weights}: put the model's {CONFIG} beside it (and its {PREPROCESSORS[0]}, if it has "
            "one)"
        )
    preprocessors = [folder / name for name in PREPROCESSORS if (folder / name).is_file()]
    parts = _parts(weights) if weights.name.endswith(INDEX) else (weights,)
    return ModelFiles(config, preprocessors[0] if preprocessors else None, parts)


def read_huggingface(path: Path) -> Checkpoint:
    """Reads a model saved from `Wav2Vec2Model` or from a class with heads around it.

    Raises:
        FadError: a file is missing, cut short, would run code, or is of another kind of model.
    """
    files = find_model_files(path)
    model_cfg, conv_layers = read_model_config(_read_json(files.config), files.config)
    preprocessor = _read_json(files.preprocessor) if files.preprocessor else None
    normalize = read_normalize(preprocessor, files.preprocessor or path)
    state: dict[str, Tensor] = {}
    for part in files.weights:
        tensors = _read_tensors(part)
        twice = sorted(set(tensors) & set(state))
        if twice:
            raise FadError(f"{part}: has {shown(twice[0])}, as another part of the model does")
        state |= tensors
    named = to_fairseq_names(state, path)
    return Checkpoint(path, model_cfg, conv_layers, normalize, named, NORMALIZE_EPS)


def _parts(index: Path) -> tuple[Path, ...]:
    """The files that an index lists, which must lie beside it."""
    listed = _read_json(index).get("weight_map")
    names = set(listed.values()) if isinstance(listed, dict) and _all_text(listed) else set()
    for name in names:
        # A name with a slash, or `..`, would make this read a file that is not the model's.
        if name != Path(name).name or not name.endswith(tuple(Path(w).suffix for w in WEIGHTS)):
            raise FadError(f"{index}: lists {shown(name)}, which is no weights file beside it")
        if not (index.parent / name).is_file():
            raise FadError(f"{index}: lists {shown(name)}, which is missing: fetch it too")
    if not names:
        raise FadError(f"{index}: has no 'weight_map' from tensors to files")
    return tuple(index.parent / name for name in sorted(names))


def _all_text(listed: dict[str, Any]) -> bool:
    return all(isinstance(name, str) for name in listed.values())


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object; NaN and infinity, which JSON does not have, are refused."""
    try:
        if path.stat().st_size > MAX_JSON:
            raise ValueError(f"over {MAX_JSON:,} bytes")
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FadError(f"{path}: not readable as JSON: {one_line(error)}") from None
    if not isinstance(content, dict):
        raise FadError(f"{path}: expected a JSON object, has {shown(content)}")
    return content


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of one weights file by their names, mapped where the format allows it."""
    if path.suffix == ".safetensors":
        check_fetched(path)
        try:
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except Exception as error:  # a damaged file makes safetensors and torch raise all sorts
            let_pass(error)
            raise FadError(
                f"{path}: not a readable checkpoint (cut short? fetch it again): {one_line(error)}"
            ) from None
    state = load_pickled(path)
    good = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    if not good:
        raise FadError(
            f"{path}: holds more than named tensors, so is not Hugging Face's; a fairseq "
            "checkpoint needs a name in .pt"
        )
    logging.debug("%s: %d tensors", path, len(state))
    return state
