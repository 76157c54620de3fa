#!/usr/bin/env python3
"""Shows which parts of the installation work, and how to repair the others.

Each package is tried in its own process, so that a failure or crash does not hide the others.
Run it with the Python of the virtual environment:

    tools/venv/bin/python tools/check_install.py
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

REQUIRED = "required"
SETUP = "run tools/setup.sh again; its log is setup.log in the virtual environment"
TIMEOUT = 300  # seconds; a first import from a slow disk takes a while


@dataclass(frozen=True)
class Check:
    """One thing to try.

    Attributes:
        name: Its name in the table.
        needed_by: `required`, or the extra of setup.py that it belongs to.
        code: Python that prints one line on success and raises on failure.
        remedy: What to do if it fails.
    """

    name: str
    needed_by: str
    code: str
    remedy: str = SETUP


@dataclass(frozen=True)
class Outcome:
    """The result of a check; `detail` is its output, or the last line of its error."""

    check: Check
    works: bool
    detail: str


def _package(module: str, distribution: str = "") -> str:
    """Code that imports `module` and prints the version of its distribution."""
    name = distribution or module
    return f"import {module}, importlib.metadata as m; print(m.version({name!r}))"


PYTHON = """
import sys
assert sys.version_info >= (3, 11), "3.11 or newer is needed, this is " + sys.version.split()[0]
print(sys.version.split()[0], "in", sys.prefix)
"""

TORCH = """
import torch
assert (torch.ones(8, 8) @ torch.ones(8, 8)).sum() == 512
cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no"
print(f"{torch.__version__}, CUDA: {cuda}, {torch.get_num_threads()} threads")
"""

TORCHAUDIO = """
import torch, torchaudio
half = torchaudio.functional.resample(torch.ones(1, 1600), 16000, 8000)
assert half.shape == (1, 800), half.shape
print(f"{torchaudio.__version__}, resamples")
"""

SOUNDFILE = """
import io, numpy, soundfile
file = io.BytesIO()
soundfile.write(file, numpy.zeros(160, dtype="int16"), 16000, format="FLAC")
file.seek(0)
assert soundfile.read(file)[1] == 16000
print(f"{soundfile.__version__}, {soundfile.__libsndfile_version__}, reads and writes FLAC")
"""

AV = """
import av
missing = {"flac", "mp3", "aac", "opus"} - av.codecs_available
assert not missing, f"no decoder for {missing}"
print(f"{av.__version__}, decodes FLAC, MP3, AAC, Opus")
"""

FAIRSEQ = """
import importlib.metadata
from fairseq.models.wav2vec import Wav2Vec2Model
print(importlib.metadata.version("fairseq-fixed") + ", imports", Wav2Vec2Model.__name__)
"""

PYWORLD = """
import importlib.metadata, numpy, pyworld
pyworld.dio(numpy.zeros(1600), 16000)
print(importlib.metadata.version("pyworld") + ", estimates pitch")
"""

ESPEAK = """
import ctypes, importlib.metadata, os, espeakng_loader
ctypes.CDLL(espeakng_loader.get_library_path()).espeak_ng_GetSampleRate
assert os.path.isdir(espeakng_loader.get_data_path()), "its voices are missing"
print(importlib.metadata.version("espeakng-loader") + ", library and voices load")
"""

TRANSFORMERS = """
import importlib.metadata
from transformers import Wav2Vec2Model
print(importlib.metadata.version("transformers") + ", imports", Wav2Vec2Model.__name__)
"""

PEFT = """
import importlib.metadata
from peft import LoraConfig
print(importlib.metadata.version("peft") + ", imports", LoraConfig.__name__)
"""

PLAYWRIGHT = """
import importlib.metadata, shutil
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "there is no chromium"
    version = playwright.chromium.launch(executable_path=browser).version
print(importlib.metadata.version("playwright") + ", opens Chromium", version)
"""

CHECKS = (
    Check("python", REQUIRED, PYTHON, "install Python 3.11; PYTHON=python3.11 tools/setup.sh"),
    Check("torch", REQUIRED, TORCH),
    Check("torchaudio", REQUIRED, TORCHAUDIO, "run tools/installers/torchaudio.sh"),
    Check("numpy", REQUIRED, _package("numpy")),
    Check("scipy", REQUIRED, _package("scipy.signal", "scipy")),
    Check("pyyaml", REQUIRED, _package("yaml", "pyyaml")),
    Check("soundfile", REQUIRED, SOUNDFILE),
    Check("av", REQUIRED, AV),
    Check("kaldiio", REQUIRED, _package("kaldiio")),
    Check("loralib", REQUIRED, _package("loralib")),
    Check("safetensors", REQUIRED, _package("safetensors.torch", "safetensors")),
    Check("tensorboard", REQUIRED, _package("torch.utils.tensorboard", "tensorboard")),
    Check("matplotlib", REQUIRED, _package("matplotlib.figure", "matplotlib")),
    Check("jinja2", REQUIRED, _package("jinja2")),
    Check("jsonschema", REQUIRED, _package("jsonschema")),
    Check("fad", REQUIRED, _package("fad")),
    Check("fairseq", "fairseq", FAIRSEQ, "run tools/installers/fairseq.sh; it needs g++"),
    Check("espeakng-loader", "demo", ESPEAK),
    Check("pyworld", "demo", PYWORLD),
    Check("pytest", "dev", _package("pytest")),
    Check("hypothesis", "dev", _package("hypothesis")),
    Check("transformers", "dev", TRANSFORMERS),
    Check("playwright", "browser", PLAYWRIGHT, "sudo apt-get install -y chromium"),
    Check("peft", "bench", PEFT),
)


def try_out(check: Check) -> Outcome:
    """Runs one check in its own process, without output."""
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONFAULTHANDLER": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", check.code],
            env=quiet,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return Outcome(check, False, f"no answer within {TIMEOUT} s")
    words = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return Outcome(check, done.returncode == 0, words[-1] if words else f"exit {done.returncode}")


def format_table(outcomes: Sequence[Outcome], wanted: Sequence[str]) -> str:
    """One line for each check, then the remedy for each wanted one that fails."""
    lines = []
    for outcome in outcomes:
        check = outcome.check
        state = "ok" if outcome.works else "FAILS" if check.needed_by in wanted else "-"
        lines.append(f"{check.name:<16} {check.needed_by:<9} {state:<6} {outcome.detail}")
    for outcome in failures(outcomes, wanted):
        lines.append(f"\n{outcome.check.name}: {outcome.check.remedy}")
    return "\n".join(lines)


def failures(outcomes: Sequence[Outcome], wanted: Sequence[str]) -> list[Outcome]:
    """The wanted checks that fail."""
    return [o for o in outcomes if not o.works and o.check.needed_by in wanted]


def get_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--extras",
        default="",
        help="extras of setup.py that must work too, with commas between, e.g. dev,demo,fairseq",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns 1 if a required package or a wanted extra fails."""
    wanted = [REQUIRED, *get_parser().parse_args(argv).extras.split(",")]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        outcomes = list(pool.map(try_out, CHECKS))
    print(format_table(outcomes, wanted))
    return 1 if failures(outcomes, wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
