"""Sharing work among jobs."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad.data import tables
from fad.data.jobs import add_job_options, check_job, combine_parts, part_path, share
from fad.errors import FadError


@given(st.integers(0, 200), st.integers(1, 50))
def test_the_shares_in_turn_are_all_items_and_differ_by_one_at_most(size, nj):
    shares = [share(range(size), job, nj) for job in range(1, nj + 1)]
    assert [item for part in shares for item in part] == list(range(size))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    "options", [["--job", "0"], ["--job", "3", "--nj", "2"], ["--nj", "0"], ["--job", "-1"]]
)
def test_a_job_outside_its_number_is_refused(options):
    parser = argparse.ArgumentParser()
    add_job_options(parser)
    with pytest.raises(FadError, match=r"--job .* is not within 1 and --nj"):
        check_job(parser.parse_args(options))


def test_joining_removes_what_killed_runs_left_and_no_other_table(tmp_path):
    out = tmp_path / "eval"
    for job in (1, 2):
        tables.write_table(part_path(out, job, 2), {f"u{job}": "x"})
    tables.write_table(part_path(out, 1, 3), {"u1": "of a killed run"})
    tables.write_table(part_path(tmp_path / "dev", 1, 2), {"u9": "another set's"})
    (tmp_path / ".eval.part99").write_text("half")
    assert combine_parts(out, 2) == tables.read_table(out) == {"u1": "x", "u2": "x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dev.1of2", "eval"]
