"""Trained models, training states and dumps of frames that are damaged or do not fit."""

import torch
from safetensors.torch import save_file

from fad.models.detector import load_detector
from fad.train.checkpointing import load_checkpoint
from tests.helpers.released import MINI, write_random_checkpoint

from .fault import Fault
from .model_inputs import (
    FRAMES,
    cut,
    experiment,
    frames,
    matrix,
    other_progress,
    progress,
    read_frames,
    then,
)

NO_WEIGHTS = r"best.safetensors: not a file of trained weights \(cut short\?\)"
NO_EXPERIMENT = "config.yaml: not the config of an experiment; --model takes an exp/<tag>"
NO_MATRIX = r"a.ark:2: not a float32 matrix of shape .*remove it and run stage 2 again"


def _deep_metadata(path):
    save_file({"a": torch.zeros(1)}, path, metadata={"fad": "[" * 100_000})


FAULTS = [
    Fault("model: no such folder", lambda folder: "exp/none", load_detector, "missing: --model"),
    Fault(
        "model: no weights",
        then(experiment(), lambda folder: (folder / "exp/best.safetensors").unlink()),
        load_detector,
        "best.safetensors: missing: --model takes an exp/<tag> that stage 3 has made",
    ),
    *(
        Fault(
            f"model: weights cut to {share:.1%}",
            cut(experiment(), share, "exp/best.safetensors"),
            load_detector,
            NO_WEIGHTS,
        )
        for share in (0.0, 0.001, 0.3, 0.999)
    ),
    Fault(
        "model: weights without metadata",
        then(
            experiment(),
            lambda folder: save_file({"a": torch.zeros(1)}, folder / "exp/best.safetensors"),
        ),
        load_detector,
        NO_WEIGHTS,
    ),
    Fault(
        "model: brackets 100,000 deep in the metadata",
        then(experiment(), lambda folder: _deep_metadata(folder / "exp/best.safetensors")),
        load_detector,
        f"{NO_WEIGHTS}: nested too deep",
    ),
    *(
        Fault(
            f"model: {what}", experiment(weights=edit), load_detector, f"best.safetensors: {says}"
        )
        for what, edit, says in (
            (
                "a weight too few",
                lambda s: s.pop("backend.classify.bias"),
                "does not fit.*classify",
            ),
            ("a weight too many", lambda s: s.update(x=torch.zeros(1)), "does not fit.*'x'"),
            (
                "another shape",
                lambda s: s.update({"backend.classify.bias": torch.zeros(3)}),
                "does not fit its config; 1 differ, first: .*classify.bias",
            ),
            (
                "whole numbers",
                lambda s: s.update({"backend.classify.bias": torch.zeros(2, dtype=torch.int64)}),
                "does not fit its config; 1 differ, first: .*classify.bias",
            ),
        )
    ),
    Fault(
        "model: of another rank",
        experiment(lambda c: c["adaptation_conf"].update(rank=2)),
        load_detector,
        "best.safetensors: does not fit its config",
    ),
    Fault(
        "model: its base is another file",
        then(experiment(), lambda folder: write_random_checkpoint(folder / "base.pt", MINI, 9)),
        load_detector,
        "base.pt: not the pre-trained file that .*best.safetensors was trained with, which then "
        "lay at .*base.pt$",
    ),
    Fault(
        "model: its base is gone",
        then(experiment(), lambda folder: (folder / "base.pt").unlink()),
        load_detector,
        "base.pt: the pre-trained .* is gone; say where with --pretrained",
    ),
    *(
        Fault(f"model: a config {what}", experiment(edit), load_detector, says)
        for what, edit, says in (
            ("that is empty", lambda _: "", NO_EXPERIMENT),
            ("cut short", lambda _: "encoder: [", "config.yaml: not plain YAML"),
            ("without back-end", lambda c: c.pop("backend") and None, NO_EXPERIMENT),
            ("without base", lambda c: c.pop("pretrained") and None, NO_EXPERIMENT),
            ("with text for its base", lambda c: c.update(pretrained="x"), NO_EXPERIMENT),
            ("with a number for a path", lambda c: c.update(pretrained={"path": 5}), NO_EXPERIMENT),
            ("with an unknown loss", lambda c: c.update(loss="x"), "config.yaml: loss: 'x' is unk"),
            ("with a list of options", lambda c: c.update(backend_conf=[1]), "'backend_conf' keys"),
            (
                "with another key",
                lambda c: c["adaptation_conf"].update(rnk=4),
                "config.yaml: adaptation_conf: 'lora' has no key 'rnk'; did you mean 'rank'",
            ),
        )
    ),
    *(
        Fault(
            f"checkpoint.pt: {what}",
            make,
            load_checkpoint,
            "checkpoint.pt: damaged; remove it to train this experiment anew",
        )
        for what, make in (
            ("empty", cut(progress, 0.0)),
            ("cut to a tenth", cut(progress, 0.1)),
            ("cut to a half", cut(progress, 0.5)),
            ("cut by a byte", cut(progress, 0.9999)),
            ("of another program", other_progress),
        )
    ),
    *(
        Fault(f"frames: {what}", frames("{}:2", ark), read_frames, says)
        for what, ark, says in (
            ("no ark", None, "a.ark:2: No such file or directory; run stage 2 again"),
            ("an empty ark", b"", NO_MATRIX),
            ("an ark cut short", matrix(FRAMES, 3)[:-1], NO_MATRIX),
            ("a row too few", matrix(FRAMES - 1, 3), NO_MATRIX),
            ("a column too many", matrix(FRAMES, 4), NO_MATRIX),
            ("doubles", matrix(FRAMES, 3, b"DM "), NO_MATRIX),
            ("compressed", matrix(FRAMES, 3, b"CM "), NO_MATRIX),
            ("2**31 rows", b"u \0BFM \4\xff\xff\xff\x7f\4\3\0\0\0", NO_MATRIX),
            ("text", b"u [ 1 2 3 ]\n", NO_MATRIX),
        )
    ),
    Fault(
        "frames: an offset behind the end",
        frames("{}:" + "9" * 18, b"u "),
        read_frames,
        "not a float32 matrix|run stage 2 again",
    ),
    Fault(
        "frames: no offset",
        frames("{}", b""),
        read_frames,
        r"not '<file>.ark:<offset>'; run stage 2",
    ),
]
