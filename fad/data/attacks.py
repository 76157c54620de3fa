"""Names of attacks: `<corpus>/<attack>`, since A01 of one corpus is not A01 of another.

A recipe may use another corpus's attacks (ASVspoof 2021 uses those of 2019). It says so, and the
name then has that corpus. Tables and plots show only the last part where it is unique.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from fad.data.tables import NO_ATTACK, Table, read_table

logger = logging.getLogger(__name__)


def name_attack(corpus: str, attack: str) -> str:
    """The full name of an attack, such as `asvspoof2019_la/A07`."""
    return f"{corpus}/{attack}"


def read_attacks(path: Path) -> Table:
    """Reads an `utt2attack` and gives its attacks full names.

    Older tables have names without a corpus. The corpus is then taken from the utterance ids, if
    all of them begin with the same one; otherwise the names stay as they are.

    Raises:
        FadError: the table is missing or malformed.
    """
    table = read_table(path)
    short = {attack for attack in table.values() if attack != NO_ATTACK and "/" not in attack}
    corpus = _common_corpus(table) if short else None
    if corpus is None:
        return table
    logger.info("%s: its attacks name no corpus: taken from its utterance ids: %s", path, corpus)
    full = {attack: name_attack(corpus, attack) for attack in short}
    return {utt: full.get(attack, attack) for utt, attack in table.items()}


def _common_corpus(utts: Iterable[str]) -> str | None:
    """The part before the first `-`, if all utterance ids share it."""
    first = next(iter(utts), "")
    corpus, dash, _ = first.partition("-")
    if not (corpus and dash):
        return None
    return corpus if all(utt.startswith(f"{corpus}-") for utt in utts) else None


def short_attacks(attacks: Iterable[str]) -> Mapping[str, str]:
    """The name to show for each attack: the last part if it is unique, else the full name."""
    attacks = set(attacks)
    count = Counter(_last(attack) for attack in attacks)
    return {name: _last(name) if count[_last(name)] == 1 else name for name in attacks}


def _last(attack: str) -> str:
    return attack.rpartition("/")[2]
