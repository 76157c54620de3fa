"""Random crops, the order of an epoch, and batches by length."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data._utils.pin_memory import pin_memory

from fad.data.batches import (
    NO_FRAME,
    EpochBatches,
    Example,
    FirstCrops,
    RandomCrops,
    WholeUtterances,
    collate,
    length_batches,
    scoring_loader,
    training_loader,
)

FRAMES = [10, 30, 30, 12, 55]


class Counting:
    """Utterances whose frame t is the number t: a crop shows where it was taken."""

    def __init__(self, unit: int = 1) -> None:
        self.frames, self.unit = FRAMES, unit
        self.utts = [f"u{n}" for n in range(len(FRAMES))]

    def load(self, index: int) -> torch.Tensor:
        return torch.arange(self.frames[index] * self.unit).float()

    def load_crop(self, index: int, start: int, frames: int) -> torch.Tensor:
        return self.load(index)[start * self.unit : (start + frames) * self.unit]


def example(index: int, inputs: torch.Tensor, start: int = 0) -> Example:
    return Example(index, f"u{index}", start, inputs)


def starts(seed: int, unit: int = 1) -> list[list[int]]:
    crops = RandomCrops(Counting(unit), 20, seed)
    return [
        [int(crops[epoch, index].inputs[0]) // unit for index in range(len(FRAMES))]
        for epoch in range(40)
    ]


def test_crops_depend_on_seed_epoch_and_utterance_alone():
    assert starts(1) == starts(1)
    assert starts(1) != starts(2)
    assert starts(1)[0] != starts(1)[1]
    again = RandomCrops(Counting(), 20, 1)
    assert int(again[17, 4].inputs[0]) == starts(1)[17][4]  # asked for alone, out of order


def test_frames_and_audio_are_cropped_at_the_same_places():
    assert starts(1, unit=1) == starts(1, unit=320)


def test_crops_lie_within_the_utterance_and_reach_both_ends():
    found = starts(3)
    for index, frames in enumerate(FRAMES):
        seen = {epoch[index] for epoch in found}
        assert min(seen) == 0
        assert max(seen) <= max(frames - 20, 0)
    assert {epoch[1] for epoch in found} == set(range(11))


def test_a_short_utterance_is_taken_whole():
    assert len(RandomCrops(Counting(), 20, 1)[0, 0].inputs) == 10


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_an_epoch_has_each_utterance_once(size, batch_size, epoch):
    batches = EpochBatches(size, batch_size, seed=1)
    batches.begin(epoch)
    found = list(batches)
    assert len(found) == len(batches)
    assert sorted(index for batch in found for _, index in batch) == list(range(size))
    assert {number for batch in found for number, _ in batch} == {epoch}
    assert all(len(batch) == batch_size for batch in found[:-1])


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5), st.integers(0, 5))
def test_processes_share_the_batches_that_one_would_see(size, batch_size, processes, first):
    whole = EpochBatches(size, batch_size, seed=1)
    shares = [EpochBatches(size, batch_size, 1, rank, processes) for rank in range(processes)]
    for batches in (whole, *shares):
        batches.begin(4, first)
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(key for part in parts for key in part) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert list(whole) == list(whole.whole(4))[first:]


def test_a_batch_of_no_examples_is_empty():
    assert collate([]).indices == []


def test_the_order_changes_with_epoch_and_seed_and_with_nothing_else():
    def order(seed, epoch):
        batches = EpochBatches(50, 50, seed)
        batches.begin(epoch)
        return [index for _, index in next(iter(batches))]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=40),
    st.integers(1, 300),
    st.booleans(),
    st.data(),
)
def test_batches_by_length_have_each_utterance_once_within_the_bound(frames, bound, equal, data):
    source = SimpleNamespace(frames=frames)
    indices = data.draw(st.lists(st.sampled_from(range(len(frames))), unique=True))
    batches = length_batches(source, indices, bound, equal)
    assert sorted(index for batch in batches for index in batch) == sorted(indices)
    for batch in batches:
        padded = len(batch) * max(frames[index] for index in batch)
        assert padded <= bound or len(batch) == 1
        assert not equal or len({frames[index] for index in batch}) == 1


def test_utterances_of_one_length_are_still_together():
    source = SimpleNamespace(frames=[10, 30, 30, 12, 10, 10, 30])
    batches = length_batches(source, range(7), 60, equal_lengths=True)
    assert batches == [[0, 4, 5], [3], [1, 2], [6]]


def test_batches_do_not_depend_on_the_order_asked_for():
    source = Counting()
    batches = [length_batches(source, some, 60, False) for some in ([4, 1, 0, 2], [0, 1, 2, 4])]
    assert batches[0] == batches[1]


def test_collating_pads_with_zeros_and_keeps_lengths_and_places():
    batch = collate([example(5, torch.ones(2)), example(3, torch.full((4,), 2.0))])
    assert batch.inputs.tolist() == [[1, 1, 0, 0], [2, 2, 2, 2]]
    assert batch.lens.tolist() == [2, 4]
    assert batch.indices == [5, 3]
    frames = collate([example(0, torch.ones(2, 3)), example(1, torch.ones(5, 3))])
    assert frames.inputs.shape == (2, 5, 3)
    assert frames.inputs[0, 2:].abs().sum() == 0


def test_a_batch_is_pinned_as_dataloaders_ask_for_it(monkeypatch):
    # Without a GPU nothing can be pinned: doubling marks what was asked.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self * 2)
    pinned = pin_memory(collate([example(5, torch.ones(2), 7), example(3, torch.ones(4), 1)]))
    assert pinned.inputs.tolist() == [[2, 2, 0, 0], [2, 2, 2, 2]]
    assert pinned.lens.tolist() == [4, 8]
    assert pinned.starts.tolist() == [14, 2]
    assert pinned.labels is None
    assert pinned.indices == [5, 3]


def test_a_batch_has_the_labels_and_starts_of_its_crops():
    labels = [1, 0, 0, 1, 0]
    crops = RandomCrops(Counting(), 20, 1, labels)
    batch = collate([crops[17, index] for index in (4, 0, 1)])
    assert batch.labels.tolist() == [0, 1, 0]
    assert batch.inputs[:, 0].tolist() == batch.starts.tolist()  # frame t is the number t
    assert batch.starts[0] > 0
    first = collate([FirstCrops(Counting(), 20, labels)[17, 4]])
    assert (first.starts.tolist(), first.labels.tolist()) == ([0], [0])


def test_labels_that_are_needed_and_not_there_are_an_error():
    batch = collate([Example(index=0, utt="c-a", start=0, inputs=torch.zeros(4))])
    with pytest.raises(ValueError, match="no labels"):
        _ = batch.known_labels


def test_frame_labels_are_padded_by_what_a_loss_passes_over():
    one, two = torch.tensor([1, 0]), torch.tensor([1, 1, 0])
    with_labels = [
        Example(n, f"c-{n}", 0, torch.ones(len(found)), 1, found)
        for n, found in enumerate((one, two))
    ]
    batch = collate(with_labels)
    assert batch.frame_labels.tolist() == [[1, 0, NO_FRAME], [1, 1, 0]]
    logits = torch.zeros(2, 3, 2)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.frame_labels.flatten())
    assert loss.item() == pytest.approx(math.log(2))  # of five frames, not of six
    assert collate([with_labels[0], example(1, torch.ones(3))]).frame_labels is None


def test_an_example_knows_its_corpus():
    assert Example(0, "asvspoof2019_la-LA_T_1", 0, torch.ones(1)).corpus == "asvspoof2019_la"


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_training_loader_follows_the_epoch_that_is_set_before_each_pass(num_workers):
    batches = EpochBatches(len(FRAMES), 2, seed=1)
    loader = training_loader(RandomCrops(Counting(), 20, batches.seed), batches, num_workers)
    for epoch in (3, 0):
        batches.begin(epoch)
        expected = [[index for _, index in batch] for batch in batches]
        crops = RandomCrops(Counting(), 20, 1)
        found = list(loader)
        assert [batch.indices for batch in found] == expected
        for batch in found:
            for row, index in enumerate(batch.indices):
                assert torch.equal(batch.inputs[row, : batch.lens[row]], crops[epoch, index].inputs)


def test_the_scoring_loader_gives_whole_utterances():
    everything = WholeUtterances(Counting())
    found = list(scoring_loader(everything, [4, 0, 3], 24, equal_lengths=False, num_workers=0))
    assert [batch.indices for batch in found] == [[0, 3], [4]]
    assert [batch.lens.tolist() for batch in found] == [[10, 12], [55]]
    alone = scoring_loader(everything, [4, 0, 3], 24, equal_lengths=True, num_workers=0)
    assert [batch.indices for batch in alone] == [[0], [3], [4]]
