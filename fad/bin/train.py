"""Stage 3: trains a method on a dumped corpus."""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from fad.config.options import add_config_options
from fad.config.resolve import config_name, load_config
from fad.encoders.boundary import DUMP_HELP, parse_dump
from fad.utils.cli import run

DESCRIPTION = """\
Trains a method of conf/ on a dumped corpus and writes an experiment directory.

    python -m fad.bin.train --config lora --pretrained xlsr2_300m.pt --exp exp/lora_r8 \\
        --set train.lr=1e-4 --set adaptation_conf.rank=8

Stopped and started again with the same options, it goes on where it was. The best epoch is by dev
EER, ties by dev loss; no test set is read. SIGTERM and SIGUSR1 save it before it ends. Several
processes share each batch:
    utils/launch.py --nproc_per_node 4 -m fad.bin.train --ngpu 4 ...
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.train",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_options(parser)
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a fairseq file or a Hugging Face folder"
    )
    parser.add_argument("--dump_dir", type=Path, default=Path("dump"), help="stage 2's (dump)")
    parser.add_argument("--dump", type=parse_dump, default="auto", help=DUMP_HELP)
    parser.add_argument("--train_set", default="train", help="its training set (train)")
    parser.add_argument("--dev_set", default="dev", help="its dev set (dev)")
    parser.add_argument("--exp", type=Path, required=True, help="the experiment directory")
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs, one a process; 0: the CPU")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Trains.

    Raises:
        FadError: see `fad.train.experiment`.
    """
    args = get_parser().parse_args(argv)
    config = load_config(args.config, args.set)
    from fad.experiment.directory import ExperimentDir
    from fad.train.experiment import train_experiment
    from fad.train.world import joined

    exp = ExperimentDir(args.exp)
    with joined(args.ngpu) as (world, device), exp.held() if world.rank == 0 else nullcontext():
        train_experiment(
            config,
            config_name(args.config),
            args.pretrained,
            args.dump_dir,
            args.train_set,
            args.dev_set,
            exp,
            device,
            args.dump,
            world,
        )


if __name__ == "__main__":
    run(main)
