"""Who may import whom, read from the source; and that nothing waits for what it does not need."""

import ast
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from fad.evaluation.calibration.model import Calibration, System, write_calibration
from fad.utils.files import sha256_file
from tests.house import (
    AUDIO,
    ENTRY,
    PLAN,
    ROOT,
    arrows,
    floor,
    imports,
    markdown,
    module_of,
    room_of,
    source_files,
    wrong_imports,
)

FILES = source_files()
ENTRY_POINTS = sorted(path.stem for path in (ROOT / "fad/bin").glob("[a-z]*.py"))

# What takes a tenth of a second or more to import, or brings along what does.
HEAVY = {"torch", "scipy", "matplotlib", "tensorboard", "sympy", "omegaconf", "numpy"} | AUDIO
HEAVY |= {"jinja2"}
# A default or the choices of an option of theirs are those of metrics and results.
NUMPY_IN_HELP = {"compare", "report", "score", "show_results"}


def test_every_room_is_in_the_plan_and_no_module_is_loose():
    rooms = {room_of(module_of(path)) for path in FILES}
    assert rooms - {"", "evaluation", ENTRY} == set(PLAN)
    assert [path.name for path in (ROOT / "fad").glob("*.py")] == ["__init__.py"]


def test_every_file_imports_only_what_its_room_may():
    wrong = {}
    for path in FILES:
        names, room = imports(path.read_text(encoding="utf-8")), room_of(module_of(path))
        assert not any(name.startswith("fad.bin") for name in names), f"{path} imports fad.bin"
        if room in PLAN and (found := wrong_imports(room, names)):
            wrong[str(path.relative_to(ROOT))] = found
    assert wrong == {}


def test_no_import_goes_up_or_round():
    upward = [
        (room, other)
        for room, rooms in arrows().items()
        for other in rooms
        if floor(other) >= floor(room)
    ]
    assert upward == []


def test_a_wrong_import_would_be_seen():
    source = "import os, torch\ndef f():\n    from fad.train.trainer import Trainer"
    assert wrong_imports("data", imports(source)) == ["fad.train.trainer.Trainer"]
    assert wrong_imports("evaluation.metrics", {"torch.nn", "numpy"}) == ["torch.nn"]
    assert wrong_imports("evaluation.trials", {"fad.evaluation.html.page.write"}) == [
        "fad.evaluation.html.page.write"
    ]


def test_contributing_shows_the_plan():
    """`python -m tests.house --markdown` prints it."""
    assert markdown() in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_only_one_file_imports_fairseq_and_only_inside_functions():
    users = [
        path
        for path in FILES
        if any(name.split(".")[0] == "fairseq" for name in imports(path.read_text()))
    ]
    assert [str(path.relative_to(ROOT)) for path in users] == ["fad/encoders/fairseq_xlsr.py"]
    top = [n for n in ast.parse(users[0].read_text()).body if isinstance(n, ast.stmt)]
    outside = [n for n in top if not isinstance(n, ast.FunctionDef | ast.ClassDef)]
    found = set().union(*(imports(ast.unparse(node)) for node in outside))
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
