"""The mean of the weights of several epochs (arXiv 1803.05407), as in ASR toolkits."""

from pathlib import Path

from torch import Tensor

from fad.models.detector import read_weights, write_weights
from fad.utils.errors import FadError


class EpochWeights:
    """The trained state after each of the best epochs, in files.

    Args:
        folder: the folder of the files; it is removed with the last of them.
        base_sha256: the sha256 of the pre-trained file, saved with the states.
    """

    def __init__(self, folder: Path, base_sha256: str) -> None:
        self.folder, self.base_sha256 = folder, base_sha256

    def write(self, epoch: int, state: dict[str, Tensor]) -> None:
        """Writes the state after an epoch."""
        write_weights(self._path(epoch), state, {"base_sha256": self.base_sha256})

    def keep(self, epochs: list[int]) -> None:
        """Removes the states of all other epochs."""
        wanted = {self._path(epoch) for epoch in epochs}
        for path in self.folder.glob("*.safetensors"):
            if path not in wanted:
                path.unlink()
        if not wanted and self.folder.is_dir():
            self.folder.rmdir()

    def average(self, epochs: list[int]) -> dict[str, Tensor]:
        """The mean of the states after some epochs; integers are taken from the first.

        Raises:
            FadError: the state of an epoch is missing.
        """
        first, *others = epochs
        mean = self._read(first)
        floats = [name for name, value in mean.items() if value.is_floating_point()]
        total = {name: mean[name].double() for name in floats}
        for epoch in others:
            state = self._read(epoch)
            for name in floats:
                total[name] += state[name]
        return mean | {name: (total[name] / len(epochs)).to(mean[name].dtype) for name in floats}

    def _read(self, epoch: int) -> dict[str, Tensor]:
        path = self._path(epoch)
        if not path.is_file():
            raise FadError(f"{path}: gone: remove {self.folder.parent} to train anew")
        return read_weights(path)[0]

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch{epoch}.safetensors"
