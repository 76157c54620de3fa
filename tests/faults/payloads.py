"""Payloads that create the file CANARY where they are read, and unsafe ways of reading them."""

import os
import pickle
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import kaldiio
import numpy as np
import soundfile as sf
import torch
import yaml

from fad.data.corpus import Clip, write_corpus
from fad.data.tables import read_table

from .fault import CANARY
from .inputs import RATE, Maker, file, noise

TOUCH = f"touch {CANARY}"
CODE = f"__import__('os').system('{TOUCH}')"
TAG = f"!!python/object/apply:os.system ['{TOUCH}']"


class Bomb:
    """An object whose unpickling runs a command."""

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.system, (TOUCH,)


def torch_load(path: Path | str) -> object:
    with open(path, "rb") as opened:
        return torch.load(opened, weights_only=False)


def unpickle(path: Path) -> object:
    return pickle.loads(path.read_bytes())


def fairseqs_eval(path: Path) -> object:
    return eval(torch_load(path)["cfg"]["model"]["conv_feature_layers"])


def unsafe_yaml(path: Path) -> object:
    return yaml.unsafe_load(path.read_text())


def bombed(place: str) -> Maker:
    """A checkpoint with a bomb in its `cfg`, `args`, `model` or beside them."""
    return lambda content: content.update({place: {"x": Bomb()}})


def bomb_file(name: str, **how: Any) -> Maker:
    """A file of torch.save that holds nothing but a bomb."""

    def make(folder: Path) -> Path:
        torch.save({"progress": {}, "x": Bomb()}, folder / name, **how)
        return folder / name

    return make


def tar_bomb(folder: Path) -> Path:
    """torch's first format, a tar of pickles."""
    path = folder / "model.pt"
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name in ("storages", "tensors", "pickle"):
            (folder / name).write_bytes(pickle.dumps(Bomb()))
            tar.add(folder / name, name)
            (folder / name).unlink()
    return path


def plain_bomb(name: str) -> Maker:
    return file(name, pickle.dumps(Bomb()))


def npy_bomb() -> bytes:
    """A .npy whose array is of objects, which NumPy pickles."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickle.dumps(Bomb())


def load_npy(folders: list[Path]) -> object:
    ark = (folders[0].parent / "a.ark").read_bytes()[2:]
    (folders[0].parent / "a.npy").write_bytes(ark)
    return np.load(folders[0].parent / "a.npy", allow_pickle=True)


def kaldiios_way(folders: list[Path]) -> object:
    return kaldiio.load_mat(read_table(folders[0] / "feats.scp")["u"])


def kaldis_way(data: Path) -> object:
    """Kaldi hands what stands before or behind the bar to a shell."""
    value = read_table(data / "wav.scp")["c-2"]
    return os.system(value.partition("|[")[0].partition("|:")[0].strip("| "))


def in_a_shell(text: str) -> object:
    """What a script does that pastes a name into a command."""
    return subprocess.run(["sh", "-c", f"echo {text}"], capture_output=True, check=False)


def playlist(name: str, text: str) -> Maker:
    """A playlist named like audio, and beside it the file that it names."""

    def make(folder: Path) -> Path:
        sf.write(folder / "secret.wav", noise(), RATE)
        (folder / name).write_text(text)
        return folder / name

    return make


def open_playlist(path: Path) -> None:
    anything = {"safe": "0", "allowed_extensions": "ALL", "allowed_segment_extensions": "ALL"}
    with av.open(str(path), options=anything | {"extension_picky": "0"}) as box:
        if next(box.decode(audio=0)).samples:
            Path(CANARY).touch()  # the other file was read


def hostile_clip(**attributes: str) -> Callable[[Path], list[Clip]]:
    def make(folder: Path) -> list[Clip]:
        for name in ("a.wav", "b.wav"):
            (folder / name).touch()
        spoof = {"name": "b", "label": "spoof", "attack": "tts", "split": "eval", **attributes}
        return [
            Clip("a", folder / "a.wav", "bonafide", split="eval"),
            Clip(path=folder / "b.wav", **spoof),
        ]

    return make


def write_set(name: str) -> Callable[[list[Clip]], None]:
    return lambda clips: write_corpus("data", "mine", clips, [name])
