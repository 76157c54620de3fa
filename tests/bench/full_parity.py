"""Our encoder at the full shape of XLS-R 300M against fairseq's model, or transformers'.

    python -m tests.bench.full_parity [--pretrained xlsr2_300m.pt]
    python -m tests.bench.full_parity --against transformers [--pretrained wav2vec2-xls-r-300m/]

Prints the largest difference over all real frames, and the scale of the outputs, padded and not.
Without --pretrained it writes random weights, 1.3 GB, in the format that the other reads. Takes
about 5 GB of memory.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from fad.encoders.checkpoint import load_xlsr, read_checkpoint
from fad.encoders.fairseq_xlsr import build_wav2vec2
from tests.helpers.huggingface import write_huggingface
from tests.helpers.released import XLSR_300M, random_checkpoint, write_random_checkpoint

LENGTHS = (48_001, 30_000, 16_021)
Encode = Callable[[Tensor, Tensor | None], Tensor]  # wav, padding -> the last output


def write_random(folder: Path, against: str) -> Path:
    """A random model of the full shape in the format that `against` reads."""
    if against == "fairseq":
        return write_random_checkpoint(folder / "random.pt", XLSR_300M)
    return write_huggingface(folder, XLSR_300M, random_checkpoint(XLSR_300M)["model"])


def fairseqs(pretrained: Path) -> Encode:
    """fairseq's own `extract_features`."""
    model = build_wav2vec2(read_checkpoint(pretrained)).eval()
    return lambda wav, padding: model.extract_features(wav, padding)["x"]


def transformers(pretrained: Path) -> Encode:
    """transformers' own `Wav2Vec2Model`, loaded by itself."""
    from transformers import Wav2Vec2Model, logging

    logging.set_verbosity_error()  # it lists the heads, which are not asked for
    model = Wav2Vec2Model.from_pretrained(pretrained, local_files_only=True).eval()

    def encode(wav: Tensor, padding: Tensor | None) -> Tensor:
        mask = None if padding is None else (~padding).long()
        return model(wav, attention_mask=mask).last_hidden_state

    return encode


@torch.no_grad()
def compare(pretrained: Path, theirs: Encode) -> None:
    """Prints, for each length, the last output's difference from theirs."""
    checkpoint = read_checkpoint(pretrained)
    ours = load_xlsr(checkpoint, "last").eval()
    torch.manual_seed(0)
    lens = torch.tensor(LENGTHS)
    padding = torch.arange(max(LENGTHS)) >= lens[:, None]
    wav = torch.randn(len(LENGTHS), max(LENGTHS)).masked_fill(padding, 0.0)
    (found,), frames = ours(wav, lens)
    expected = theirs(wav, padding)
    print(f"{checkpoint.num_parameters:,} parameters")
    for row, count in enumerate(frames.tolist()):
        show(f"{LENGTHS[row]} samples, in a batch", found[row, :count], expected[row, :count])
    alone = theirs(wav[:1], None)
    show("the longest, alone", ours(wav[:1], lens[:1])[0][0], alone)


def show(name: str, found: Tensor, expected: Tensor) -> None:
    """One line: the largest difference, and the largest value beside it."""
    difference = (found - expected).abs().max().item()
    print(f"{name}: {difference:.1e} of {expected.abs().max().item():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    others = {"fairseq": fairseqs, "transformers": transformers}
    parser.add_argument("--against", choices=others, default="fairseq", help="whose outputs")
    parser.add_argument("--pretrained", type=Path, help="an XLS-R 300M checkpoint")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pretrained = args.pretrained or write_random(Path(folder), args.against)
        compare(pretrained, others[args.against](pretrained))


if __name__ == "__main__":
    main()
