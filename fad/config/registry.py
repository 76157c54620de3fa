"""Everything that a config can name: one table for each slot, imported on use."""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, TypeVar

from fad.utils.errors import FadError, nearest

SLOTS: dict[str, dict[str, str | Callable[..., Any]]] = {
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
    "augment": {"white_noise": "fad.augment.white_noise:WhiteNoise"},
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

# Slots in which a config may name several, in their order: {name: its keys}.
CHAINS = {"augment"}
# The slots of a trained model: scoring needs no others.
MODEL = ("encoder", "adaptation", "backend", "loss")

# Arguments set by the program; a config may not name them.
GIVEN = {
    *("checkpoint", "dim", "num_layers", "embed_dim"),
    *("groups", "total_steps", "steps_per_epoch"),
}

_T = TypeVar("_T", bound=Callable[..., Any])


def register(slot: str, name: str) -> Callable[[_T], _T]:
    """A decorator that gives your own class or function a name for configs.

        @register("backend", "my_pool")
        class MyPool(Backend): ...

    Give its file with `--plugin` (see `fad.config.plugins`), or import it before a config is
    loaded.

    Raises:
        FadError: there is no such slot, or the name is taken.
    """
    if slot not in SLOTS:
        raise FadError(f"register: '{slot}' is no slot; {nearest(str(slot), SLOTS)}")

    def put(found: _T) -> _T:
        if name in SLOTS[slot]:
            raise FadError(
                f"{slot}: '{name}' is the name of {_place(SLOTS[slot][name])} already: give "
                f"{_place(found)} another"
            )
        SLOTS[slot][name] = found
        return found

    return put


def _place(entry: str | Callable[..., Any]) -> str:
    return entry if isinstance(entry, str) else f"{entry.__module__}:{entry.__qualname__}"


def get(slot: str, name: str) -> Any:
    """The class or function of a name in a slot.

    Raises:
        FadError: the slot has no such name.
    """
    table = SLOTS[slot]
    if name not in table:
        raise FadError(f"{slot}: '{name}' is unknown; {nearest(str(name), table)}")
    entry = table[name]
    if not isinstance(entry, str):
        return entry
    module, _, attribute = entry.partition(":")
    return getattr(import_module(module), attribute)


def chosen(config: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Everything that a resolved config names: slot, name and keys of each."""
    for slot in SLOTS:
        if slot in CHAINS:
            for name, conf in config[slot].items():
                yield slot, name, conf
        else:
            yield slot, config[slot], config[f"{slot}_conf"]


def check_keys(slot: str, name: str, conf: dict[str, Any]) -> None:
    """Checks the keys of a name in a config against its constructor, without calling it.

    Raises:
        FadError: the constructor does not have a key, or a key that it needs is missing.
    """
    parameters = inspect.signature(get(slot, name)).parameters
    place = slot if slot in CHAINS else f"{slot}_conf"
    if not isinstance(conf, dict):
        raise FadError(f"{place}: '{name}' needs keys below it, not '{conf}'")
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    known = {k: p for k, p in parameters.items() if k not in GIVEN and p.kind not in open_ended}
    for key in conf:
        if key not in known:
            raise FadError(f"{place}: '{name}' has no key '{key}'; {nearest(str(key), known)}")
    missing = [
        key for key, p in known.items() if p.default is inspect.Parameter.empty and key not in conf
    ]
    if missing:
        raise FadError(f"{place}: '{name}' needs {', '.join(missing)}")
