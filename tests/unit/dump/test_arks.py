"""Matrices of an ark: what kaldiio wrote is read, and an entry never runs anything."""

import pickle
import tracemalloc

import kaldiio
import numpy as np
import pytest

from fad.data import tables
from fad.dump.arks import Entries, read_matrix
from fad.utils.errors import FadError


class Bomb:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


@pytest.fixture
def scp(tmp_path):
    rng = np.random.default_rng(0)
    matrices = {f"u{n}": rng.normal(size=(n + 2, 3)).astype(np.float32) for n in range(3)}
    kaldiio.save_ark(str(tmp_path / "a.ark"), matrices, scp=str(tmp_path / "feats.scp"))
    return matrices, tables.read_table(tmp_path / "feats.scp")


def test_it_reads_what_kaldiio_wrote(scp):
    matrices, entries = scp
    for utt, entry in entries.items():
        rows = range(len(matrices[utt]))
        np.testing.assert_array_equal(read_matrix(entry, matrices[utt].shape, rows), matrices[utt])


@pytest.mark.parametrize("rows", [range(0, 1), range(1, 3), range(3, 4), range(0, 4)])
def test_it_reads_some_rows_alone(scp, rows):
    matrices, entries = scp
    found = read_matrix(entries["u2"], (4, 3), rows)
    np.testing.assert_array_equal(found, matrices["u2"][rows.start : rows.stop])
    found[:] = 0  # the caller's own


def test_entries_come_back_and_name_each_ark_once():
    given = [f"/dump/feats.{n % 2}of2.ark:{n * 10**15}" for n in range(100)]
    entries = Entries()
    for entry in given:
        entries.append(entry)
    assert [entries[index] for index in range(100)] == given
    assert len(entries._arks) == 2
    with pytest.raises(FadError, match=r"not .<file>\.ark:<offset>"):
        entries.append("/dump/feats.ark")


def test_rows_that_are_passed_over_are_not_read(tmp_path):
    ark = tmp_path / "long.ark"
    kaldiio.save_ark(str(ark), {"u": np.arange(30_000, dtype=np.float32).reshape(10_000, 3)})
    tracemalloc.start()
    found = read_matrix(f"{ark}:2", (10_000, 3), range(9_000, 9_010))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[0].tolist() == [27_000, 27_001, 27_002]
    assert peak < 120_000 / 2  # bytes of the whole


def test_rows_beyond_what_is_there_are_refused(scp, tmp_path):
    _, entries = scp
    ark = tmp_path / "a.ark"
    ark.write_bytes(ark.read_bytes()[:-13])  # a row and a byte of the last
    read_matrix(entries["u2"], (4, 3), range(0, 2))
    with pytest.raises(FadError, match="cut short; remove it"):
        read_matrix(entries["u2"], (4, 3), range(1, 3))


def test_another_shape_type_or_a_file_cut_short_is_refused(scp, tmp_path):
    _, entries = scp
    with pytest.raises(FadError, match=r"not a float32 matrix of shape \(2, 4\)"):
        read_matrix(entries["u0"], (2, 4), range(2))
    kaldiio.save_ark(str(tmp_path / "double.ark"), {"u": np.zeros((2, 3))})
    with pytest.raises(FadError, match="not a float32 matrix"):
        read_matrix(f"{tmp_path}/double.ark:2", (2, 3), range(2))
    ark = tmp_path / "a.ark"
    ark.write_bytes(ark.read_bytes()[:-1])
    with pytest.raises(FadError, match="cut short; remove it"):
        read_matrix(entries["u2"], (4, 3), range(4))
    with pytest.raises(FadError, match=r"gone\.ark:0: No such file"):
        read_matrix(f"{tmp_path}/gone.ark:0", (2, 3), range(2))


@pytest.mark.parametrize(
    "entry", ["touch {} |:0", "touch {} |[0:1]", "touch {} |", "| touch {}", "-", "{}.ark"]
)
def test_what_kaldiio_would_run_is_refused(entry, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(FadError, match=r"not .<file>\.ark:<offset>"):
        read_matrix(entry.format(canary), (2, 3), range(2))
    assert not canary.exists()


def test_a_pickle_in_an_ark_is_not_loaded(tmp_path):
    canary = tmp_path / "canary"
    (tmp_path / "bomb.ark").write_bytes(b"u PKL" + pickle.dumps(Bomb(canary)))
    with pytest.raises(FadError, match="not a float32 matrix"):
        read_matrix(f"{tmp_path}/bomb.ark:2", (2, 3), range(2))
    assert not canary.exists()


@pytest.mark.parametrize("value", ["touch x |:0", "touch x | [0:1]", "touch x |", "|touch x"])
def test_a_pipe_in_a_table_is_refused_in_all_of_kaldis_forms(value, tmp_path):
    (tmp_path / "feats.scp").write_text(f"u {value}\n")
    with pytest.raises(FadError, match="is a pipe, which is never run"):
        tables.read_wav_scp(tmp_path / "feats.scp")
