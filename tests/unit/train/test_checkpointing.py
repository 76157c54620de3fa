"""`checkpoint.pt`: what is read back, which epoch is the best, and damage."""

import os

import pytest
import torch

from fad.train.checkpointing import Progress, load_checkpoint, save_checkpoint
from fad.utils.errors import FadError


def test_progress_and_states_are_read_back(tmp_path):
    best = {"epoch": 2, "dev_eer": 0.1, "dev_loss": 0.5}
    progress = Progress("last", epoch=3, step=12, best=best)
    progress.history.append({"epoch": 3, "seconds": 1.5})
    save_checkpoint(tmp_path / "c.pt", progress, {"trained": {"w": torch.arange(3)}})
    found, states = load_checkpoint(tmp_path / "c.pt")
    assert found == progress
    assert torch.equal(states["trained"]["w"], torch.arange(3))


@pytest.mark.parametrize(
    ("eer", "loss", "better"),
    [
        (0.1, 0.5, False),
        (0.1, 0.4, True),
        (0.1, 0.6, False),
        (0.2, 0.1, False),
        (0.05, 9.0, True),
    ],
)
def test_the_best_has_the_lowest_eer_and_ties_go_to_the_lower_loss(eer, loss, better):
    progress = Progress("dev_eer", losses=[1.0])
    assert progress.end_epoch(0.1, 0.5, peak_memory_mb=1.0, place={})
    progress.losses = [1.0]
    assert progress.end_epoch(eer, loss, peak_memory_mb=1.0, place={}) == better
    assert progress.best["epoch"] == (2 if better else 1)


EPOCHS = [(0.3, 0.2, 9.0), (0.1, 0.5, 7.0), (0.2, 0.1, 8.0)]  # dev EER, dev loss, train loss


@pytest.mark.parametrize(
    ("select", "ranking"),
    [
        ("dev_eer", [2, 3, 1]),
        ("dev_loss", [3, 1, 2]),
        ("train_loss", [2, 3, 1]),
        ("last", [3, 2, 1]),
    ],
)
def test_epochs_are_ranked_as_asked(select, ranking):
    progress = Progress(select)
    for dev_eer, dev_loss, train_loss in EPOCHS:
        progress.losses = [train_loss]
        progress.end_epoch(dev_eer, dev_loss, peak_memory_mb=1.0, place={})
    assert progress.best_epochs(9) == ranking
    assert progress.best["epoch"] == ranking[0]


def test_an_epoch_that_is_not_complete_is_never_the_best():
    progress = Progress("last", losses=[1.0])
    assert not progress.end_epoch(0.1, 0.5, peak_memory_mb=1.0, place={}, complete=False)
    assert (progress.best, progress.best_epochs(1)) == (None, [])


def test_an_epochs_end_keeps_its_mean_loss_and_begins_the_next():
    progress = Progress("dev_eer", step=7, losses=[1.0, 2.0, 4.5], seconds=3.0, peak_memory_mb=5.0)
    progress.end_epoch(0.1, 0.5, peak_memory_mb=4.0, place={"device": "cpu"})
    first = {"epoch": 1, "dev_eer": 0.1, "dev_loss": 0.5}
    took = {"train_loss": 2.5, "seconds": 3.0, "complete": True, "device": "cpu"}
    assert progress == Progress("dev_eer", 1, 7, [], 0.0, first, [{**first, **took}], 5.0)


def test_a_file_cut_short_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, Progress("dev_eer"), {"trained": {"w": torch.zeros(1000)}})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(FadError, match=r"c.pt: damaged; remove it"):
        load_checkpoint(path)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/canary",)

    torch.save({"progress": {}, "x": Bomb()}, tmp_path / "c.pt")
    with pytest.raises(FadError, match=r"c.pt: damaged"):
        load_checkpoint(tmp_path / "c.pt")
    assert not (tmp_path / "canary").exists()
