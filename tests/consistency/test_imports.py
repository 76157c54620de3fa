"""Who may import whom, read from the source; and that nothing waits for what it does not need."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.utils.files import sha256_file

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "fad").rglob("*.py"))
ENTRY_POINTS = sorted(path.stem for path in (ROOT / "fad/bin").glob("[a-z]*.py"))

# Small modules of the standard library (and tqdm, torch) that every room may use.
FOUNDATION = {"errors", "files", "cli", "masks", "progress", "devices", "provenance", "boundary"}
TORCH = {"torch", "numpy"}
AUDIO = {"torchaudio", "soundfile", "av", "kaldiio"}
# What takes a tenth of a second or more to import, or brings along what does.
HEAVY = {"torch", "scipy", "matplotlib", "tensorboard", "sympy", "omegaconf", "numpy"} | AUDIO
# A default or the choices of an option of theirs are those of metrics and results.
NUMPY_IN_HELP = {"compare", "report", "score"}

# room of fad -> (rooms of fad, packages) that it may import, besides itself and the foundation.
# `omegaconf` is what old fairseq files are made of: its containers are allowed by name.
RULES: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "boundary": (set(), set()),
    "files": (set(), set()),
    "cli": (set(), set()),
    "masks": (set(), {"torch"}),
    "progress": (set(), {"tqdm"}),
    "devices": (set(), {"torch"}),
    "provenance": (set(), set()),
    "metrics": (set(), {"numpy", "scipy"}),
    "calibration": ({"metrics"}, {"numpy"}),
    "logistic": ({"calibration"}, {"numpy", "scipy"}),
    "registry": (set(), {"yaml"}),
    "config": ({"registry"}, {"yaml"}),
    "data": (set(), TORCH | AUDIO),
    "encoders": (set(), TORCH | {"safetensors", "fairseq", "omegaconf"}),
    "adaptation": (set(), {"torch", "torchaudio", "loralib", "safetensors"}),
    "backends": (set(), {"torch"}),
    "losses": (set(), {"torch"}),
    "detector": (
        {"registry", "config", "encoders", "adaptation", "backends"},
        TORCH | {"safetensors"},
    ),
    "counts": ({"config", "detector", "encoders"}, {"torch"}),
    "scoring": ({"data", "detector"}, TORCH),
    "model_options": (set(), set()),
    "loading": ({"detector", "adaptation", "encoders", "model_options"}, {"torch"}),
    "train": (
        {"registry", "config", "data", "encoders", "adaptation", "backends", "losses", "metrics"}
        | {"detector", "scoring"},
        TORCH,
    ),
    "study_plan": ({"registry", "config", "data", "train"}, set()),
    "scores": ({"data"}, {"numpy"}),
    "plots": ({"metrics"}, {"numpy", "matplotlib"}),
    "report": (
        {"config", "metrics", "data", "calibration", "logistic", "scores", "plots"}
        | {"model_options"},
        {"numpy"},
    ),
    "page": ({"config", "plots", "report"}, set()),
}
ANYTHING = {"bin", "__init__"}


def room(path: Path) -> str:
    """`encoders` for fad/encoders/xlsr.py, `config` for fad/config/resolve.py."""
    return path.relative_to(ROOT / "fad").parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> set[str]:
    """The dotted names that are imported anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def wrong_imports(name: str, found: set[str]) -> list[str]:
    """Those of the imported names that the room `name` may not import."""
    rooms, packages = RULES[name]
    wrong = []
    for imported in sorted(found):
        package, *rest = imported.split(".")
        if package == "fad":
            allowed = rest[0] in rooms | FOUNDATION | {name}
        else:
            allowed = package in packages | sys.stdlib_module_names
        if not allowed:
            wrong.append(imported)
    return wrong


def test_every_room_has_a_rule():
    assert {room(path) for path in FILES} - ANYTHING <= set(RULES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path):
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    if room(path) not in ANYTHING:
        assert wrong_imports(room(path), found) == []
        assert not any(name.startswith("fad.bin") for name in found), "nothing imports fad.bin"


def test_a_wrong_import_would_be_seen():
    source = "import os, torch\ndef f():\n    from fad.train.trainer import Trainer\n    import fad.utils.cli"
    assert wrong_imports("data", imports(ast.parse(source))) == ["fad.train.trainer.Trainer"]
    assert wrong_imports("metrics", {"torch.nn", "numpy"}) == ["torch.nn"]


def test_only_one_file_imports_fairseq_and_only_inside_functions():
    users = [
        path
        for path in FILES
        if any(name.split(".")[0] == "fairseq" for name in imports(ast.parse(path.read_text())))
    ]
    assert [str(path.relative_to(ROOT)) for path in users] == ["fad/encoders/fairseq_xlsr.py"]
    top = [n for n in ast.parse(users[0].read_text()).body if isinstance(n, ast.stmt)]
    outside = [n for n in top if not isinstance(n, ast.FunctionDef | ast.ClassDef)]
    found = set().union(*(imports(node) for node in outside))
    assert not any(name.split(".")[0] == "fairseq" for name in found)


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_help_of_every_entry_point_teaches_and_waits_for_nothing(name):
    code = f"""
import contextlib, io, sys
from fad.bin.{name} import main
text = io.StringIO()
with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
    main(["--help"])
assert "python -m fad.bin.{name}" in text.getvalue(), "no example"
print(*sys.modules)
"""
    unneeded = HEAVY - ({"numpy"} if name in NUMPY_IN_HELP else set())
    assert unneeded & set(run(code).split()) == set()


@pytest.mark.parametrize("calibrated", ["false", "true"])
def test_scoring_does_not_wait_for_what_it_has_no_use_for(trained, tmp_path, calibrated):
    weights = sha256_file(trained / "best.safetensors")
    calibration = Calibration((1.0,), 0.0, 0.5, 1, 1, (System("dev", None, weights),))
    exp = shutil.copytree(trained, tmp_path / "exp")
    write_calibration(exp / "calibration.json", calibration)
    soundfile.write(tmp_path / "a.flac", 0.1 * np.ones(16_000), 16_000)
    code = f"""
import sys
from fad.bin.score import main
main(["--model", {str(exp)!r}, "--calibrated", "{calibrated}", {str(tmp_path / "a.flac")!r}])
print(*sys.modules)
"""
    loaded = set(run(code).split())
    assert "torch" in loaded
    unneeded = HEAVY - {"torch", "numpy", "soundfile"} | {"torch._dynamo", "torch._inductor"}
    assert unneeded & loaded == set()


def test_the_running_encoder_needs_no_fairseq(mini_file):
    code = f"""
import sys
sys.modules["fairseq"] = sys.modules["omegaconf"] = None
from fad.config.resolve import load_config
from fad.models.detector import build_detector
build_detector(load_config("lora"), {str(mini_file)!r})
"""
    run(code)
