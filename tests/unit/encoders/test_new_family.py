"""A new family of encoders is one file and one line of the registry: nothing else in fad changes.

`tests/helpers/toy_encoder.py` is put into the registry, then adapted by every method, stored,
trained and scored with.
"""

import shutil

import pytest
import torch

from fad.bin import dump_frames
from fad.config import registry
from fad.data.sources import AudioSource
from fad.inference.loading import load_for_scoring
from fad.inference.scoring import score_utterances
from fad.utils.errors import FadError
from tests.helpers.experiment import losses, train
from tests.helpers.toy_encoder import Toy
from tests.unit.adaptation import test_contract as clauses
from tests.unit.adaptation import test_precisions as precisions
from tests.unit.adaptation.test_contract import SHIPPED, XLSR_ALONE, Case

CLAUSES = (
    clauses.test_at_step_0_the_output_is_the_base_models,
    clauses.test_every_owned_parameter_gets_a_gradient_within_two_steps,
    clauses.test_training_leaves_all_that_is_not_owned_as_it_was,
    clauses.test_what_trains_is_what_is_owned,
    clauses.test_merged_equals_unmerged_and_has_the_base_models_names,
    clauses.test_padded_in_a_batch_it_scores_as_alone,
    clauses.test_the_boundary_is_named_and_what_lies_below_it_does_not_change,
    precisions.test_in_8_bits_it_scores_nearly_as_in_float,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry.SLOTS["encoder"], "toy", "tests.helpers.toy_encoder:load_toy")


@pytest.mark.parametrize("method", [name for name in SHIPPED if name not in XLSR_ALONE])
def test_every_method_keeps_its_contract_in_it(mini_file, tmp_path, method):
    case = Case(method, "toy", mini_file)
    assert isinstance(case.build().encoder, Toy)
    for clause in CLAUSES:
        clause(case)
    clauses.test_saved_while_in_eval_and_reloaded_the_scores_are_identical(case, tmp_path)


@pytest.mark.parametrize("method", [name for name in SHIPPED if name in XLSR_ALONE])
def test_a_method_that_it_cannot_serve_says_so(mini_file, method):
    with pytest.raises(FadError, match=r"^the encoder Toy cannot .*: set encoder=xlsr$"):
        Case(method, "toy", mini_file).build()


def test_it_is_stored_trained_and_scored_with(mini_file, tiny_dump, tmp_path):
    dump = tmp_path / "dump"
    shutil.copytree(tiny_dump, dump)
    first = ("encoder=toy", "train.crop=first", "train.crop_samples=16400")
    for name, use in (("train", "train"), ("dev", "dev")):
        options = ["--config", "frozen", "--pretrained", str(mini_file), "--dump_dir", str(dump)]
        options += ["--name", name, "--use", use, "--dump", "all"]
        options += [word for override in first for word in ("--set", override)]
        dump_frames.main(options)
        dump_frames.main([*options, "--combine", "true"])
    stored = train(tmp_path / "stored", mini_file, dump, "frozen", *first, stored="all")
    plain = train(tmp_path / "plain", mini_file, tiny_dump, "frozen", *first)
    assert losses(stored) == pytest.approx(losses(plain), abs=1e-5)

    exp = train(tmp_path / "lora", mini_file, tiny_dump, "lora", "encoder=toy")
    scores = []
    for precision in ("fp32", "int8"):
        detector = load_for_scoring(exp, None, torch.device("cpu"), precision)
        encoder = detector.encoder
        source = AudioSource(tiny_dump / "audio" / "dev", encoder.grid, encoder.normalize)
        scores.append(score_utterances(detector, source, range(6), torch.device("cpu")))
    assert 0 < abs(scores[0] - scores[1]).max() < 0.1
    assert scores[0].std() > 0
