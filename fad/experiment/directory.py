"""An experiment's directory, exp/<tag>: its files, their inputs and its lock.

`config.yaml` is the config with a few more keys for the inputs of the model:

- `pretrained`: path and sha256;
- `data`: the names of the training set and the dev set, in this order, each with the fingerprint of
  its dump;
- `files`, if any: keys of the config, each with the sha256 of a file that the method starts from;
- `plugins`, if any: names, each with its sha256.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fad.config.plain_yaml import read_yaml
from fad.config.plugins import plugins_of
from fad.config.resolve import difference, dump_config
from fad.experiment import names
from fad.utils.errors import FadError
from fad.utils.files import remove_parts, sha256_file, write_text
from fad.utils.json_files import parse_json
from fad.utils.locks import LOCK, held


@dataclass(frozen=True)
class Sources:
    """The inputs of a model besides its config.

    Attributes:
        pretrained: the pre-trained file.
        sha256: the sha256 of that file.
        data: the fingerprints of the training set and the dev set by name, in this order.
        files: the sha256 of each file that the method starts from, by key of the config.
    """

    pretrained: Path
    sha256: str
    data: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)

    def record(self, config: dict[str, Any]) -> dict[str, Any]:
        """The content of `config.yaml` for a config and these sources."""
        base = {"path": str(self.pretrained.absolute()), "sha256": self.sha256}
        record = {**config, "pretrained": base, "data": dict(self.data)}
        made_of = {"files": dict(self.files), "plugins": plugins_of(config)}
        return record | {key: value for key, value in made_of.items() if value}


class ExperimentDir:
    """The files of one experiment.

    Args:
        path: exp/<tag>; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / names.CONFIG
        self.checkpoint = self.path / names.CHECKPOINT
        self.weights = self.path / names.WEIGHTS
        self.summary = self.path / names.SUMMARY
        self.cost = self.path / names.COST
        self.epochs = self.path / names.EPOCHS
        self.tensorboard = self.path / names.TENSORBOARD
        self.calibration = self.path / names.CALIBRATION
        self.results = self.path / names.RESULTS
        self.curves = self.path / names.CURVES
        self.results_md = self.path / names.RESULTS_MD
        self.report = self.path / names.REPORT

    @property
    def tag(self) -> str:
        """The experiment's name."""
        return self.path.resolve().name

    def scores(self, test_set: str) -> Path:
        """The file of a set's scores, `utt score`."""
        return self.path / names.SCORES / test_set

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other runs out, and removes half-written files of killed runs.

        Raises:
            FadError: another run uses the directory.
        """
        self.check_own()
        with held(self.path / LOCK):
            remove_parts(self.path)
            yield

    def claim(self, config: dict[str, Any], sources: Sources) -> None:
        """Writes `config.yaml`, or checks that it is the same if there is a checkpoint.

        A file that the method started from may be missing by then; it is not checked again.

        Raises:
            FadError: the directory was made with another config or from other sources; the text
                shows the difference.
        """
        new = sources.record(config)
        if not self.checkpoint.exists():
            if self.summary.exists():
                raise FadError(
                    f"{self.path}: has a finished model and no {names.CHECKPOINT} to go on from: "
                    "score it with --skip_train true, give another --tag, or remove it"
                )
            # These belong to a run that the new config does not describe.
            for stale in (self.weights, self.cost):
                stale.unlink(missing_ok=True)
            write_text(self.config, dump_config(new))
            return
        old = read_yaml(self.config)
        # The same file at another path is the same model.
        if isinstance(old.get("pretrained"), dict):
            old["pretrained"]["path"] = new["pretrained"]["path"]
        if old.get("files"):
            new["files"] = old["files"] | dict(sources.files)
        changed = difference(old, new)
        if changed:
            raise FadError(
                f"{self.path} was made with another config or other data; give another --tag or "
                f"remove it. There (-) and now (+):\n{changed}"
            )

    def trained_on(self) -> dict[str, str]:
        """The fingerprints of the training set and the dev set by name, in this order.

        Raises:
            FadError: `config.yaml` is missing, or does not have them.
        """
        data = self.trained_on_if_known()
        if not data:
            raise FadError(f"{self.config}: says nothing of the training data: run stage 3 again")
        return data

    def trained_on_if_known(self) -> dict[str, str]:
        """As `trained_on`, but empty if `config.yaml` does not have them."""
        data = read_yaml(self.config).get("data")
        return data if isinstance(data, dict) else {}

    def check_own(self) -> None:
        """Checks that nothing in the directory leads out of it: it may come from others.

        Raises:
            FadError: it has a symbolic link, a FIFO or the like, to which a run would write.
        """
        for folder, folders, files in os.walk(self.path):
            for name in (*folders, *files):
                mode = os.lstat(os.path.join(folder, name)).st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise FadError(
                        f"{folder}/{name}: is no regular file: an experiment of others could write "
                        "elsewhere through it: remove it"
                    )

    def check_model(self) -> None:
        """Checks that there is a model for scoring.

        Raises:
            FadError: its config or its weights are missing.
        """
        for path in (self.config, self.weights):
            if not path.is_file():
                raise FadError(f"{path}: missing: --model takes an exp/<tag> that stage 3 has made")

    def weights_sha256(self) -> str:
        """The sha256 of the weights.

        Raises:
            FadError: they are missing.
        """
        if not self.weights.is_file():
            raise FadError(f"{self.weights}: missing: run stage 3 first")
        return sha256_file(self.weights)

    def is_finished(
        self,
        config: Mapping[str, Any],
        test_sets: Sequence[str],
        pretrained_sha256: str | None,
        fingerprint: Callable[[str], str | None],
        files: Mapping[str, str],
    ) -> bool:
        """Whether there are results of this config and these sources.

        Results of anything else count as not finished: training then refuses the directory and
        says why.

        Args:
            config: resolved.
            test_sets: the sets that the results must have.
            pretrained_sha256: None to accept any.
            fingerprint: maps a set's name to its dump's fingerprint, or to None without a dump.
            files: the sha256 of each existing file that the method would start from, by key.
        """
        try:
            results = parse_json(self.results.read_text(encoding="utf-8"))
            made = read_yaml(self.config)
            pretrained, data = made.pop("pretrained"), made.pop("data")
            started_from = made.pop("files", {})
            return (
                set(test_sets) <= results["test_sets"].keys()
                and made.pop("plugins", {}) == plugins_of(config)
                and pretrained_sha256 in (None, pretrained["sha256"])
                and all(started_from.get(key) == sha256 for key, sha256 in files.items())
                and all(fingerprint(name) in (None, known) for name, known in data.items())
                and not difference(made, config)
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, FadError):
            return False
