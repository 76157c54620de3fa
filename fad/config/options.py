"""Options of the programs that build a config."""

import argparse

from fad.config.plugins import add_plugin_option

CONFIG_HELP = "a method of conf/, a YAML file, or several joined by +, such as lora+aasist"
SET_HELP = "a value over the config's, e.g. train.lr=1e-4; may be repeated"


def add_config_options(
    parser: argparse.ArgumentParser, choice: argparse._MutuallyExclusiveGroup | None = None
) -> None:
    """Adds --config, --set and --plugin.

    Args:
        parser: the program's parser.
        choice: a group of alternatives to --config; without one --config is required.
    """
    (choice or parser).add_argument("--config", required=choice is None, help=CONFIG_HELP)
    add_set_options(parser)


def add_set_options(parser: argparse.ArgumentParser) -> None:
    """Adds --set and --plugin."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=SET_HELP)
    add_plugin_option(parser)
