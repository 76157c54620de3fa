"""Everything that a config can name: a literal table for each slot, imported on use."""

import importlib
import inspect
from typing import Any

from fad.utils.errors import FadError, nearest

SLOTS: dict[str, dict[str, str]] = {
    "encoder": {
        "xlsr": "fad.encoders.checkpoint:load_xlsr",
        "fairseq_xlsr": "fad.encoders.fairseq_xlsr:load_fairseq_xlsr",
    },
    "adaptation": {
        "adapter": "fad.adaptation.adapter:Adapter",
        "bitfit": "fad.adaptation.bitfit:BitFit",
        "dgsct": "fad.adaptation.dgsct:DGSCT",
        "dpf": "fad.adaptation.dpf:DPF",
        "frozen": "fad.adaptation.frozen:Frozen",
        "full": "fad.adaptation.full:Full",
        "last": "fad.adaptation.last:LAST",
        "relora": "fad.adaptation.relora:ReLoRA",
        "stochastic": "fad.adaptation.stochastic:Stochastic",
        "lora": "fad.adaptation.lora:LoRA",
        "lorta": "fad.adaptation.lorta:LoRTA",
        "pela": "fad.adaptation.pela:PELA",
        "topk": "fad.adaptation.topk:TopK",
    },
    "backend": {"pool": "fad.backends.pool:Pool", "aasist": "fad.backends.aasist:AASIST"},
    "loss": {"weighted_ce": "fad.losses.weighted_ce:WeightedCrossEntropy"},
    "optimizer": {
        "adam": "fad.train.optimizers:adam",
        "adamw": "fad.train.optimizers:adamw",
        "sgd": "fad.train.optimizers:sgd",
    },
    "schedule": {
        "constant": "fad.train.schedules:constant",
        "step": "fad.train.schedules:step",
        "warmup_cosine": "fad.train.schedules:warmup_cosine",
    },
}

# What the program gives a constructor, and a config therefore may not.
GIVEN = {
    *("checkpoint", "dim", "num_layers", "embed_dim"),
    *("groups", "total_steps", "steps_per_epoch"),
}


def get(slot: str, name: str) -> Any:
    """The class or function that `name` stands for in `slot`.

    Raises:
        FadError: the slot has no such name.
    """
    table = SLOTS[slot]
    if name not in table:
        raise FadError(f"{slot}: '{name}' is unknown; {nearest(str(name), table)}")
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def check_keys(slot: str, name: str, conf: dict[str, Any]) -> None:
    """Checks the keys of `<slot>_conf` against the constructor, before anything is built.

    Raises:
        FadError: a key that the constructor does not have, or one that it needs and is not given.
    """
    parameters = inspect.signature(get(slot, name)).parameters
    known = {key: parameter for key, parameter in parameters.items() if key not in GIVEN}
    for key in conf:
        if key not in known:
            raise FadError(f"{slot}_conf: '{name}' has no key '{key}'; {nearest(str(key), known)}")
    missing = [
        key for key, p in known.items() if p.default is inspect.Parameter.empty and key not in conf
    ]
    if missing:
        raise FadError(f"{slot}_conf: '{name}' needs {', '.join(missing)}")
