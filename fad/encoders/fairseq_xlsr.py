"""fairseq's own Wav2Vec2Model with its attention replaced: the reference, and for other models.

The only file that imports fairseq, and only inside functions: `xlsr` trains and scores without it.
"""

import logging
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from fad.encoders.attention import SelfAttention
from fad.encoders.base import FAIRSEQ_EPS, Encoder, Parts
from fad.encoders.boundary import FRONTEND, NONE, Boundary
from fad.encoders.convolution import replace_convolutions
from fad.encoders.frame_grid import FrameGrid
from fad.encoders.pretrained import Checkpoint, checked_sizes
from fad.utils.errors import FadError
from fad.utils.masks import padding_mask
from fad.utils.memory import let_pass

# Set by the checkpoint for its pre-training. The encoder `xlsr` has no dropout, and dropped layers
# would be missing among the outputs.
DROPOUTS = (
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "dropout_input",
    "dropout_features",
    "encoder_layerdrop",
)
# These parts are removed at once, so they are not built at the size that a file gives.
NO_PRETRAINING = {"quantize_targets": False, "final_dim": 0}


class FairseqSelfAttention(SelfAttention):
    """Our attention under the call of fairseq's: (T, B, D) in, a pair with no weights out."""

    # fairseq passes more, and by other names than ours.
    def forward(  # type: ignore[override]
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        **_unused: Any,
    ) -> tuple[Tensor, None]:
        """(T, B, D), `key_padding_mask` (B, T) True at padding -> (T, B, D) and None."""
        mask = None if key_padding_mask is None else key_padding_mask.bool()
        return super().forward(query.transpose(0, 1), mask).transpose(0, 1), None


class FairseqXLSR(Encoder):
    """fairseq's model, with our attention in its blocks.

    Args:
        model: a `Wav2Vec2Model`, which has no types, with its pre-training parts removed.
        grid: the frames of its frontend.
        normalize: whether waveforms are brought to zero mean and unit variance.
        layers: the outputs to give: `last`, `all`, or block numbers from 1.
        eps: what is added to the waveform's variance then.
    """

    def __init__(
        self,
        model: Any,
        grid: FrameGrid,
        normalize: bool,
        layers: str | list[int] = "all",
        eps: float = FAIRSEQ_EPS,
    ) -> None:
        # A post-norm model, such as wav2vec 2.0 BASE, has its LayerNorm before the blocks.
        final_norm = "model.encoder.layer_norm" if model.encoder.layer_norm_first else None
        super().__init__(
            dim=model.cfg.encoder_embed_dim,
            num_layers=len(model.encoder.layers),
            num_heads=model.cfg.encoder_attention_heads,
            layers=layers,
            grid=grid,
            normalize=normalize,
            normalize_eps=eps,
            parts=Parts("model.feature_extractor", "model.encoder.layers", final_norm),
        )
        self.model = model
        # fairseq's other extractor, that of wav2vec 2.0 BASE, normalises over the whole time.
        self.local_frames = model.cfg.extractor_mode == "layer_norm"
        for layer in self.blocks():
            layer.self_attn = replace_attention(layer.self_attn)
        replace_convolutions(model.encoder.pos_conv)

    @property
    def deepest(self) -> Boundary:
        """The frontend: fairseq's blocks cannot be entered one by one."""
        return FRONTEND if self.local_frames else NONE

    def frontend(self, wav: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(wav.device.type, enabled=False):  # fp16 overflows here
            frames = self.model.feature_extractor(wav.float()).transpose(1, 2)
        return frames, self.grid.num_frames(lens)

    def project(self, frames: Tensor) -> Tensor:
        x = self.model.layer_norm(frames)
        return x if self.model.post_extract_proj is None else self.model.post_extract_proj(x)

    def outputs(
        self, inputs: Tensor, lens: Tensor, boundary: Boundary, wanted: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        if boundary == NONE:
            inputs, lens = self.frontend(inputs, lens)
        x, encoder = self.project(inputs), self.model.encoder
        # `extract_features` gives every block's output and leaves the last LayerNorm to its caller.
        last, results = encoder.extract_features(x, padding_mask(lens, x.shape[1]))
        hidden = [result[0].transpose(0, 1) for result in results]
        hidden[-1] = encoder.layer_norm(last) if encoder.layer_norm_first else last
        return [hidden[number - 1] for number in wanted], lens


def replace_attention(theirs: Any) -> FairseqSelfAttention:
    """Our attention with the projections of fairseq's, which are not copied."""
    ours = FairseqSelfAttention(theirs.embed_dim, theirs.num_heads)
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        setattr(ours, name, getattr(theirs, name))
    return ours


def build_wav2vec2(checkpoint: Checkpoint) -> Any:
    """fairseq's `Wav2Vec2Model` with the checkpoint's weights, without its pre-training parts.

    No fairseq task is set up.

    Raises:
        FadError: fairseq is not installed, it cannot build the config, or the tensors do not fit.
    """
    try:
        from fairseq.models.wav2vec.wav2vec2 import Wav2Vec2Config, Wav2Vec2Model
    except ImportError as error:
        raise FadError(
            f"encoder 'fairseq_xlsr' needs fairseq, which does not import ({error}); "
            "run tools/installers/fairseq.sh or use 'encoder: xlsr'"
        ) from None
    known = {field.name for field in fields(Wav2Vec2Config)}
    cfg = {key: value for key, value in checkpoint.model_cfg.items() if key in known}
    ignored = sorted(map(str, set(checkpoint.model_cfg) - known))
    logging.info("%s: config keys that fairseq does not know: %s", checkpoint.path, ignored)
    # fairseq evaluates this string: it gets our own writing of the parsed list, never the file's.
    cfg |= dict.fromkeys(DROPOUTS, 0.0) | NO_PRETRAINING
    cfg["conv_feature_layers"] = repr(list(checkpoint.conv_layers))
    unresolved = [key for key, value in cfg.items() if isinstance(value, str) and "${" in value]
    if unresolved:
        raise FadError(f"{checkpoint.path}: its config refers elsewhere: {', '.join(unresolved)}")
    if not _fits_the_file(checkpoint, cfg.get("pos_conv_depth")):
        raise FadError(
            f"{checkpoint.path}: its tensors do not fit its config, which is of a larger model: "
            "fetch it again"
        )
    try:
        model = Wav2Vec2Model.build_model(Wav2Vec2Config(**cfg))
    except (ArithmeticError, AssertionError, RuntimeError, TypeError, ValueError) as error:
        let_pass(error)
        reason = " ".join(f"{type(error).__name__} {error}".split())[:300]
        raise FadError(f"{checkpoint.path}: fairseq cannot build its config: {reason}") from None
    model.remove_pretraining_modules()
    # In full tuning an unused parameter would be counted and never get a gradient.
    model.mask_emb = None
    try:
        model.load_state_dict(checkpoint.encoder_state(), strict=True)
    except RuntimeError as error:
        let_pass(error)
        reason = " ".join(str(error).split())[:300]
        raise FadError(f"{checkpoint.path}: its tensors do not fit its config: {reason}") from None
    return model


def _fits_the_file(checkpoint: Checkpoint, pos_conv_depth: Any) -> bool:
    """Whether the file has as many weights as a config's main layers: fairseq would build any."""
    if isinstance(pos_conv_depth, int) and pos_conv_depth > len(checkpoint.state):
        return False
    sizes = checked_sizes(checkpoint)
    dim, channels = sizes["encoder_embed_dim"], [1, *(c for c, _, _ in checkpoint.conv_layers)]
    frontend = sum(
        before * after * kernel
        for (after, kernel, _), before in zip(checkpoint.conv_layers, channels, strict=False)
    )
    block = dim * (dim + sizes["encoder_ffn_embed_dim"])
    return frontend + sizes["encoder_layers"] * block <= checkpoint.num_parameters


def load_fairseq_xlsr(checkpoint: Checkpoint, layers: str | list[int] = "all") -> FairseqXLSR:
    """Builds fairseq's model and replaces its attention."""
    model = build_wav2vec2(checkpoint)
    grid, eps = FrameGrid(checkpoint.conv_layers), checkpoint.normalize_eps
    return FairseqXLSR(model, grid, checkpoint.normalize, layers, eps)
