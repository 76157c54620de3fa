"""Hugging Face's names of a wav2vec 2.0 model's tensors, and fairseq's."""

import logging
import re
from pathlib import Path

from torch import Tensor

from fad.encoders.pretrained import shown
from fad.utils.errors import FadError

PREFIX = "wav2vec2."  # of the model inside one with heads
BLOCK = r"encoder\.layers\.([0-9]+)\."
CONV = r"feature_extractor\.conv_layers\.([0-9]+)\."
POS_CONV = r"encoder\.pos_conv_embed\.conv\."
ENDS = r"(weight|bias)"

# Hugging Face's -> fairseq's.
NAMES = {
    r"masked_spec_embed": r"mask_emb",
    CONV + r"conv\." + ENDS: r"feature_extractor.conv_layers.\1.0.\2",
    CONV + r"layer_norm\." + ENDS: r"feature_extractor.conv_layers.\1.2.1.\2",
    r"feature_projection\.layer_norm\." + ENDS: r"layer_norm.\1",
    r"feature_projection\.projection\." + ENDS: r"post_extract_proj.\1",
    # Weight norm as torch spelt it before 2.0, and since: g is the length, v the direction.
    POS_CONV + r"(?:weight_g|parametrizations\.weight\.original0)": r"encoder.pos_conv.0.weight_g",
    POS_CONV + r"(?:weight_v|parametrizations\.weight\.original1)": r"encoder.pos_conv.0.weight_v",
    POS_CONV + r"bias": r"encoder.pos_conv.0.bias",
    r"encoder\.layer_norm\." + ENDS: r"encoder.layer_norm.\1",
    BLOCK + r"attention\.([qkv]|out)_proj\." + ENDS: r"encoder.layers.\1.self_attn.\2_proj.\3",
    BLOCK + r"layer_norm\." + ENDS: r"encoder.layers.\1.self_attn_layer_norm.\2",
    BLOCK + r"feed_forward\.intermediate_dense\." + ENDS: r"encoder.layers.\1.fc1.\2",
    BLOCK + r"feed_forward\.output_dense\." + ENDS: r"encoder.layers.\1.fc2.\2",
    BLOCK + r"final_layer_norm\." + ENDS: r"encoder.layers.\1.final_layer_norm.\2",
    # The heads of `Wav2Vec2ForPreTraining`: counted, as in fairseq's files.
    r"quantizer\.codevectors": r"quantizer.vars",
    r"quantizer\.weight_proj\." + ENDS: r"quantizer.weight_proj.\1",
    r"project_q\." + ENDS: r"project_q.\1",
    r"project_hid\." + ENDS: r"final_proj.\1",
}
# What other classes have around the model, or, as `adapter`, after its last block: not used here.
HEADS = (
    "lm_head.",
    "adapter.",
    "classifier.",
    "projector.",
    "layer_weights",
    "tdnn.",
    "objective.",
)
# MMS's adapters lie in each block and add to its output.
IN_BLOCKS = (".adapter_layer.", "adapter_attn")


# How a model that PEFT adapted becomes a plain one.
MERGE = "merge it where it was made (model.merge_and_unload().save_pretrained(DIR)) and give DIR"


def _check_wrapped(name: str, path: Path) -> None:
    """Says which library wrapped the model, where a name shows it."""
    if name.startswith("base_model.model.") or ".base_layer." in name or ".lora_" in name:
        raise FadError(f"{path}: {shown(name)} is PEFT's name: {MERGE}")
    if name.startswith("module."):
        raise FadError(
            f"{path}: {shown(name)} is a name of DataParallel's: save model.module there, "
            "with save_pretrained(DIR), and give DIR"
        )


def to_fairseq_names(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The same tensors by fairseq's names.

    What lies around the model (`lm_head` of `Wav2Vec2ForCTC`, a classifier) is left out, and the
    log says so. Inside the model nothing is left out: with the language adapters of MMS's
    fine-tuned models left out, the blocks would be those of another model, and with them the
    encoder would be one language's; such a file is refused.

    Raises:
        FadError: language adapters, names of PEFT's or DataParallel's, a name that no such model
            has, or two names for one tensor.
    """
    named: dict[str, Tensor] = {}
    left_out = []
    # Where the prefix is used, what lacks it is a head.
    prefixed = any(name.startswith(PREFIX) for name in state)
    for name, value in state.items():
        _check_wrapped(name, path)
        if any(part in name for part in IN_BLOCKS):
            raise FadError(
                f"{path}: has MMS's language adapters in its blocks ({shown(name)}) and is another "
                "model without them; take the pre-trained one (mms-300m, mms-1b)"
            )
        bare = name.removeprefix(PREFIX)
        ours = _rename(bare)
        if ours in named:
            raise FadError(f"{path}: has two tensors for one, the second is {shown(name)}")
        if ours is not None:
            named[ours] = value
        elif bare.startswith(HEADS) or (prefixed and bare == name):
            left_out.append(name)
        else:
            raise FadError(f"{path}: {shown(name)} is not a tensor of a wav2vec 2.0 model")
    if left_out:
        logging.info("%s: not used: %s", path, ", ".join(sorted(left_out)[:10]))
    return named


def _rename(name: str) -> str | None:
    for pattern, ours in NAMES.items():
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours)
    return None
