"""The rivals: transformers with peft, and fairseq, on models of the same shape.

They are spared what they need not do here: clips of one length need no attention mask, nothing is
masked for SpecAugment, and every dropout is 0. transformers' models have random weights of their
own: reading a file would only add to their memory.
"""

from typing import Any

import torch
from torch import nn

from fad.encoders.checkpoint import read_checkpoint
from fad.encoders.fairseq_xlsr import build_wav2vec2
from tests.bench.work import Step, Work, scoring_step, training_step
from tests.helpers.huggingface import transformers_config


def peft(work: Work) -> Step:
    """transformers' classifier, LoRA by peft, the frontend frozen."""
    from transformers import Wav2Vec2ForSequenceClassification

    model = Wav2Vec2ForSequenceClassification(_config(work))
    # peft freezes the weights alone: the frontend would still be differentiated, to no end.
    model.freeze_feature_encoder()
    return _peft_training(model, work)


def peft_default(work: Work) -> Step:
    """The same without `freeze_feature_encoder`: what many scripts run."""
    from transformers import Wav2Vec2ForSequenceClassification

    return _peft_training(Wav2Vec2ForSequenceClassification(_config(work)), work)


def transformers(work: Work) -> Step:
    """transformers' `Wav2Vec2Model`, the last output alone."""
    from transformers import Wav2Vec2Model

    model, wav = Wav2Vec2Model(_config(work)).eval(), work.wav()
    return scoring_step(lambda: model(wav).last_hidden_state)


def fairseq_full(work: Work) -> Step:
    """fairseq's `Wav2Vec2Model`, the mean over time and a linear layer: all of it is tuned."""
    model = build_wav2vec2(read_checkpoint(work.pretrained)).train()
    model.feature_grad_mult = 1.0
    head, wav = nn.Linear(model.cfg.encoder_embed_dim, 2), work.wav()
    return training_step(
        lambda: head(model.extract_features(wav, None)["x"].mean(1)),
        [*model.parameters(), *head.parameters()],
    )


def fairseq(work: Work) -> Step:
    """fairseq's own `extract_features`."""
    model, wav = build_wav2vec2(read_checkpoint(work.pretrained)).eval(), work.wav()
    return scoring_step(lambda: model.extract_features(wav, None)["x"])


def _config(work: Work) -> Any:
    checkpoint = read_checkpoint(work.pretrained)
    shape = checkpoint.model_cfg | {"conv_feature_layers": repr(list(checkpoint.conv_layers))}
    return transformers_config(shape, apply_spec_augment=False, attn_implementation="sdpa")


def _peft_training(model: nn.Module, work: Work) -> Step:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(
        r=work.rank,
        lora_alpha=2 * work.rank,
        lora_dropout=0.0,
        target_modules=["q_proj", "v_proj"],
        modules_to_save=["projector", "classifier"],
    )
    adapted, wav = get_peft_model(model, config).train(), work.wav()
    return training_step(lambda: adapted(input_values=wav).logits, adapted.parameters())
