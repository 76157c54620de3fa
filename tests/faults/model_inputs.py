"""Makers of checkpoints, models and dumps of frames with random weights, and what reads them."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fad.bin.params import main as params
from fad.config.resolve import dump_config, load_config
from fad.dump.layout import Stored
from fad.dump.sources import FrameSource
from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.fairseq_xlsr import load_fairseq_xlsr
from fad.encoders.frame_grid import FrameGrid
from fad.models.detector import build_detector, save_detector
from fad.train.checkpointing import Progress, save_checkpoint
from fad.utils.files import sha256_file
from tests.helpers.huggingface import huggingface_state
from tests.helpers.released import MINI, random_checkpoint, write_random_checkpoint

from .inputs import Maker

GRID = FrameGrid(((3, 10, 5), (3, 3, 2)))
FRAMES = GRID.num_frames(64_600)
Edit = Callable[[dict[str, Any]], Any]


def xlsr(path: Path) -> object:
    return load_xlsr(read_checkpoint(path))


def fairseq(path: Path) -> object:
    return load_fairseq_xlsr(read_checkpoint(path))


def checkpoint(edit: Edit = lambda content: None, **how: Any) -> Maker:
    """A random fairseq checkpoint, edited in place or replaced by what `edit` gives."""

    def make(folder: Path) -> Path:
        content = random_checkpoint(MINI)
        edited = edit(content)
        torch.save(content if edited is None else edited, folder / "model.pt", **how)
        return folder / "model.pt"

    return make


def compressed(folder: Path) -> Path:
    """A checkpoint packed anew: it could be of a megabyte and take gigabytes."""
    path = folder / "model.pt"
    torch.save(random_checkpoint(MINI), folder / "whole.pt")
    with zipfile.ZipFile(folder / "whole.pt") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)
    (folder / "whole.pt").unlink()
    return path


def cut(make: Maker, share: float, name: str = "") -> Maker:
    """The beginning of the file that `make` gives, or of `name` in its folder."""

    def make_cut(folder: Path) -> Any:
        subject = make(folder)
        path = folder / name if name else subject
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        return subject

    return make_cut


def config(key: str, value: object) -> Maker:
    """A checkpoint whose model's config has this value."""
    return checkpoint(lambda content: content["cfg"]["model"].update({key: value}))


def tensor(name: str, value: Tensor | None) -> Maker:
    """A checkpoint with this tensor, or without the one of this name."""

    def edit(content: dict[str, Any]) -> None:
        content["model"].pop(name, None)
        if value is not None:
            content["model"][name] = value

    return checkpoint(edit)


def huggingface(edit: Edit = lambda config: None, weights: str = "model.safetensors") -> Maker:
    """A Hugging Face folder with random weights, its `config.json` edited; gives its path."""

    def make(folder: Path) -> str:
        state = random_checkpoint(MINI)["model"]
        found = {
            **{"model_type": "wav2vec2", "conv_dim": [32] * 7, "conv_bias": True},
            **{"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4},
            **{"intermediate_size": 96, "num_conv_pos_embeddings": 16},
            **{"num_conv_pos_embedding_groups": 4, "feat_extract_norm": "layer"},
            "do_stable_layer_norm": True,
        }
        edited = edit(found)
        text = edited if isinstance(edited, str) else json.dumps(found)
        (folder / "config.json").write_text(text)
        save = save_file if weights.endswith("safetensors") else torch.save
        save(huggingface_state(state), folder / weights)
        return str(folder)

    return make


def experiment(
    edit: Edit = lambda config: None,
    weights: Callable[[dict[str, Tensor]], None] = lambda state: None,
) -> Maker:
    """An `exp/<tag>` with its base beside it, its config and its weights edited."""

    def make(folder: Path) -> str:
        base = write_random_checkpoint(folder / "base.pt", MINI)
        resolved = load_config("lora")
        detector = build_detector(resolved, base)
        exp = folder / "exp"
        save_detector(detector, exp / "best.safetensors", sha256_file(base))
        resolved["pretrained"] = {"path": str(base), "sha256": sha256_file(base)}
        edited = edit(resolved)
        config = edited if isinstance(edited, str) else dump_config(resolved)
        (exp / "config.yaml").write_text(config)
        state = load_file(exp / "best.safetensors")
        weights(state)
        about = {"fad": json.dumps({"base_sha256": sha256_file(base)})}
        save_file(state, exp / "best.safetensors", metadata=about)
        return str(exp)

    return make


def then(make: Maker, change: Callable[[Path], object]) -> Maker:
    """What `make` makes, after a change in its folder."""

    def make_changed(folder: Path) -> Any:
        subject = make(folder)
        change(folder)
        return subject

    return make_changed


def frames(entry: str, ark: bytes | None = None) -> Callable[[Path], list[Path]]:
    """A dump of frames whose one entry is this (`{}` is the ark); gives its two folders."""

    def make(folder: Path) -> list[Path]:
        (folder / "audio").mkdir()
        (folder / "frames").mkdir()
        (folder / "audio/wav.scp").write_text("u a.wav\n")
        (folder / "audio/utt2num_samples").write_text("u 8000\n")
        (folder / "audio/utt2digest").write_text(f"u {32 * 'a'}\n")
        (folder / "frames/feats.scp").write_text(f"u {entry.format(folder / 'a.ark')}\n")
        if ark is not None:
            (folder / "a.ark").write_bytes(ark)
        return [folder / "frames", folder / "audio"]

    return make


def read_frames(folders: list[Path]) -> object:
    frames, audio = folders
    kind = Stored(0, GRID.channels, None, "float32")
    return FrameSource([(kind, frames)], audio, GRID).load(0)


def matrix(rows: int, columns: int, kind: bytes = b"FM ") -> bytes:
    head = b"u \0B" + kind + b"\4" + rows.to_bytes(4, "little") + b"\4"
    return head + columns.to_bytes(4, "little") + bytes(4 * rows * columns)


def progress(folder: Path) -> Path:
    save_checkpoint(
        folder / "checkpoint.pt", Progress("dev_eer", epoch=1), {"trained": {"w": torch.zeros(9)}}
    )
    return folder / "checkpoint.pt"


def other_progress(folder: Path) -> Path:
    torch.save({"progress": {"era": 1}}, folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content)


def count(path: Path) -> None:
    params(["--config", "frozen", "--pretrained", str(path)])
