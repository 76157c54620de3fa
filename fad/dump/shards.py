"""Shards of a set: pieces of work whose results are saved one by one and joined at the end.

A shard is a range of a set's sorted utterances. Shards depend only on the data, never on the number
of jobs, so neither do the results. The result of a shard is its part: a table of its utterances, in
a hidden file beside the final table. The part's name has the shard's number and a digest of all its
inputs. So a job skips the shards that a killed job has finished, and parts from other inputs are
never joined.
"""

import hashlib
import logging
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path

from fad.data import tables
from fad.data.digests import DIGESTS, check_digest, check_has_digests
from fad.data.lengths import prepared_length
from fad.data.packed import Texts
from fad.dump.jobs import jobs_of
from fad.utils.errors import FadError
from fad.utils.files import atomic_path, remove_parts

FEWEST = 16  # shards of a set, so that several jobs have work on a small set
SAMPLES = 600 * 16_000  # of a shard, roughly: ten minutes are soon repeated

_DIGITS = 16  # hexadecimal digits of a digest

logger = logging.getLogger(__name__)


def cut(weights: Sequence[int], size: int) -> list[range]:
    """Cuts a set into ranges of nearly equal weight.

    Args:
        weights: (N,) the weight of each utterance, at least 1, in their order.
        size: the weight that a range should have, roughly.

    Returns:
        Consecutive ranges, none empty: at least `FEWEST`, or one for each utterance if fewer.
    """
    if not weights:
        return []
    ends = list(accumulate(weights))
    count = min(max(FEWEST, round(ends[-1] / size)), len(weights))
    edges = [0]
    for number in range(1, count):
        wanted = ends[-1] * number / count
        across = bisect_left(ends, wanted)  # the utterance that contains the wanted edge
        edge = across + (wanted > ends[across] - weights[across] / 2)
        edges.append(min(max(edge, edges[-1] + 1), len(weights) - count + number))
    return [range(start, end) for start, end in pairwise([*edges, len(weights)])]


def shard_name(number: int) -> str:
    """A shard's number as it is written in file names."""
    return f"{number:05d}"


class Parts:
    """The parts of one table.

    Args:
        table: the final table.
        utts: all utterances of the set, sorted.
        shards: ranges of utterances, numbered from 1.
        made_from: returns, as lines, all inputs of the part of a range.

    Raises:
        FadError: the utterances are not sorted.
    """

    def __init__(
        self,
        table: Path,
        utts: Sequence[str],
        shards: Sequence[range],
        made_from: Callable[[range], Iterable[str]],
    ) -> None:
        self.table, self.utts, self.shards = table, utts, shards
        self._made_from = made_from
        self._paths: dict[int, Path] = {}
        for before, after in pairwise(utts):
            if before >= after:
                raise FadError(f"{table}: '{after}' comes after '{before}': run stage 2 again")

    @property
    def numbers(self) -> range:
        """The numbers of all shards."""
        return range(1, len(self.shards) + 1)

    def shard(self, number: int) -> range:
        """The range of utterances of a shard."""
        return self.shards[number - 1]

    def path(self, number: int) -> Path:
        """The path of a shard's part, which need not exist."""
        if number not in self._paths:
            digest = hashlib.sha256()
            for line in self._made_from(self.shard(number)):
                digest.update(f"{line}\n".encode())
            name = f".{self.table.name}.{shard_name(number)}.{digest.hexdigest()[:_DIGITS]}"
            self._paths[number] = self.table.with_name(name)
        return self._paths[number]

    def is_done(self, number: int) -> bool:
        """Whether a shard's part exists."""
        return self.path(number).is_file()

    def begin(self, number: int) -> None:
        """Removes parts of this shard that were made from other inputs.

        Call it before writing the files that the part lists.
        """
        for part in self._found.get(number, []):
            if part != self.path(number):
                part.unlink(missing_ok=True)

    def write(self, number: int, part: Mapping[str, str]) -> None:
        """Writes a shard's part, which marks the shard as done."""
        tables.write_table(self.path(number), part)

    def check_done(self, nj: int) -> None:
        """Checks that all parts exist.

        Raises:
            FadError: some are missing; the message names their jobs of `nj`.
        """
        missing = [number for number in self.numbers if not self.is_done(number)]
        if missing:
            jobs = jobs_of(missing, nj)
            which = f"job {jobs[0]}" if len(jobs) == 1 else f"jobs {', '.join(map(str, jobs))}"
            raise FadError(
                f"{self.table}: {len(missing)} of {len(self.shards)} shards are missing, or were "
                f"made from something else: {which} of {nj} must be run again"
            )

    def read(self, number: int) -> tables.Table:
        """Reads a shard's part.

        Raises:
            FadError: its utterances are not those of the shard.
        """
        part = tables.read_table(self.path(number))
        if list(part) != [self.utts[index] for index in self.shard(number)]:
            raise FadError(f"{self.path(number)}: damaged: remove it and run the stage again")
        return part

    def join(self, value: Callable[[int, str], str] = lambda number, text: text) -> None:
        """Writes the table, part by part; `value` maps a shard's number and a value in its part."""
        with atomic_path(self.table) as beside, open(beside, "w", encoding="utf-8") as file:
            for number in self.numbers:
                part = self.read(number)
                file.writelines(f"{utt} {value(number, text)}\n" for utt, text in part.items())
        logger.info("%s: %d utterances", self.table, len(self.utts))

    def remove_stale(self) -> None:
        """Removes parts of other shards and parts that were made from other inputs."""
        for number in self._found:
            if number in self.numbers:
                self.begin(number)
            else:
                self._unlink(number)

    def remove(self) -> None:
        """Removes all parts and the remains of killed writers; call it when all jobs have ended."""
        for number in self._found:
            self._unlink(number)
        remove_parts(self.table.parent)

    def _unlink(self, number: int) -> None:
        for part in self._found[number]:
            part.unlink(missing_ok=True)

    @cached_property
    def _found(self) -> dict[int, list[Path]]:
        """All parts by number. One listing is enough: no other job writes parts of our shards."""
        name = re.compile(rf"\.{re.escape(self.table.name)}\.(\d{{5,}})\.[0-9a-f]{{{_DIGITS}}}")
        found: dict[int, list[Path]] = {}
        folder = self.table.parent
        for entry in os.listdir(folder) if folder.is_dir() else []:
            if matched := name.fullmatch(entry):
                found.setdefault(int(matched[1]), []).append(folder / entry)
        return found


def audio_parts(table: Path, audio: Path, about: Iterable[str]) -> Parts:
    """Parts whose input is a dumped set's audio, about ten minutes each.

    Args:
        table: the final table.
        audio: a `dump/audio/<set>`.
        about: lines with their other inputs.

    Raises:
        FadError: a table cannot be read.
    """
    check_has_digests(audio)
    columns = {audio / tables.LENGTHS: tables.check_length, audio / DIGESTS: check_digest}
    utts, digests, weights = Texts(), Texts(), array("q")
    for utt, (samples, digest) in tables.read_together(columns):
        utts.append(utt)
        digests.append(digest)
        weights.append(prepared_length(int(samples)))
    about = list(about)

    def made_from(shard: range) -> Iterator[str]:
        yield from about
        for index in shard:
            yield f"{utts[index]} {digests[index]}"

    return Parts(table, utts, cut(weights, SAMPLES), made_from)
