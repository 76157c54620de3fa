"""The random models of `tests.helpers.released` as transformers itself saves them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

WEIGHTS = "model.safetensors"
NEW_SPELLING = ("parametrizations.weight.original0", "parametrizations.weight.original1")
OLD_SPELLING = ("weight_g", "weight_v")

# fairseq's names -> Hugging Face's, by plain replacement, in this order.
REPLACED = (
    ("self_attn_layer_norm", "layer_norm"),
    ("self_attn.", "attention."),
    ("fc1", "feed_forward.intermediate_dense"),
    ("fc2", "feed_forward.output_dense"),
    ("pos_conv.0.weight_g", "pos_conv_embed.conv.parametrizations.weight.original0"),
    ("pos_conv.0.weight_v", "pos_conv_embed.conv.parametrizations.weight.original1"),
    ("pos_conv.0.bias", "pos_conv_embed.conv.bias"),
    (".2.1.", ".layer_norm."),
    (".0.weight", ".conv.weight"),
    (".0.bias", ".conv.bias"),
    ("post_extract_proj", "feature_projection.projection"),
    ("mask_emb", "masked_spec_embed"),
    ("quantizer.vars", "quantizer.codevectors"),
    ("final_proj", "project_hid"),
)


def transformers_config(shape: dict[str, Any], **more: Any):
    """transformers' config of a shape in fairseq's words, dropouts 0."""
    from transformers import Wav2Vec2Config

    convolutions = eval(shape["conv_feature_layers"])  # our own text, as fairseq does
    dropouts = ("hidden_dropout", "activation_dropout", "attention_dropout", "layerdrop")
    return Wav2Vec2Config(
        hidden_size=shape["encoder_embed_dim"],
        num_hidden_layers=shape["encoder_layers"],
        num_attention_heads=shape["encoder_attention_heads"],
        intermediate_size=shape["encoder_ffn_embed_dim"],
        num_conv_pos_embeddings=shape["conv_pos"],
        num_conv_pos_embedding_groups=shape["conv_pos_groups"],
        conv_dim=[layer[0] for layer in convolutions],
        conv_kernel=[layer[1] for layer in convolutions],
        conv_stride=[layer[2] for layer in convolutions],
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        codevector_dim=shape["final_dim"],
        proj_codevector_dim=shape["final_dim"],
        num_codevectors_per_group=shape["latent_vars"],
        num_codevector_groups=shape["latent_groups"],
        **dict.fromkeys((*dropouts, "feat_proj_dropout", "final_dropout"), 0.0) | more,
    )


def huggingface_state(state: dict[str, Tensor], prefix: str = "wav2vec2.") -> dict[str, Tensor]:
    """A fairseq state by Hugging Face's names, heads without the prefix."""
    return {_huggingface_name(name, prefix): value for name, value in state.items()}


def transformers_model(shape: dict[str, Any], state: dict[str, Tensor], heads: bool = True):
    """`Wav2Vec2ForPreTraining`, or `Wav2Vec2Model`, with the tensors of a fairseq state."""
    from transformers import Wav2Vec2ForPreTraining

    with torch.device("meta"):
        model = Wav2Vec2ForPreTraining(transformers_config(shape))
    model.load_state_dict(huggingface_state(state), strict=True, assign=True)
    return (model if heads else model.wav2vec2).eval()


def write_huggingface(
    folder: Path, shape: dict[str, Any], state: dict[str, Tensor], heads: bool = True
) -> Path:
    """Saves model and preprocessor as transformers does; returns the folder."""
    from transformers import Wav2Vec2FeatureExtractor

    transformers_model(shape, state, heads).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def _huggingface_name(name: str, prefix: str) -> str:
    head = name.startswith(("quantizer", "project", "final_proj"))
    if name.startswith("layer_norm"):
        name = f"feature_projection.{name}"
    for ours, theirs in REPLACED:
        name = name.replace(ours, theirs)
    return name if head else prefix + name


def edit_json(path: Path, **changes) -> None:
    """Changes keys of a JSON file; None takes one away."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: v for key, v in content.items() if v is not None}))


def respelt(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weight norm of the positional convolution as torch spelt it before 2.0."""
    for new, old in zip(NEW_SPELLING, OLD_SPELLING, strict=True):
        state = {name.replace(new, old): value for name, value in state.items()}
    return state


def write_weights(folder: Path, state: dict[str, Tensor], kind: str) -> Path:
    """Puts a state in the folder: `safetensors`, `bin`, or `old bin`, before torch's zip format."""
    (folder / WEIGHTS).unlink(missing_ok=True)
    if kind == "safetensors":
        save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
        return folder / WEIGHTS
    zipped = kind == "bin"
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    return folder / "pytorch_model.bin"


def in_parts(folder: Path, state: dict[str, Tensor], *names: str) -> Path:
    """Shares the tensors among `pytorch_model.bin`'s parts and writes their index."""
    (folder / WEIGHTS).unlink(missing_ok=True)
    shares = {name: dict(list(state.items())[k :: len(names)]) for k, name in enumerate(names)}
    for name, share in shares.items():
        torch.save(share, folder / name)
    listed = {tensor: name for name, share in shares.items() for tensor in share}
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    return index
