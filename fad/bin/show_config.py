"""Prints every value of a config, as training would use it."""

import argparse
import sys
from collections.abc import Sequence

from fad.config.options import add_config_options
from fad.config.resolve import dump_config, load_config
from fad.utils.cli import run

DESCRIPTION = """\
Checks a config and its overrides, and prints every value that training would use.

    python -m fad.bin.show_config --config lora+aasist --set adaptation_conf.rank=8
"""


def get_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m fad.bin.show_config",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the resolved config as YAML.

    Raises:
        FadError: there is no such config, or a key or a value is not known.
    """
    args = get_parser().parse_args(argv)
    sys.stdout.write(dump_config(load_config(args.config, args.set)))


if __name__ == "__main__":
    run(main)
