"""The contract that every adaptation method keeps, in both encoders."""

import hashlib

import pytest
import torch
from torch import nn

from fad.adaptation.base import NotMergeable
from fad.config import shipped
from fad.config.resolve import load_config
from fad.encoders.boundary import FRONTEND, NONE, block
from fad.models.detector import Detector, build_detector, load_detector, save_detector
from fad.utils.errors import FadError
from fad.utils.files import write_text
from tests.helpers import contract
from tests.helpers.contract import logits

# A config with another back-end has one of the same adaptations: the contract is the adaptation's,
# and `pool`, which masks padding and never drops out, lets it show.
SHIPPED = [name for name in shipped.methods() if load_config(name)["backend"] == "pool"]
ENCODERS = ("xlsr", "fairseq_xlsr")
ALL_SIX = "adaptation_conf.target_modules=[q_proj,k_proj,v_proj,out_proj,fc1,fc2]"
VARIANTS = {
    **{name: (name, []) for name in SHIPPED},
    "lorta of two in block 2": (
        "lorta",
        ["adaptation_conf.blocks=[2]", "adaptation_conf.target_modules=[out_proj,q_proj]"],
    ),
    "adapter in block 2": ("adapter", ["adaptation_conf.blocks=[2]"]),
    "bitfit in block 2": ("bitfit", ["adaptation_conf.blocks=[2]"]),
    "topk of 1": ("topk", ["adaptation_conf.k=1"]),
    "lora on all six": ("lora", [ALL_SIX]),
    "lora in block 2": ("lora", ["adaptation_conf.blocks=[2]"]),
    "lora with dropout": ("lora", ["adaptation_conf.dropout=0.1"]),
    "relora that restarts": (
        "relora",
        [
            "adaptation_conf.dropout=0.0",
            "adaptation_conf.every=2",
            "adaptation_conf.restart_warmup=1",
        ],
    ),
    "dpf that prunes": ("dpf", ["adaptation_conf.sparsity=0.5", "adaptation_conf.every=1"]),
    "pela at full rank": ("pela", ["adaptation_conf.c=0.5"]),
    "stochastic at factor 1": (
        "stochastic",
        [f"adaptation_conf.{name}=[1]" for name in ("squeeze", "query", "key_value")],
    ),
}

# What a method is excused from, and why; what stands in its place is in the test of the clause.
NO_GRADIENT = {
    # softmax does not change when a constant is added to all of a query's scores, and that is all
    # that a key's bias does: its gradient is rounding noise, or zero.
    **dict.fromkeys(
        ("full", "topk", "topk of 1", "stochastic", "stochastic at factor 1"), (".k_proj.bias",)
    ),
    **dict.fromkeys(("dpf", "dpf that prunes"), (".k_proj.bias",)),
}
# It begins with a part of the rank. Instead: it does differ, and "pela at full rank" keeps to it.
NOT_AT_THE_BASE = {"pela"}
OWNS_ITS_BASE = {"full"}  # instead of a base that stays: every owned parameter has changed
# It owns what was there.
ADDS_NOTHING = {"full", "stochastic", "stochastic at factor 1"}
ADDS_NOTHING |= {"bitfit", "bitfit in block 2", "topk", "topk of 1", "dpf", "dpf that prunes"}
REPLACES = {"pela", "pela at full rank"}  # it takes the linear layers of the blocks away
# Instead: it does differ, so that the dropout, or the drawn factors, are there.
MAY_DIFFER_IN_TRAIN = {"lora with dropout", "relora", "stochastic"}
STEPS = {
    "relora that restarts": 4,  # a restart after 2, a step at a rate of zero, and one more
    "dgsct": 4,  # the guide's tokens lie behind three gates, which open one after the other
}
# Instead: it says why, and stays as it is.
NOT_MERGEABLE = {"adapter", "adapter in block 2", "last", "pela", "pela at full rank", "dgsct"}
# fairseq's blocks are its own, and nothing can be put between them or their parts: it is refused.
XLSR_ALONE = {"stochastic", "stochastic at factor 1", "dgsct"}
NEEDS_AUDIO = {"dgsct"}  # nothing can be stored for it; instead: the frontend still stays

STEP_0 = 0.0  # B is zero, and zero is added: nothing is rounded
STEP_0_ROUNDED = {"pela at full rank": 1e-4}  # W_l W_r x against W x in float32
MERGED = 1e-5  # W x + B A x against (W + B A) x in float32, on logits near 1
PADDED = 1e-4  # sums in another order, on logits near 1

CASES = [(v, e) for v in VARIANTS for e in ENCODERS if e == "xlsr" or v not in XLSR_ALONE]


@pytest.fixture(params=CASES, ids=lambda p: f"{p[0]}-{p[1]}")
def case(request, mini_file):
    return Case(*request.param, mini_file)


class Case:
    """A method in an encoder, built as often as a test wants."""

    def __init__(self, variant: str, encoder: str, pretrained) -> None:
        self.variant, self.encoder, self.pretrained = variant, encoder, pretrained
        name, overrides = VARIANTS[variant]
        self.config = load_config(name, [f"encoder={encoder}", *overrides])

    def build(self, seed: int = 0, **changes) -> Detector:
        torch.manual_seed(seed)
        return build_detector({**self.config, **changes}, self.pretrained)

    def train(self, detector: Detector) -> dict[str, float]:
        return contract.train_steps(detector, STEPS.get(self.variant, 2))

    def base(self) -> Detector:
        return self.build(adaptation="frozen", adaptation_conf={}).eval()


LINEAR = 4 * 48**2 + 2 * 48 * 96  # weights of a block's linear layers


def rank(d_in: int, d_out: int, c: float) -> int:
    return min(int(d_in * d_out / (c * (d_in + d_out))), d_in, d_out)


def guided(dim: int, guide: int, width: int = 64, tokens: int = 32) -> int:
    maps = 4 * (dim * width + width) + width * dim + dim + width + 1
    bottleneck = dim**2 // 8 + dim // 4 + 2 * dim
    return guide * dim + dim + tokens * dim + maps + bottleneck + 2  # gates


CLOSED_FORMS = {
    "frozen": lambda conf, blocks: 0,
    "lorta": lambda conf, blocks: (
        conf["rank"] * (48 + 48 // 4 + 4 + len(conf["target_modules"]) + blocks)
    ),
    "adapter": lambda conf, blocks: 2 * blocks * (2 * 48 * conf["size"] + conf["size"] + 48),
    "bitfit": lambda conf, blocks: blocks * (6 * 48 + 96),
    "topk": lambda conf, blocks: conf["k"] * (LINEAR + 9 * 48 + 96),
    "dpf": lambda conf, blocks: blocks * (LINEAR + 9 * 48 + 96),
    "pela": lambda conf, blocks: (
        blocks * (4 * 2 * 48 * rank(48, 48, conf["c"]) + 2 * (48 + 96) * rank(48, 96, conf["c"]))
    ),
    "dgsct": lambda conf, blocks: (
        blocks * (guided(48, 64) + guided(64, 48) + 64**2 + 9 * 64) + 63 * 64
    ),
}


def closed_form(case: Case, detector: Detector) -> int:
    """The number of parameters that the method says it owns, from the shape alone."""
    conf = case.config["adaptation_conf"]
    blocks = 2 if conf.get("blocks", "all") == "all" else len(conf["blocks"])
    if case.config["adaptation"] in CLOSED_FORMS:
        return CLOSED_FORMS[case.config["adaptation"]](conf, blocks)
    if case.config["adaptation"] in ("full", "stochastic"):
        base = case.base().encoder
        frontend = base.frontend_parameters() if case.config["adaptation"] == "stochastic" else {}
        left_out = sum(value.numel() for value in frontend.values())
        return sum(value.numel() for value in base.parameters()) - left_out
    if case.config["adaptation"] == "last":
        return 2 * 4 * 48 * conf["rank"]
    ends = {"fc1": (48, 96), "fc2": (96, 48)}
    width = sum(sum(ends.get(name, (48, 48))) for name in conf["target_modules"])
    return blocks * conf["rank"] * width


def test_at_step_0_the_output_is_the_base_models(case):
    found = contract.step_0_difference(case.build().eval(), case.base())
    wanted = STEP_0_ROUNDED.get(case.variant, STEP_0)
    assert (found > wanted) if case.variant in NOT_AT_THE_BASE else (found <= wanted)


def test_every_owned_parameter_gets_a_gradient_within_two_steps(case):
    gradients = case.train(case.build())
    excused = NO_GRADIENT.get(case.variant, ())
    assert contract.without_gradient(gradients, excused) == []
    noise = [size for name, size in gradients.items() if excused and name.endswith(excused)]
    assert all(size < 1e-6 * max(gradients.values()) for size in noise)


def test_training_leaves_all_that_is_not_owned_as_it_was(case):
    before_file = hashlib.sha256(case.pretrained.read_bytes()).digest()
    detector = case.build()
    before = contract.frozen_state(detector)
    owned = {name: value.detach().clone() for name, value in detector.adaptation.owned().items()}
    case.train(detector)
    detector.eval()
    assert contract.changed(before, contract.frozen_state(detector)) == []
    moved = contract.changed(owned, detector.adaptation.owned())
    assert sorted(moved) == sorted(owned)  # AdamW's weight decay moves a key's bias too
    assert bool(before) == (case.variant not in OWNS_ITS_BASE)
    # The weights are mapped from the file: tuning them must not reach it.
    assert hashlib.sha256(case.pretrained.read_bytes()).digest() == before_file


def test_what_trains_is_what_is_owned(case):
    detector = case.build()
    owned = {id(value) for value in detector.adaptation.owned().values()}
    needing = {id(value) for value in detector.encoder.parameters() if value.requires_grad}
    assert needing == owned
    head = {id(value) for value in detector.backend.parameters()}
    assert {id(value) for value in detector.trainable()} == owned | head
    assert all(value.requires_grad for value in detector.trainable())
    names = dict(detector.encoder.named_parameters())
    assert all(names[name] is value for name, value in detector.adaptation.owned().items())


def test_train_and_eval_agree_at_dropout_0(case):
    detector = case.build()
    case.train(detector)
    difference = (logits(detector.train()) - logits(detector.eval())).abs().max().item()
    assert (difference > 0) if case.variant in MAY_DIFFER_IN_TRAIN else (difference == 0)


def test_saved_while_in_eval_and_reloaded_the_scores_are_identical(case, tmp_path):
    trained = case.build()
    case.train(trained)
    assert contract.reload_difference(trained, case.build(seed=1)) == 0
    assert contract.whole_reload_difference(trained, case.build(seed=1)) == 0
    pretrained = {"path": str(case.pretrained)}
    sha256 = hashlib.sha256(case.pretrained.read_bytes()).hexdigest()
    write_text(tmp_path / "config.yaml", str({**case.config, "pretrained": pretrained}))
    save_detector(trained, tmp_path / "best.safetensors", sha256)
    assert torch.equal(logits(load_detector(tmp_path)), logits(trained))


def test_merged_equals_unmerged_and_has_the_base_models_names(case):
    detector = case.build()
    case.train(detector)
    before = logits(detector.eval())
    if case.variant in NOT_MERGEABLE:
        with pytest.raises(NotMergeable):
            detector.adaptation.merge()
        assert torch.equal(logits(detector), before)
        return
    merged = detector.adaptation.merge()
    assert merged is detector.encoder
    assert (logits(detector) - before).abs().max().item() <= MERGED
    base = case.base().encoder
    shapes = {name: value.shape for name, value in merged.state_dict().items()}
    assert shapes == {name: value.shape for name, value in base.state_dict().items()}


def test_the_number_of_parameters_is_the_closed_form(case):
    detector = case.build()
    counts, expected = detector.count(), closed_form(case, detector)
    head = detector.adaptation.num_outputs + 2 * (2 * 48) + 2  # layer weights, linear, bias
    added = 0 if case.variant in ADDS_NOTHING else expected
    added -= 2 * LINEAR if case.variant in REPLACES else 0
    assert counts["adaptation"] == expected
    assert counts["backend"] == head
    assert counts["trainable"] == expected + head
    assert counts["total"] == detector.num_pretrained + added + head
    assert counts["ratio"] == round(detector.num_pretrained / (expected + head), 2)


def test_padded_in_a_batch_it_scores_as_alone(case):
    detector = case.build()
    case.train(detector)
    assert contract.padding_difference(detector) <= PADDED


def test_with_activation_checkpointing_the_same_is_trained(case):
    plain, saving = case.build(), case.build()
    if case.encoder != "xlsr":
        with pytest.raises(FadError, match=r"cannot compute activations again .*set encoder=xlsr"):
            saving.encoder.use_activation_checkpointing()
        return
    saving.encoder.use_activation_checkpointing()
    for detector in (plain, saving):
        case.train(detector)
    values = (list(detector.trained_state().values()) for detector in (plain, saving))
    assert contract.largest_difference(*values) <= MERGED


BOUNDARIES = {"frozen": block(2), "full": NONE, "last": block(2), "lora in block 2": block(1)}
TOP = ("lorta of two in block 2", "adapter in block 2", "bitfit in block 2", "topk of 1")
BOUNDARIES |= dict.fromkeys(TOP, block(1)) | {"dgsct": NONE}


def test_the_boundary_is_named_and_what_lies_below_it_does_not_change(case):
    detector = case.build()
    boundary = detector.adaptation.boundary
    assert boundary == BOUNDARIES.get(case.variant, FRONTEND)
    case.train(detector)
    detector.eval()
    with torch.no_grad():
        wav, lens = contract.padded_batch()
        base, ours = case.base().encoder, detector.encoder
        same_frames = torch.equal(ours.frontend(wav, lens)[0], base.frontend(wav, lens)[0])
        first = [encoder(wav, lens)[0][0] for encoder in (ours, base)]
    assert same_frames == (boundary > NONE or case.variant in NEEDS_AUDIO)
    assert torch.equal(*first) == (boundary > FRONTEND)


def test_a_name_that_looks_like_lora_is_not_trained(mini_file):
    torch.manual_seed(0)
    config = load_config("lora")
    detector = build_detector(config, mini_file)
    detector.encoder.register_parameter("lora_A", nn.Parameter(torch.zeros(3)))
    assert all(value.shape != (3,) for value in detector.trainable())


@pytest.mark.parametrize("method", ["lora", "full", "adapter", "bitfit"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_lies_above_the_last_wanted_output_is_not_owned(method, encoder, mini_file):
    """It would be counted as trained and never get a gradient."""
    config = load_config(method, [f"encoder={encoder}", "encoder_conf.layers=[1]"])
    detector = build_detector(config, mini_file)
    owned = detector.adaptation.owned()
    assert any(".layers.0." in name for name in owned)
    assert not any(".layers.1." in name or "encoder.layer_norm" in name for name in owned)
    contract.train_steps(detector)
    missing = [n for n, p in owned.items() if p.grad is None]
    assert missing == []


@pytest.mark.parametrize("variant", sorted(XLSR_ALONE))
def test_what_an_encoder_cannot_do_is_refused(mini_file, variant):
    with pytest.raises(FadError, match="set encoder=xlsr"):
        Case(variant, "fairseq_xlsr", mini_file).build()
