"""Pre-trained files that are cut short or of something else: each ends in one line."""

import torch
from torch import nn

from .fault import Fault
from .model_inputs import (
    checkpoint,
    compressed,
    config,
    count,
    cut,
    fairseq,
    huggingface,
    tensor,
    text,
    then,
    xlsr,
)

UNREADABLE = r"not a readable checkpoint \(cut short\? fetch it again\)"
NOT_FAIRSEQS = "not a fairseq checkpoint: "
UNFIT = "its tensors do not fit its config"
NO_TRANSFORMER = "its config is not one of a transformer: .*'"
LARGE = torch.zeros(1, dtype=torch.half).expand(2**40)  # two bytes in the file, terabytes as floats
NORM = "layer_norm.weight"


FAULTS = [
    Fault(
        "checkpoint: missing",
        lambda folder: folder / "none.pt",
        count,
        "none.pt: no such pre-trained file or folder; give --pretrained the path",
    ),
    Fault(
        "checkpoint: a name of the Hub",
        lambda folder: "facebook/wav2vec2-xls-r-300m",
        count,
        "r-300m: no such .*names of the Hugging Face Hub are not fetched: `hf download facebook/"
        "wav2vec2-xls-r-300m --local-dir DIR`, then --pretrained DIR",
    ),
    Fault(
        "checkpoint: an empty folder",
        lambda folder: folder,
        xlsr,
        "has no model.safetensors or pytorch_model.bin: give a Hugging Face model's folder",
    ),
    *(
        Fault(f"checkpoint: cut to {share:.2%}, {kind}", cut(checkpoint(**how), share), xlsr, says)
        for kind, how in (
            ("zip", {}),
            ("before zip", {"_use_new_zipfile_serialization": False}),
        )
        for share, says in ((0.0, UNREADABLE), (0.01, UNREADABLE), (0.5, UNREADABLE))
    ),
    Fault("checkpoint: cut by a byte", cut(checkpoint(), 0.99999), xlsr, UNREADABLE),
    Fault(
        "checkpoint: text",
        then(checkpoint(), text("model.pt", "<html>404</html>")),
        xlsr,
        "model.pt: not a PyTorch checkpoint; it begins with '<html>404</html>': fetch it again",
    ),
    Fault(
        "checkpoint: a pickle of no known opcodes",
        then(checkpoint(), lambda folder: (folder / "model.pt").write_bytes(b"\x80\x02\xff.")),
        xlsr,
        f"model.pt: {UNREADABLE}: Unsupported operand 255$",
    ),
    Fault(
        "checkpoint: compressed",
        compressed,
        xlsr,
        "model.pt: refused, since its parts are compressed, which torch.save never does; convert",
    ),
    *(
        Fault(
            f"checkpoint: git-lfs in {name}",
            then(make, text(name, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")),
            xlsr,
            f"{name}: a git-lfs pointer, not the file itself: run git lfs pull there",
        )
        for name, make in (
            ("model.pt", checkpoint()),
            ("model.safetensors", huggingface()),
            ("pytorch_model.bin", huggingface(weights="pytorch_model.bin")),
        )
    ),
    Fault(
        "Hugging Face: config.json as the model",
        lambda folder: f"{huggingface()(folder)}/config.json",
        xlsr,
        "config.json: is not the model: give --pretrained the folder .*",
    ),
    *(
        Fault(f"checkpoint: {what}", checkpoint(edit), xlsr, NOT_FAIRSEQS + says)
        for what, edit, says in (
            ("a list", lambda _: [1, 2], "it has no 'model' with tensors"),
            ("another model's state", lambda _: nn.Linear(3, 3).state_dict(), "it has no 'model'"),
            ("a model of lists", lambda _: {"model": [1]}, "it has no 'model' with tensors"),
            ("a model of text", lambda c: c["model"].update(a="b"), "'model' holds more than"),
            (
                "numbers for names",
                lambda c: c["model"].update({1: torch.zeros(1)}),
                "'model' holds",
            ),
            ("no config", lambda c: {"model": c["model"]}, "it has neither 'cfg' nor 'args'"),
            ("text for a config", lambda c: c.update(cfg="xlsr"), "its config has 'xlsr'"),
            ("a list for a config", lambda c: c["cfg"].update(model=[1]), r"its config has \[1\]"),
        )
    ),
    Fault(
        "checkpoint: a whole pickled module",
        checkpoint(lambda _: nn.Linear(3, 3)),
        xlsr,
        r"refused, since loading it would run code \(torch.nn.modules.linear.Linear\)",
    ),
    Fault(
        "checkpoint: of wav2vec 2.0 BASE",
        config("extractor_mode", "default"),
        xlsr,
        "extractor_mode is default, and .* 'xlsr' has only layer_norm .*'encoder: fairseq_xlsr'",
    ),
    Fault(
        "checkpoint: of a HuBERT's names",
        checkpoint(lambda c: {**c, "model": {"label_embs_concat": torch.zeros(9), **c["model"]}}),
        xlsr,
        f"{UNFIT}: .*label_embs_concat",
    ),
    Fault("checkpoint: a tensor too few", tensor(NORM, None), xlsr, f"{UNFIT}: .*{NORM}"),
    Fault("checkpoint: one too many", tensor("x.bias", torch.zeros(1)), xlsr, f"{UNFIT}: .*x.bias"),
    Fault("checkpoint: another shape", tensor(NORM, torch.ones(33)), xlsr, f"{UNFIT}: .*{NORM}"),
    Fault(
        "checkpoint: whole numbers",
        tensor(NORM, torch.ones(32, dtype=torch.int64)),
        xlsr,
        f"{NORM} is of type torch.int64: weights must be float32, float16 or bfloat16",
    ),
    *(
        Fault(
            f"checkpoint: {what} tensor",
            tensor(NORM, value),
            read,
            f"'{NORM}' is no plain tensor with all its values in the file: refused; save it again",
        )
        for what, value, read in (
            ("a sparse", torch.ones(32).to_sparse(), xlsr),
            ("an absent", torch.ones(32, device="meta"), xlsr),
            ("a small file of a terabyte", LARGE, xlsr),
            ("for fairseq, a terabyte", LARGE, fairseq),
        )
    ),
    *(
        Fault(f"checkpoint: {key} is {str(value)[:20]}", config(key, value), read, says + key)
        for key, value, read, says in (
            ("encoder_embed_dim", 0, xlsr, NO_TRANSFORMER),
            ("encoder_embed_dim", -48, xlsr, NO_TRANSFORMER),
            ("encoder_embed_dim", 2**40, xlsr, NO_TRANSFORMER),
            ("encoder_embed_dim", float("nan"), fairseq, NO_TRANSFORMER),
            ("encoder_embed_dim", 48.0, xlsr, NO_TRANSFORMER),
            ("encoder_layers", "many", xlsr, NO_TRANSFORMER),
            ("encoder_layers", 10**9, fairseq, NO_TRANSFORMER),
            ("encoder_layers", True, xlsr, NO_TRANSFORMER),
            ("encoder_attention_heads", 5, xlsr, NO_TRANSFORMER),
            ("conv_pos_groups", 0, fairseq, NO_TRANSFORMER),
        )
    ),
    *(
        Fault(
            f"checkpoint: {key} of another model, for {read.__name__}",
            config(key, value),
            read,
            UNFIT + says,
        )
        for key, value, read, says in (
            ("encoder_ffn_embed_dim", 65_535, xlsr, ": .*fc1.weight"),
            ("encoder_ffn_embed_dim", 20_000, fairseq, ", which is of a larger model: fetch"),
            ("pos_conv_depth", 10**9, fairseq, ", which is of a larger model: fetch"),
            ("encoder_layers", 3, xlsr, ": .*encoder.layers.2"),
        )
    ),
    Fault(
        "Hugging Face: no config.json",
        then(huggingface(), lambda folder: (folder / "config.json").unlink()),
        xlsr,
        "model.safetensors: put the model's config.json beside it",
    ),
    *(
        Fault(f"Hugging Face: {what}", huggingface(edit), xlsr, f"config.json: {says}")
        for what, edit, says in (
            ("a config cut short", lambda _: '{"model_type": ', "not readable as JSON"),
            ("a config of a list", lambda _: "[1]", r"expected a JSON object, has \[1\]"),
            ("NaN in the config", lambda _: '{"hidden_size": NaN}', "not readable as JSON: NaN"),
            ("brackets without end", lambda _: "[" * 50_000, "not readable as JSON"),
            ("HuBERT", lambda c: c.update(model_type="hubert"), "model_type is 'hubert': only"),
            ("a size as text", lambda c: c.update(hidden_size="48"), "hidden_size is '48', not a"),
            ("a size of 2**40", lambda c: c.update(hidden_size=2**40), "hidden_size is 1099511"),
            ("uneven convolutions", lambda c: c.update(conv_dim=[32]), "the convolutions are not"),
        )
    ),
    *(
        Fault(
            f"Hugging Face: {name} cut to {share:.0%}",
            cut(huggingface(weights=name), share, name),
            xlsr,
            f"{name}: {UNREADABLE}",
        )
        for name in ("model.safetensors", "pytorch_model.bin")
        for share in (0.0, 0.5)
    ),
]
