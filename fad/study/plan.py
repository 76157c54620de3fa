"""The runs of a study, each a config with a few overrides, and which of them are finished."""

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from fad.config import registry, shipped
from fad.config.resolve import load_config
from fad.config.train import TrainSettings
from fad.data.fingerprint import fingerprint
from fad.experiment.directory import ExperimentDir
from fad.experiment.names import make_tag
from fad.utils.errors import FadError, nearest
from fad.utils.files import sha256_file

LONGEST_NAME = 255  # of a folder, in bytes, on the usual file systems
TIMES = "times"  # in exp/<name>: study.sh writes tag and seconds of each successful run
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # without _, which follows it in the names of runs
DEFAULT_METHODS = ("frozen", "lora", "full")


@dataclass(frozen=True)
class Axes:
    """What a study varies; without values for an axis every method keeps its own value.

    Attributes:
        methods: each as `--config` takes it: `lora`, `lora+aasist`, `my/lora.yaml`.
        ranks: for methods that have a `rank`; their alpha does not change.
        targets: lists of modules with commas, for methods that have `target_modules`.
        crop_samples: samples in a training crop.
        seeds: of training.
    """

    methods: Sequence[str] = ()
    ranks: Sequence[int] = ()
    targets: Sequence[str] = ()
    crop_samples: Sequence[int] = ()
    seeds: Sequence[int] = ()


@dataclass(frozen=True)
class Run:
    """One call of run.sh.

    Attributes:
        tag: its folder in exp/.
        method: the value of `--config`.
        overrides: the values of `--set`, without those that change nothing, so a run has one name.
        config: the resolved config.
    """

    tag: str
    method: str
    overrides: tuple[str, ...]
    config: Mapping[str, Any] = field(repr=False)


def one_of_each_method() -> list[str]:
    """The shipped configs that have the name of their adaptation: one for each adaptation."""
    return [name for name in shipped.methods() if _resolve(name)["adaptation"] == name]


def preset(name: str) -> Axes:
    """The axes of a preset.

    `paper_rank` and `paper_length` are the two tables of arXiv 2306.05617: the effect of rank and
    of input length on LoRA, compared with full tuning. The paper's lengths are not known; these are
    1, 2 and 4 s.

    Raises:
        FadError: there is no such preset.
    """
    presets = {
        "methods": lambda: Axes(methods=one_of_each_method()),
        "paper_rank": lambda: Axes(methods=("full", "lora"), ranks=(1, 4, 8, 16)),
        "paper_length": lambda: Axes(methods=("full", "lora"), crop_samples=(16400, 32400, 64600)),
    }
    if name not in presets:
        raise FadError(f"--preset {name[:80]}: no such preset; {nearest(name, presets)}")
    return presets[name]()


def plan(name: str, axes: Axes, lr: Mapping[str, str], overrides: Sequence[str]) -> list[Run]:
    """The runs of a study, seed by seed, so that every method has a result early.

    Args:
        name: the beginning of every run's tag.
        axes: what is varied.
        lr: the learning rate by method; other methods keep that of their config.
        overrides: `key=value` for all runs.

    Raises:
        FadError: a name, a method or a value cannot be used.
    """
    check_name(name)
    unknown = sorted(lr.keys() - set(axes.methods))
    if unknown:
        raise FadError(f"--lr {unknown[0][:80]}: no method of this study; {_known(axes)}")
    found: dict[str, Run] = {}
    for seed in axes.seeds or (None,):
        for method in axes.methods:
            rate = [f"train.lr={lr[method]}"] if method in lr else []
            for varied in _vary(method, axes):
                seeded = [] if seed is None else [f"train.seed={seed}"]
                run = _run(name, method, [*overrides, *rate, *varied, *seeded])
                if found.setdefault(run.tag, run).config != run.config:
                    raise FadError(f"two different runs would be named {run.tag}: leave one out")
    return list(found.values())


def check_name(name: str) -> None:
    """Checks the name of a study.

    Raises:
        FadError: it cannot be the beginning of a folder's name.
    """
    if not NAME.fullmatch(name):
        raise FadError(f"--name '{name[:80]}': use letters, digits and - only, no - first")


def _known(axes: Axes) -> str:
    return f"known: {', '.join(axes.methods)}"


def _vary(method: str, axes: Axes) -> Iterator[list[str]]:
    """Every combination of the axes that the method has, as overrides."""
    keys = inspect.signature(
        registry.get("adaptation", _resolve(method)["adaptation"])
    ).parameters.keys()
    choices = [
        [f"adaptation_conf.rank={rank}" for rank in axes.ranks if "rank" in keys],
        [
            f"adaptation_conf.target_modules=[{modules}]"
            for modules in axes.targets
            if "target_modules" in keys
        ],
        [f"train.crop_samples={samples}" for samples in axes.crop_samples],
    ]
    for chosen in itertools.product(*filter(None, choices)):
        yield list(chosen)


def _run(name: str, method: str, overrides: Sequence[str]) -> Run:
    for text in (method, *overrides):
        if not text.isprintable():
            raise FadError(f"{ascii(text)[:80]}: has a control character in it: take it out")
    kept: tuple[str, ...] = ()
    for override in overrides:
        if _resolve(method, (*kept, override)) != _resolve(method, kept):
            kept += (override,)
    config = _resolve(method, kept)
    _check_values(method, config)
    tag = f"{name}_{make_tag(method, kept)}"
    if len(tag) > LONGEST_NAME:
        raise FadError(f"{tag}: longer than {LONGEST_NAME} letters: put some of --set into a YAML")
    return Run(tag, method, kept, config)


@cache
def _resolve(method: str, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    return load_config(method, list(overrides))


def _check_values(method: str, config: Mapping[str, Any]) -> None:
    """Checks values with the constructors before any run begins.

    Raises:
        FadError: a constructor refuses a value.
    """
    try:
        TrainSettings.from_config(config["train"])
        registry.get("adaptation", config["adaptation"])(**config["adaptation_conf"])
    except FadError as error:
        raise FadError(f"{method}: {error}") from None


@dataclass(frozen=True)
class Finished:
    """Tells which runs are finished, by these requirements besides the run's config.

    Attributes:
        exp: the recipe's exp/.
        dump: the recipe's dump/.
        tests: the sets that results must have.
        pretrained_sha256: the sha256 of the encoder; None to accept any.
    """

    exp: Path
    dump: Path
    tests: Sequence[str] = ()
    pretrained_sha256: str | None = None

    def has(self, run: Run) -> bool:
        """Whether there are results of the run's config, this encoder and the current data."""
        conf = run.config
        method = registry.get("adaptation", conf["adaptation"])(**conf["adaptation_conf"])
        files = {key: _sha256(path) for key, path in method.files().items() if path.is_file()}
        exp = ExperimentDir(self.exp / run.tag)
        return exp.is_finished(conf, self.tests, self.pretrained_sha256, self._fingerprint, files)

    def _fingerprint(self, name: str) -> str | None:
        """The fingerprint of a set in the dump; None if it is not there."""
        audio = self.dump / "audio" / name
        return _fingerprint(audio) if audio.is_dir() else None


@cache
def _fingerprint(audio: Path) -> str:
    return fingerprint(audio)


@cache
def _sha256(path: Path) -> str:
    return sha256_file(path)


def estimate(run: Run, runs: Sequence[Run], times: Mapping[str, float]) -> float | None:
    """The expected seconds of a run: the median of similar finished runs; None without any.

    Similar runs have the same method and crop length, or else the same method.
    """
    alike = [other for other in runs if other.method == run.method and other.tag in times]
    crop = run.config["train"]["crop_samples"]
    same_crop = [other for other in alike if other.config["train"]["crop_samples"] == crop]
    seconds = [times[other.tag] for other in same_crop or alike]
    return median(seconds) if seconds else None


def read_times(path: Path) -> dict[str, float]:
    """Seconds by tag, from lines `tag seconds`; a tag's last line counts, bad lines are ignored."""
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        tag, _, seconds = line.partition(" ")
        if seconds.isascii() and seconds.isdigit():
            found[tag] = float(seconds)
    return found
