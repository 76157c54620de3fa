"""A Hugging Face `config.json` in fairseq's words; any other kind than XLS-R's is refused."""

import logging
from pathlib import Path
from typing import Any

from fad.encoders.pretrained import is_conv_layers, is_size, shown
from fad.utils.errors import FadError

SAMPLE_RATE = 16000

# Hugging Face's key -> fairseq's, and the default of transformers' `Wav2Vec2Config`.
SIZES = {
    "num_hidden_layers": ("encoder_layers", 12),
    "hidden_size": ("encoder_embed_dim", 768),
    "intermediate_size": ("encoder_ffn_embed_dim", 3072),
    "num_attention_heads": ("encoder_attention_heads", 12),
    "num_conv_pos_embeddings": ("conv_pos", 128),
    "num_conv_pos_embedding_groups": ("conv_pos_groups", 16),
}
CONVOLUTIONS = {
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
}
# What the running encoder is made of, with transformers' default for a key that is not given.
NEEDED = {
    "feat_extract_norm": ("layer", "group"),
    "do_stable_layer_norm": (True, False),
    "feat_extract_activation": ("gelu", "gelu"),
    "hidden_act": ("gelu", "gelu"),
    "layer_norm_eps": (1e-5, 1e-5),
}


def read_model_config(
    config: dict[str, Any], path: Path
) -> tuple[dict[str, Any], tuple[tuple[int, int, int], ...]]:
    """The model's config by fairseq's keys, and its convolutions.

    Args:
        config: the content of `config.json`.
        path: where it was read.

    Raises:
        FadError: another kind of model, or values that no such model has.
    """
    if config.get("model_type") != "wav2vec2":
        raise FadError(
            f"{path}: model_type is {shown(config.get('model_type'))}: only 'wav2vec2' is read "
            "(XLS-R, XLSR-53, MMS)"
        )
    for key, (needed, default) in NEEDED.items():
        found = config.get(key, default)
        if type(found) is not type(needed) or found != needed:
            raise FadError(
                f"{path}: {key} is {shown(found)}, and only {needed!r} is read of Hugging Face's "
                "models (XLS-R, XLSR-53, MMS); for wav2vec 2.0 BASE give fairseq's own file, with "
                "'encoder: fairseq_xlsr'"
            )
    conv_bias = config.get("conv_bias", False)
    if type(conv_bias) is not bool:
        raise FadError(f"{path}: conv_bias is {shown(conv_bias)}, not true or false")
    conv_layers = _conv_layers(config, path)
    model_cfg = {
        "_name": "wav2vec2",
        "extractor_mode": "layer_norm",
        "layer_norm_first": True,
        "activation_fn": "gelu",
        "conv_bias": conv_bias,
        "conv_feature_layers": repr(list(conv_layers)),
    }
    for key, (ours, default) in SIZES.items():
        value = config.get(key, default)
        if not is_size(value):
            raise FadError(f"{path}: {key} is {shown(value)}, not a whole number from 1 to 65535")
        model_cfg[ours] = value
    return model_cfg, conv_layers


def read_normalize(preprocessor: dict[str, Any] | None, path: Path) -> bool:
    """Whether waveforms are normalised, from `preprocessor_config.json` or `processor_config.json`.

    Without that file, or without the key in it, they are: so were all models of XLS-R's kind (those
    with a LayerNorm in the frontend) in their pre-training, and it is transformers' default.

    Raises:
        FadError: a flag that is not one, or another sampling rate than 16 kHz.
    """
    if preprocessor is None:
        logging.info(
            "%s: no preprocessor_config.json: audio is normalised, as in the pre-training of every "
            "model with LayerNorm in its frontend",
            path,
        )
        return True
    extractor = preprocessor.get("feature_extractor", preprocessor)
    if not isinstance(extractor, dict):
        raise FadError(f"{path}: feature_extractor is {shown(extractor)}, not a JSON object")
    rate = extractor.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise FadError(f"{path}: sampling_rate is {shown(rate)}: only 16000 is read")
    normalize = extractor.get("do_normalize", True)
    if type(normalize) is not bool:
        raise FadError(f"{path}: do_normalize is {shown(normalize)}, not true or false")
    return normalize


def _conv_layers(config: dict[str, Any], path: Path) -> tuple[tuple[int, int, int], ...]:
    lists = {key: config.get(key, default) for key, default in CONVOLUTIONS.items()}
    good = all(isinstance(values, list) for values in lists.values())
    if good and len({len(values) for values in lists.values()}) == 1:
        layers = tuple(zip(*lists.values(), strict=True))
        if is_conv_layers(layers):
            return layers
    listed = ", ".join(f"{key} {shown(values)}" for key, values in lists.items())
    raise FadError(
        f"{path}: the convolutions are not lists of one length, at most 32, of whole numbers from "
        f"1 to 65535: {listed}"
    )
