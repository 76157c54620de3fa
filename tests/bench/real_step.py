"""XLS-R 300M for real: three training steps at batch 4 of 4 s, then the score of one clip.

    python -m tests.bench.real_step [--pretrained xlsr2_300m.pt] [--configs lora lora_r16 full]

Each method runs through the entry points, in processes of its own whose peak memory the system
tells. Without --pretrained, a checkpoint of the full shape with random weights is made: time and
memory do not depend on the weights. Full tuning takes about 9 GB.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from fad.data.corpus import Clip, write_corpus
from fad.evaluation.results.text import terminal_table
from fad.experiment.directory import ExperimentDir
from fad.experiment.summary import read_cost, read_train_summary
from tests.helpers.released import XLSR_300M, write_random_checkpoint

STEPS, BATCH = 3, 4
SAMPLES = 64_600


def make_dump(root: Path) -> None:
    """Noise clips: 12 to train on, 2 to choose by, one to score, in the form of a dump."""
    rng = np.random.default_rng(0)
    clips = []
    for split, count in (("train", STEPS * BATCH), ("dev", 2), ("eval", 2)):
        for number in range(count):
            path = root / "wav" / f"{split}{number}.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, 0.1 * rng.standard_normal(SAMPLES), 16000, "PCM_16")
            label, attack = ("spoof", "noise") if number % 2 else ("bonafide", "-")
            clips.append(Clip(f"{split}{number}", path, label, attack, split=split))
    write_corpus(root / "data", "bench", clips)
    for split in ("train", "dev"):
        dump = ["fad.bin.dump_audio", "--data", f"data/{split}", "--out", f"dump/audio/{split}"]
        measured(root, dump)
        measured(root, [*dump, "--combine", "true"])


def measured(root: Path, module: list[str]) -> tuple[float, float, str]:
    """Runs `python -m ...` in `root`: seconds, peak memory (GB) and standard output.

    Raises:
        RuntimeError: it fails.
    """
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=root, env=environment, stdout=out
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{' '.join(module)} failed")
        out.seek(0)
        return time.perf_counter() - started, usage.ru_maxrss / 2**20, out.read()


def measure(root: Path, pretrained: Path, config: str) -> list[str]:
    """One row: a method's training and scoring."""
    exp = root / "exp" / config
    train = ["fad.bin.train", "--config", config, "--pretrained", str(pretrained)]
    train += ["--exp", str(exp), "--dump", "none", "--set", f"train.batch_size={BATCH}"]
    train += ["--set", "train.epochs=1", "--set", "train.num_workers=0"]
    wall, peak, _ = measured(root, train)
    summary, cost = read_train_summary(ExperimentDir(exp)), read_cost(ExperimentDir(exp))
    score = ["fad.bin.score", "--model", str(exp), "wav/eval0.flac"]
    score_wall, score_peak, printed = measured(root, score)
    return [
        config,
        f"{summary['parameters']['trainable']:,}",
        f"{cost['seconds_per_epoch'] / STEPS:.1f}",
        f"{wall:.0f}",
        f"{peak:.1f}",
        f"{score_wall:.1f}",
        f"{score_peak:.1f}",
        printed.split()[-1],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pretrained", type=Path, help="an XLS-R 300M checkpoint")
    parser.add_argument("--configs", nargs="+", default=["lora", "lora_r16", "full"])
    args = parser.parse_args()
    header = ["config", "trainable", "s/step", "train s", "GB", "score s", "GB", "score"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_dump(root)
        pretrained = args.pretrained and args.pretrained.absolute()
        pretrained = pretrained or write_random_checkpoint(root / "random.pt", XLSR_300M)
        rows = [measure(root, pretrained, config) for config in args.configs]
    print(terminal_table(header, rows))


if __name__ == "__main__":
    main()
