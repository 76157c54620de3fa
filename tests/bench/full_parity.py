"""Our encoder against fairseq's own at the full shape of XLS-R 300M, padded and not.

    python -m tests.bench.full_parity [--pretrained xlsr2_300m.pt]

Prints the largest difference over all real frames, and the scale of the outputs. Takes about 5 GB.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.fairseq_xlsr import build_wav2vec2
from tests.helpers.released import XLSR_300M, write_random_checkpoint

LENGTHS = (48_001, 30_000, 16_021)


@torch.no_grad()
def compare(pretrained: Path) -> None:
    """Prints, for each length, the last output's difference from `extract_features`."""
    checkpoint = read_checkpoint(pretrained)
    ours, theirs = load_xlsr(checkpoint, "last").eval(), build_wav2vec2(checkpoint).eval()
    torch.manual_seed(0)
    lens = torch.tensor(LENGTHS)
    padding = torch.arange(max(LENGTHS)) >= lens[:, None]
    wav = torch.randn(len(LENGTHS), max(LENGTHS)).masked_fill(padding, 0.0)
    (found,), frames = ours(wav, lens)
    expected = theirs.extract_features(wav, padding)["x"]
    print(f"{checkpoint.num_parameters:,} parameters")
    for row, count in enumerate(frames.tolist()):
        show(f"{LENGTHS[row]} samples, in a batch", found[row, :count], expected[row, :count])
    alone = theirs.extract_features(wav[:1], None)["x"]
    show("the longest, alone", ours(wav[:1], lens[:1])[0][0], alone)


def show(name: str, found: torch.Tensor, expected: torch.Tensor) -> None:
    """One line: the largest difference, and the largest value beside it."""
    difference = (found - expected).abs().max().item()
    print(f"{name}: {difference:.1e} of {expected.abs().max().item():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pretrained", type=Path, help="an XLS-R 300M checkpoint")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pt"
        compare(args.pretrained or write_random_checkpoint(path, XLSR_300M))


if __name__ == "__main__":
    main()
