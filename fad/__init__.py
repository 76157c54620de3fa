"""fad: fake-audio detection by adapting large self-supervised speech models.

`fad.load` gives a trained detector (`fad.inference.api`). What cannot be used raises `FadError`.
"""

from typing import TYPE_CHECKING, Any

from fad.utils.errors import FadError

if TYPE_CHECKING:
    from fad.inference.api import Scorer, load

__version__ = "0.1.0"
__all__ = ["FadError", "Scorer", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Imports the API when it is asked for, so that programs do not wait for torch."""
    if name not in ("Scorer", "load"):
        raise AttributeError(f"module 'fad' has no attribute '{name}'")
    from fad.inference import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The names that are offered, also those not imported yet."""
    return sorted({*globals(), *__all__})
