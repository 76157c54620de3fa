"""Dealing shards to jobs."""

import argparse
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad.dump.jobs import add_job_options, check_job, deal, jobs_of, left_to_do
from fad.utils.errors import FadError


@given(st.integers(0, 200), st.integers(1, 50))
def test_each_shard_is_dealt_to_one_job_and_hands_differ_by_one_at_most(shards, nj):
    hands = [deal(shards, job, nj) for job in range(1, nj + 1)]
    assert sorted(number for hand in hands for number in hand) == list(range(1, shards + 1))
    assert max(map(len, hands)) - min(map(len, hands)) <= 1
    for job, hand in enumerate(hands, start=1):
        assert jobs_of(hand, nj) == ([job] if hand else [])


@pytest.mark.parametrize(
    "options", [["--job", "0"], ["--job", "3", "--nj", "2"], ["--nj", "0"], ["--job", "-1"]]
)
def test_a_job_outside_its_number_is_refused(options):
    parser = argparse.ArgumentParser()
    add_job_options(parser)
    with pytest.raises(FadError, match=r"--job .* is not within 1 and --nj"):
        check_job(parser.parse_args(options))


def test_what_is_done_is_passed_over_and_counted(caplog):
    with caplog.at_level(logging.INFO):
        assert left_to_do(8, 2, 3, {1, 2, 8}.__contains__) == [5]
    assert caplog.messages == ["job 2 of 3: 2 of its 3 shards are done already"]
