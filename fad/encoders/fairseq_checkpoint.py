"""Reads a checkpoint of fairseq's (`cfg`, or the older `args`, and `model`), running none of it."""

import argparse
import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fad.encoders.pickled import load_pickled, one_line
from fad.encoders.pretrained import DEFAULTS, MAX_CONV_LAYERS, Checkpoint, is_conv_layers, shown
from fad.utils.errors import FadError
from fad.utils.memory import let_pass


def read_fairseq(path: Path) -> Checkpoint:
    """Reads a fairseq wav2vec 2.0 checkpoint.

    Raises:
        FadError: the file is missing, cut short, holds anything but plain values and tensors, or is
            not of a wav2vec 2.0 model.
    """
    content = load_pickled(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise FadError(f"{path}: not a fairseq checkpoint: {_what_it_is(content)}")
    state = content["model"]
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise FadError(f"{path}: not a fairseq checkpoint: 'model' holds more than tensors")
    model_cfg, normalize = _plain_config(content, path)
    # WavLM's files have the model's config as `cfg` itself.
    _check_kind({**_plain(content.get("cfg"), path), **model_cfg}, state, path)
    conv_layers = parse_conv_layers(
        model_cfg.get("conv_feature_layers", DEFAULTS["conv_feature_layers"]), path
    )
    return Checkpoint(path, model_cfg, conv_layers, normalize, state)


def _what_it_is(content: Any) -> str:
    """What a file without fairseq's `model` is, by its tensors' names, and what to give instead."""
    for value in [content, *(content.values() if isinstance(content, dict) else [])]:
        names = [str(name) for name in value] if isinstance(value, dict) else []
        around = [name.partition("feature_extractor.conv_layers.") for name in names]
        before = next((start for start, inside, _ in around if inside), None)
        if before:
            return (
                f"its tensors' names begin with {shown(before)}, so it is a trained detector or "
                "another model around the encoder; give the pre-trained file it was made from"
            )
        if before == "":
            return (
                "it has an encoder's tensors but no config (an export of S3PRL or torchaudio?); "
                "give fairseq's own .pt file or Hugging Face's folder"
            )
    return (
        "it has no 'model' with tensors (of Hugging Face's, give the folder with config.json and "
        "model.safetensors)"
    )


def _check_kind(model_cfg: dict[str, Any], state: dict[str, Any], path: Path) -> None:
    """Refuses relatives of wav2vec 2.0 that have most of its keys.

    Raises:
        FadError: a model fine-tuned for CTC or another task, or WavLM.
    """
    if any(name.startswith("w2v_encoder.") for name in state):
        kind = "CTC" if "ctc" in str(model_cfg.get("_name", "ctc")) else "another task"
        raise FadError(
            f"{path}: a model fine-tuned for {kind} (its names begin with 'w2v_encoder.'): give "
            "the pre-trained file that it was made from"
        )
    if model_cfg.get("relative_position_embedding") or any(
        "relative_attention_bias" in name for name in state
    ):
        raise FadError(
            f"{path}: not wav2vec 2.0: it has relative_position_embedding (WavLM?); give a model "
            "of XLS-R's kind"
        )


def parse_conv_layers(text: str, path: str | Path) -> tuple[tuple[int, int, int], ...]:
    """Reads `[(512, 10, 5)] + [(512, 3, 2)] * 4` without running it, as fairseq's `eval` would.

    Raises:
        FadError: anything but lists of triples of integers from 1 to 65535, added and repeated.
    """
    try:
        layers = _list_of(ast.parse(str(text), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        layers = []
    if not is_conv_layers(layers):
        raise FadError(
            f"{path}: conv_feature_layers is not a list of (channels, kernel, stride): "
            f"{shown(text)}; the file is refused"
        )
    return tuple(layers)


def _list_of(node: ast.expr) -> list[Any]:
    """A list literal, a sum of two lists, or a list times a small integer literal."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _list_of(node.left) + _list_of(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times = ast.literal_eval(node.right)
        if type(times) is not int or times < 1:
            raise ValueError("not a repeat")
        layers = _list_of(node.left)
        if len(layers) * times > MAX_CONV_LAYERS:  # repeats of repeats grow without bound
            raise ValueError("too many")
        return layers * times
    value = ast.literal_eval(node)
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _plain_config(content: dict[str, Any], path: Path) -> tuple[dict[str, Any], bool]:
    """The model's config and the normalize flag, from `cfg` or the older `args`."""
    cfg, args = content.get("cfg"), content.get("args")
    if cfg is not None:
        parts = _plain(cfg, path)
        model, task = _plain(parts.get("model"), path), _plain(parts.get("task"), path)
        return model, _flag(task, "normalize", path)
    if args is not None:
        model = _plain(args, path)
        return model, _flag(model, "normalize", path)
    raise FadError(f"{path}: not a fairseq checkpoint: it has neither 'cfg' nor 'args'")


def _plain(value: Any, path: Path) -> dict[str, Any]:
    """A dict of a dict, a Namespace or an OmegaConf container; `???`, not given, becomes None.

    Interpolations stay text: resolving `${oc.env:X}` would read the environment.
    """
    if isinstance(value, argparse.Namespace):
        return vars(value)
    try:
        value = _without_omegaconf(value)
    except Exception as error:  # a damaged container makes OmegaConf raise almost anything
        let_pass(error)
        raise FadError(
            f"{path}: not a fairseq checkpoint: its config is broken: {one_line(error)}"
        ) from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FadError(f"{path}: not a fairseq checkpoint: its config has {shown(value)}")
    return {
        key: None if isinstance(item, str) and item == "???" else item
        for key, item in value.items()
    }


def _without_omegaconf(value: Any) -> Any:
    omegaconf = sys.modules.get("omegaconf")  # imported where the file holds its containers
    if omegaconf is None or not omegaconf.OmegaConf.is_config(value):
        return value
    return omegaconf.OmegaConf.to_container(value, resolve=False)


def _flag(part: dict[str, Any], key: str, path: Path) -> bool:
    value = part.get(key)
    if not isinstance(value, int | None):
        raise FadError(f"{path}: {key} is {shown(value)} in its config, not true or false")
    return bool(value)
