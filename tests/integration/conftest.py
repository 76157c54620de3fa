"""The stages for real, in a copy of the tree, with a tiny encoder of random weights.

What takes long is made once for all tests: the shrunken mini corpus up to stage 2, and an
experiment of each method on it.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from .stages import BLOCKER, METHODS, SHORT, Recipe, Run, make_tree, open_recipe

RATE = 16000


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree for the whole session."""
    return make_tree(tmp_path_factory.mktemp("integration") / "tree")


@pytest.fixture(scope="session")
def mini(tree: Path, mini_data: Path) -> Recipe:
    """egs/mini after stages 1 and 2, with one of its languages: 76 utterances."""
    made = open_recipe(tree, "mini")
    shutil.copytree(mini_data, made.path / "data")
    made.ok("--stage", "2", "--stop_stage", "2")
    return made


@pytest.fixture(scope="session")
def no_fairseq(tree: Path) -> Path:
    """A folder that, first on PYTHONPATH, makes `import fairseq` fail."""
    folder = tree / "blocked"
    (folder / "fairseq").mkdir(parents=True)
    (folder / "fairseq" / "__init__.py").write_text(BLOCKER)
    return folder


@pytest.fixture(scope="session")
def trained(tree: Path, mini: Recipe, no_fairseq: Path) -> dict[str, tuple[Path, Run]]:
    """`./run.sh --stage 3` of each method, two at a time, where fairseq cannot be imported.

    Gives the experiment's folder and what was said, by method.
    """
    blocked = open_recipe(tree, "mini", PYTHONPATH=str(no_fairseq))

    def train(method: str) -> tuple[Path, Run]:
        done = blocked.ok("--stage", "3", "--config", method, *SHORT, "--nj", "1")
        return mini.path / "exp" / f"{method}_train.epochs=2_train.num_workers=0", done

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(METHODS, pool.map(train, METHODS), strict=True))


@pytest.fixture(scope="session")
def write_speech() -> Callable[..., None]:
    """Gives a function that writes a clip: a voiced tone if bona fide, noise if spoof."""

    def write(path: Path, label: str, seed: int, rate: int = RATE, seconds: float = 0.6) -> None:
        rng = np.random.default_rng(seed)
        time = np.arange(int(seconds * rate)) / rate
        pitch = rng.uniform(100, 200)
        tone = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 9))
        wav = 0.1 * tone + 1e-3 * rng.normal(size=time.size)
        if label == "spoof":
            wav = 0.1 * rng.normal(size=time.size)
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, wav, rate, subtype="PCM_16")

    return write
