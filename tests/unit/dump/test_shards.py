"""How a set is cut, what a part is of, and how parts become a table."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fad.data import tables
from fad.dump.jobs import deal
from fad.dump.shards import FEWEST, Parts, audio_parts, cut
from fad.utils.errors import FadError
from fad.utils.files import remove_parts
from tests.helpers.corpus import add_digests

WEIGHTS = st.lists(st.integers(1, 10**6), max_size=200)


@given(WEIGHTS, st.integers(1, 10**6))
@example([1] * 50 + [10**9], 10**6)
@example([10**9] + [1] * 50, 10**6)
def test_shards_follow_each_other_and_none_is_empty(weights, size):
    shards = cut(weights, size)
    assert [index for shard in shards for index in shard] == list(range(len(weights)))
    assert all(shards)
    wanted = max(FEWEST, round(sum(weights) / size))
    assert len(shards) == min(wanted, len(weights))


@given(WEIGHTS, st.integers(1, 10**6))
def test_a_shard_is_off_by_an_utterance_at_most(weights, size):
    shards = cut(weights, size)
    for shard in shards:
        off = abs(sum(weights[index] for index in shard) - sum(weights) / len(shards))
        # Near a heavy one some are left with an utterance where less would be wanted.
        assert off <= max(weights) or len(shard) == 1


def skewed(kind: str) -> list[int]:
    """Lengths in samples of 20,000 clips."""
    rng = np.random.default_rng(0)
    seconds = rng.lognormal(1.0, 1.0, 20_000)
    if kind == "sorted":
        seconds.sort()
    if kind == "two corpora":
        seconds[10_000:] *= 20
    return [int(16_000 * value) + 1 for value in seconds]


@pytest.mark.parametrize("kind", ["mixed", "sorted", "two corpora"])
@pytest.mark.parametrize("nj", [2, 3, 7, 16])
def test_jobs_have_nearly_the_same_to_do(kind, nj):
    lengths = skewed(kind)
    shards = [sum(lengths[index] for index in shard) for shard in cut(lengths, 600 * 16_000)]
    hands = [deal(len(shards), job, nj) for job in range(1, nj + 1)]
    loads = [sum(shards[number - 1] for number in hand) for hand in hands]
    most = math.ceil(len(shards) / nj) / (len(shards) / nj)  # some have a shard more than others
    assert max(loads) / np.mean(loads) <= 1.05 * most


def parts_of(folder, size=10, of="x", utts=None) -> Parts:
    utts = utts or [f"u{index:03d}" for index in range(size)]
    shards = cut([1] * len(utts), 5)
    return Parts(folder / "eval", utts, shards, lambda shard: [f"{of} {utts[i]}" for i in shard])


def write_all(parts: Parts, value: str = "1") -> None:
    for number in parts.numbers:
        parts.write(number, {parts.utts[index]: value for index in parts.shard(number)})


def test_parts_are_joined_in_order(tmp_path):
    write_all(parts_of(tmp_path, 40))
    parts = parts_of(tmp_path, 40)
    parts.check_done(1)
    parts.join(lambda number, value: f"{value}-{number}")
    joined = tables.read_table(tmp_path / "eval")
    assert list(joined) == sorted(joined) == parts.utts
    assert [*joined.values()][::20] == ["1-1", "1-9"]
    parts.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["eval"]


def test_no_utterance_is_no_shard(tmp_path):
    parts = parts_of(tmp_path, 0)
    parts.check_done(3)
    parts.join()
    assert (tmp_path / "eval").read_bytes() == b""


def test_what_a_part_is_of_is_in_its_name(tmp_path):
    paths = {parts_of(tmp_path, of=of).path(number) for of in "xy" for number in (1, 2)}
    assert len(paths) == 4
    assert parts_of(tmp_path).path(1) == parts_of(tmp_path).path(1)


def test_who_must_run_again_is_said(tmp_path):
    write_all(parts_of(tmp_path))
    parts = parts_of(tmp_path)
    for number in (2, 5, 8):
        parts.path(number).unlink()
    with pytest.raises(FadError, match=r"eval: 3 of 10 shards are missing.*: job 2 of 3 must"):
        parts.check_done(3)
    with pytest.raises(FadError, match=r"3 of 10 shards are missing.*: jobs 1, 2, 4 of 4 must"):
        parts.check_done(4)


def test_a_shard_begun_anew_has_no_part_of_something_else(tmp_path):
    write_all(parts_of(tmp_path, of="x"))
    (tmp_path / f".eval.00099.{16 * 'a'}").touch()
    other = parts_of(tmp_path, of="y")
    other.begin(3)
    assert [parts_of(tmp_path).is_done(number) for number in (2, 3, 4)] == [True, False, True]
    other.write(3, {"u002": "2"})
    other.remove_stale()
    assert list(tmp_path.iterdir()) == [other.path(3)]


def test_a_part_that_was_edited_is_not_joined(tmp_path):
    parts = parts_of(tmp_path)
    write_all(parts)
    parts.path(4).write_text("u004 1\n")
    with pytest.raises(FadError, match=r"00004\.[0-9a-f]{16}: damaged: remove it and run"):
        parts.join()
    assert not (tmp_path / "eval").exists()
    remove_parts(tmp_path)


def test_utterances_out_of_order_are_refused(tmp_path):
    with pytest.raises(FadError, match="eval: 'a' comes after 'b': run stage 2 again"):
        parts_of(tmp_path, utts=["b", "a"])


def test_short_clips_weigh_what_they_are_repeated_to(tmp_path):
    utts = [f"u{index:02d}" for index in range(32)]
    lengths = {utt: "1" if index < 16 else "64600" for index, utt in enumerate(utts)}
    tables.write_table(tmp_path / "utt2label", dict.fromkeys(utts, "spoof"))
    tables.write_table(tmp_path / tables.LENGTHS, lengths)
    add_digests(tmp_path)
    parts = audio_parts(tmp_path / "eval", tmp_path, [])
    assert parts.shards == [range(start, start + 2) for start in range(0, 32, 2)]


def test_joining_takes_the_memory_of_a_part(tmp_path):
    utts = [f"u{index:06d}" for index in range(20_000)]
    parts = Parts(tmp_path / "eval", utts, cut([1] * len(utts), 100), lambda shard: [str(shard)])
    write_all(parts, "x" * 500)
    parts.check_done(1)
    parts.join()  # Python's table of interned words may grow once, by megabytes
    tracemalloc.start()
    parts.join()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All parts are 10 MB and more. Python's own table of interned words may double meanwhile: 4 MB.
    assert peak < 6e6
