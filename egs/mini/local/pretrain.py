"""Pre-trains the mini XLS-R: fairseq's own wav2vec 2.0 model and contrastive loss, a small shape.

    python local/pretrain.py --real_speech DIR --out pretrained/mini_xlsr.pt

The speech is generated with espeak-ng in eight languages, and joined, where `--real_speech` names a
folder with a `protocol.tsv`, by the clips of its train split. A tenth of each kind is held out; the
contrastive accuracy on it is printed beside chance. Stopped and started again, it goes on where it
was. The result is written in the format of the released XLS-R files: `cfg` and `model`, in float16.
"""

import argparse
import csv
import logging
import random
from pathlib import Path

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
import torchaudio
from espeak import Espeak, random_voice
from fairseq.criterions.wav2vec_criterion import Wav2vecCriterion
from fairseq.models.wav2vec.wav2vec2 import Wav2Vec2Config, Wav2Vec2Model
from omegaconf import OmegaConf
from text import PHRASES, random_sentence

from fad.utils.cli import run
from fad.utils.files import atomic_path

SAMPLE_RATE = 16000
CROP = 40_000  # 2.5 s: 124 frames, of which about 60 are masked
CONV_LAYERS = [(128, 10, 5)] + [(128, 3, 2)] * 4 + [(128, 2, 2)] * 2
LOG_INTERVAL, SAVE_INTERVAL = 25, 250


def mini_config(updates: int) -> Wav2Vec2Config:
    """The shape of XLS-R, small: 4 blocks of width 192, 2,416,896 parameters in pre-training."""
    end, start = 0.5, 2.0
    return Wav2Vec2Config(
        extractor_mode="layer_norm",
        conv_bias=True,
        conv_feature_layers=repr(CONV_LAYERS),
        encoder_layers=4,
        encoder_embed_dim=192,
        encoder_ffn_embed_dim=768,
        encoder_attention_heads=4,
        layer_norm_first=True,
        quantize_targets=True,
        final_dim=96,
        latent_vars=64,
        # Reached at four fifths of a run that is thousands of times shorter than XLS-R's.
        latent_temp=(start, end, (end / start) ** (1 / max(1, 0.8 * updates))),
        dropout=0.0,
        attention_dropout=0.0,
        encoder_layerdrop=0.0,
    )


def generated_speech(clips: int, seed: int) -> list[np.ndarray]:
    """`clips` espeak-ng sentences at 16 kHz, every language in turn, a new voice every tenth."""
    espeak, rng = Espeak(), random.Random(seed)
    voices = {language: random_voice(language, rng) for language in PHRASES}
    speech = []
    for index in range(clips):
        language = list(PHRASES)[index % len(PHRASES)]
        if rng.random() < 0.1:
            voices[language] = random_voice(language, rng)
        wav = espeak.say(random_sentence(language, rng), voices[language])
        wav = torchaudio.functional.resample(torch.from_numpy(wav), espeak.sample_rate, SAMPLE_RATE)
        speech.append(wav.numpy())
    return speech


def real_speech(folder: Path) -> list[np.ndarray]:
    """The train split of a `protocol.tsv` (path, split) of 16 kHz files; no other split is read."""
    with open(folder / "protocol.tsv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"]
    return [soundfile.read(folder / row["path"], dtype="float32")[0] for row in rows]


def normalise(wav: np.ndarray) -> torch.Tensor:
    """Zero mean, unit variance, and repeated to at least one crop: float32 (S,)."""
    wav = F.layer_norm(torch.from_numpy(wav), wav.shape)
    return wav.repeat(-(-CROP // len(wav)))


def hold_out(clips: list[np.ndarray]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Every tenth clip is held out, the others are trained on."""
    clips = [normalise(wav) for wav in clips]
    kept = [wav for index, wav in enumerate(clips) if index % 10]
    return kept, clips[::10]


def draw(sources: list[list[torch.Tensor]], size: int, rng: random.Random) -> torch.Tensor:
    """A batch (size, CROP) of random crops, from each source in turn."""
    crops = []
    for index in range(size):
        wav = rng.choice(sources[index % len(sources)])
        start = rng.randrange(len(wav) - CROP + 1)
        crops.append(wav[start : start + CROP])
    return torch.stack(crops)


def seed_step(seed: int, step: int) -> random.Random:
    """Seeds all generators (fairseq masks with numpy, Gumbel noise is torch's) for one step."""
    torch.manual_seed(seed * 1_000_003 + step)
    np.random.seed((seed * 1_000_003 + step) % 2**32)
    return random.Random(seed * 1_000_003 + step)


@torch.no_grad()
def held_out_accuracy(model, clips, batches: int = 20) -> tuple[float, float]:
    """The share of masked frames whose own code beats its 100 negatives, and what chance gives.

    A negative with the same code as its frame is no rival (fairseq sets it to -inf): a codebook
    that collapses makes the task easy. So chance is counted frame by frame: 1 / (1 + its rivals).
    """
    model.eval()
    correct, chance = [], []
    for step in range(batches):
        wav = draw([clips], 12, seed_step(999, step))
        logits = model.get_logits(model(source=wav)).float()
        correct.append(logits.argmax(-1) == 0)
        chance.append(1 / torch.isfinite(logits).sum(-1))
    model.train()
    return torch.cat(correct).float().mean().item(), torch.cat(chance).mean().item()


def save_released_format(model: Wav2Vec2Model, path: Path) -> None:
    """Writes `cfg` and `model` as the released XLS-R checkpoints have them, weights in float16."""
    cfg = OmegaConf.to_container(OmegaConf.structured(model.cfg), resolve=True, enum_to_str=True)
    state = {name: value.half() for name, value in model.state_dict().items()}
    task = {"_name": "audio_pretraining", "sample_rate": SAMPLE_RATE, "normalize": True}
    model_cfg = {"_name": "wav2vec2", **cfg}
    with atomic_path(path) as part:
        torch.save({"cfg": {"model": model_cfg, "task": task}, "model": state}, part)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--real_speech", type=Path, help="folder with protocol.tsv (train split)")
    parser.add_argument("--clips", type=int, default=2400, help="generated clips (2-4 s each)")
    parser.add_argument("--updates", type=int, default=2400, help="0 saves the untrained shape")
    parser.add_argument("--batch_size", type=int, default=12, help="crops of 2.5 s")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


class Pretraining:
    """The model, its optimizer and where they are; saved together, so that a stop loses little."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.updates, self.out, self.step = args.updates, args.out, 0
        self.model = Wav2Vec2Model.build_model(mini_config(args.updates)).train()
        # The weights of XLS-R's own recipe: 0.1 for code diversity, none for the feature penalty.
        self.criterion = Wav2vecCriterion(
            task=None, infonce=True, loss_weights=[0.1, 0.0], log_keys=["code_perplexity", "temp"]
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=args.lr, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        self.state_path = args.out.with_suffix(".state.pt")
        if self.state_path.exists():
            state = torch.load(self.state_path, weights_only=True)
            self.step = state.pop("step")
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
            logging.info("going on at update %d", self.step)

    def _rate(self, step: int) -> float:
        """Linear up over a twelfth of the updates, then linear down to zero."""
        warm_up = max(1, self.updates // 12)
        return min((step + 1) / warm_up, (self.updates - step) / max(1, self.updates - warm_up))

    def update(self, batch: torch.Tensor) -> None:
        """One optimizer step on crops (B, CROP)."""
        self.model.set_num_updates(self.step)
        sample = {"net_input": {"source": batch}, "id": torch.arange(len(batch))}
        loss, frames, log = self.criterion(self.model, sample)
        (loss / frames).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        self.step += 1
        if self.step % LOG_INTERVAL == 0:
            logging.info(
                "update %d: loss %.3f, accuracy %.3f, perplexity %.1f of 128, temperature %.2f",
                self.step,
                loss.item() / frames,
                log["correct"] / log["count"],
                log["code_perplexity"],
                log["temp"],
            )

    def save(self) -> None:
        """Writes the checkpoint in the released format, and the state to go on from."""
        save_released_format(self.model, self.out)
        with atomic_path(self.state_path) as part:
            state = {name: part.state_dict() for name, part in self.parts.items()}
            torch.save({**state, "step": self.step}, part)


def pretrain(args: argparse.Namespace) -> None:
    """Trains to the last update, and says how well held-out speech is told from distractors."""
    torch.set_num_threads(args.threads)
    sources = {"generated": hold_out(generated_speech(args.clips, args.seed))}
    if args.real_speech:
        sources["real"] = hold_out(real_speech(args.real_speech))
    for name, (clips, _) in sources.items():
        logging.info("%s speech: %.1f minutes", name, sum(map(len, clips)) / 60 / SAMPLE_RATE)
    train = [clips for clips, _ in sources.values()]
    state = Pretraining(args)
    while state.step < args.updates:
        state.update(draw(train, args.batch_size, seed_step(args.seed, state.step)))
        if state.step % SAVE_INTERVAL == 0:
            state.save()
    state.save()
    for name, (_, held_out) in sources.items():
        accuracy, chance = held_out_accuracy(state.model, held_out)
        logging.info("held-out %s: accuracy %.3f, chance %.3f", name, accuracy, chance)


def main(argv: list[str] | None = None) -> None:
    pretrain(get_parser().parse_args(argv))


if __name__ == "__main__":
    run(main)
