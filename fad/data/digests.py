"""A clip's identity: a digest of its samples; and a file's state, to see a change without reading.

Stage 2 has every decoded sample in hand. It stores both in tables of the dump. All later stages
compare clips by digest: two files of the same name, length and size are not the same clip.
"""

import os
import re
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from fad.utils.errors import FadError

if TYPE_CHECKING:  # programs that only read tables start without NumPy
    import numpy as np

DIGESTS = "utt2digest"  # a table of the dump: 32 hexadecimal digits for each clip
STATES = "utt2state"  # a table of the dump: 16 hexadecimal digits for each source file
MISSING = "missing"  # the state of a file that is not there

_DIGEST = re.compile("[0-9a-f]{32}")
_STATE = re.compile(f"[0-9a-f]{{16}}|{MISSING}")


def to_int16(wav: "np.ndarray") -> "np.ndarray":
    """Rounds samples (S,) within -1 and 1 to int16 (S,); 16-bit samples are given back unchanged.

    Readers divide by 32768.
    """
    return (wav * 32768.0).round().clip(-32768, 32767).astype("<i2")


def digest_of(wav: "np.ndarray") -> str:
    """The digest of samples (S,) at 16 kHz, as 16 bits: what the dump stores of them."""
    return blake2b(to_int16(wav).tobytes(), digest_size=16).hexdigest()


def state_of(path: str | Path) -> str:
    """The state of a file: a digest of its size and its times of modification and of change.

    A program can set the time of modification back, but not the time of change.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return MISSING
    state = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    return blake2b(state.encode(), digest_size=8).hexdigest()


def check_digest(path: str | Path, utt: str, digest: str) -> None:
    """Refuses anything but a digest."""
    if not _DIGEST.fullmatch(digest):
        raise FadError(f"{path}: '{utt}' has {digest[:40]!r} as its digest: run stage 2 again")


def check_state(path: str | Path, utt: str, state: str) -> None:
    """Refuses anything but a state."""
    if not _STATE.fullmatch(state):
        raise FadError(f"{path}: '{utt}' has {state[:40]!r} as its state: run stage 2 again")


def check_has_digests(audio: Path) -> None:
    """Checks that a dump has digests.

    Raises:
        FadError: it was made by an older version.
    """
    if not (audio / DIGESTS).is_file():
        raise FadError(f"{audio}: has no {DIGESTS} (an older dump): run stage 2 again")
