"""Checkpoints and models that want to run code: none may, and each could (see `unsafe`)."""

from pathlib import Path

import torch

from fad.models.detector import load_detector
from fad.train.checkpointing import load_checkpoint

from .fault import CANARY, Fault, Hostile
from .model_inputs import checkpoint, config, experiment, fairseq, huggingface, then, xlsr
from .payloads import (
    CODE,
    TAG,
    Bomb,
    bomb_file,
    bombed,
    fairseqs_eval,
    plain_bomb,
    tar_bomb,
    torch_load,
    unpickle,
    unsafe_yaml,
)

OLD = {"_use_new_zipfile_serialization": False}  # torch's format before 1.6
WOULD_RUN = r"refused, since loading it would run code \((posix|nt).system\); convert it"
NO_LAYERS = "conv_feature_layers is not a list of .channels, kernel, stride.: .*the file is refused"
CONV_LAYERS = {
    "a command": CODE,
    "a command in a sum": f"[(512, 10, 5)] + [{CODE}]",
    "a command as a factor": f"[(1, 1, 1)] * ({CODE} or 1)",
    "a lambda": f"(lambda: open('{CANARY}', 'w'))()",
    "a comprehension": f"[x for x in [(1, 1, 1)] if open('{CANARY}', 'w')]",
    "a walrus": f"[(y := open('{CANARY}', 'w')) and (1, 1, 1)]",
}

FAULTS = [
    *(
        Hostile(
            f"hostile: a pickle bomb in {place}, {kind}",
            checkpoint(bombed(place), **how),
            xlsr,
            f"model.pt: {WOULD_RUN}",
            unsafe=torch_load,
        )
        for place in ("cfg", "args", "model", "extra_state")
        for kind, how in (("zip", {}), ("before zip", OLD))
    ),
    Hostile(
        "hostile: a bomb for fairseq's own encoder",
        checkpoint(bombed("cfg")),
        fairseq,
        f"model.pt: {WOULD_RUN}",
        unsafe=torch_load,
    ),
    Hostile(
        "hostile: a bomb in torch's tar",
        tar_bomb,
        xlsr,
        "model.pt: not a PyTorch checkpoint; it begins with '././@PaxHeader",
        unsafe=torch_load,
    ),
    Hostile(
        "hostile: a bare pickle as checkpoint",
        plain_bomb("model.pt"),
        xlsr,
        "model.pt: (refused|not a readable checkpoint)",
        unsafe=unpickle,
    ),
    *(
        Hostile(
            f"hostile: conv_feature_layers is {what}, for {read.__name__}",
            config("conv_feature_layers", text),
            read,
            f"model.pt: {NO_LAYERS}",
            unsafe=fairseqs_eval,
        )
        for what, text in CONV_LAYERS.items()
        for read in (xlsr, fairseq)
    ),
    Fault(
        "hostile: conv_feature_layers without end",
        config("conv_feature_layers", "[(1, 1, 1)] * 32 * 32 * 32 * 32 * 32 * 32"),
        fairseq,
        f"model.pt: {NO_LAYERS}",
    ),
    Hostile(
        "hostile: an activation of code",
        config("activation_fn", CODE),
        fairseq,
        "model.pt: fairseq cannot build its config: .*not supported",
        unsafe=lambda path: eval(torch_load(path)["cfg"]["model"]["activation_fn"]),
    ),
    Fault(
        "hostile: an interpolation of the environment",
        config("extractor_mode", "${oc.env:HOME}"),
        fairseq,
        "model.pt: its config refers elsewhere: extractor_mode",
    ),
    *(
        Hostile(
            f"hostile: a bomb as {name} of Hugging Face",
            then(
                huggingface(weights=name),
                lambda folder, name=name: torch.save({"x": Bomb()}, folder / name),
            ),
            xlsr,
            f"{name}: ({WOULD_RUN}|not a readable checkpoint)",
            unsafe=lambda folder, name=name: torch_load(Path(folder, name)),
        )
        for name in ("pytorch_model.bin", "model.safetensors")
    ),
    Fault(
        "hostile: a Hugging Face index that climbs",
        then(
            huggingface(weights="pytorch_model.bin"),
            lambda folder: (
                (folder / "pytorch_model.bin").rename(folder / "x.bin")
                and (folder / "pytorch_model.bin.index.json").write_text(
                    '{"weight_map": {"a": "../../x.bin"}}'
                )
            ),
        ),
        xlsr,
        r"index.json: lists '../../x.bin', which is no weights file beside it",
    ),
    *(
        Hostile(
            f"hostile: a bomb as checkpoint.pt, {kind}",
            bomb_file("checkpoint.pt", **how),
            load_checkpoint,
            "checkpoint.pt: damaged; remove it",
            unsafe=torch_load,
        )
        for kind, how in (("zip", {}), ("before zip", OLD))
    ),
    Hostile(
        "hostile: a pickle as best.safetensors",
        then(experiment(), lambda f: torch.save(Bomb(), f / "exp/best.safetensors")),
        load_detector,
        r"best.safetensors: not a file of trained weights",
        unsafe=lambda exp: torch_load(f"{exp}/best.safetensors"),
    ),
    Hostile(
        "hostile: a tag in a model's config",
        experiment(lambda _: f"encoder: {TAG}\n"),
        load_detector,
        "config.yaml: not plain YAML: could not determine a constructor for the tag",
        unsafe=lambda exp: unsafe_yaml(Path(exp, "config.yaml")),
    ),
]
