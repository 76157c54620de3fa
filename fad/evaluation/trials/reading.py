"""Reads trials from score files and a key, by the options of `fad.evaluation.trials.options`."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fad.data.tables import check_same_keys
from fad.evaluation.trials.joining import by_stem, join, read_any_key
from fad.evaluation.trials.keys import Key
from fad.evaluation.trials.score_files import ScoreFile, read_scores
from fad.evaluation.trials.trials import Trials, check_classes, choose_phase, of_phase
from fad.utils.cli import parse_pairs
from fad.utils.errors import FadError


def read_files(args: Namespace, paths: Sequence[str | Path]) -> list[ScoreFile]:
    """Reads score files as the options of `add_score_options` say.

    Raises:
        FadError: as `read_scores`.
    """
    columns = parse_pairs("--columns", args.columns, "utt=filename")
    files = [read_scores(path, columns, args.bonafide, args.logits) for path in paths]
    return files if args.higher == "bonafide" else [_negated(file) for file in files]


def _negated(file: ScoreFile) -> ScoreFile:
    """Scores of which higher means a spoof, with the sign that all of fad expects."""
    return replace(file, scores={utt: -score for utt, score in file.scores.items()})


def read_trials(
    args: Namespace,
    paths: Sequence[str | Path],
    tables: Mapping[str, str | Path | None],
) -> list[Trials]:
    """Reads the trials of each score file, in all its phases, as both groups of options say.

    Without a key, the first file that has labels is the key of all files.

    Args:
        args: the parsed options.
        paths: score files.
        tables: further columns of the trials, as `join` takes them; None for those not given.

    Raises:
        FadError: as `join`, `by_stem` and the readers; or --key_columns without --key.
    """
    if args.key_columns and not args.key:
        raise FadError("--key_columns goes with --key: give that too")
    chosen = parse_pairs("--key_columns", args.key_columns, "label=key")
    found = read_files(args, paths)
    key = read_any_key(args.key, chosen, args.bonafide) if args.key else _own_key(found)
    files = {name: path for name, path in tables.items() if path}
    pairs = [by_stem(file, key) if args.stems else (file, key) for file in found]
    return [join(file, its_key, files, args.phase) for file, its_key in pairs]


def read_systems(
    args: Namespace,
    paths: Sequence[str | Path],
    tables: Mapping[str, str | Path | None],
) -> list[Trials]:
    """Reads the same trials scored by several systems: those of --phase, or of the phase `eval`.

    Raises:
        FadError: as `read_trials`; there is no such phase, or the systems have different trials.
    """
    trials = read_trials(args, paths, tables)
    phases = [choose_phase(system, args.phase) for system in trials]
    systems = [of_phase(system, phase) for system, phase in zip(trials, phases, strict=True)]
    for system, phase in zip(systems, phases, strict=True):
        check_classes(system, phase)
    try:
        check_same_keys({system.name: dict.fromkeys(system.utts) for system in systems})
    except FadError as error:
        raise FadError(f"{error}: give a --key that has the phases of all") from error
    return systems


def _own_key(found: Sequence[ScoreFile]) -> Key | None:
    for file in found:
        if file.labels:
            return Key(file.path, file.labels, file.columns)
    return None
