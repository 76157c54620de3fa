"""Whether an audio file is shorter than its header says: decoders do not report this.

Detected in WAV, RF64, W64, AIFF, AU, FLAC, MP4, Matroska and MP3 with a Xing or VBRI header. Not
detected in MP3 without such a header, CAF, raw AAC and Ogg, if the file ends between two packets.
"""

import re
from pathlib import Path

# A line of libsndfile's log: `data : 64000 (should be 31978)`.
_CHUNK = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
# What programs write for an unknown length when they write to a pipe: FFmpeg and GStreamer, SoX,
# arecord, and RF64 files.
_STREAMED = {0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**64 - 1}
# Some programs count the header as data. That is a millisecond: the file is not refused.
_SLACK_BYTES = 64

_SAY_THEIR_LENGTH = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flac", "wav")
_MP3_HEADERS = (b"Xing", b"Info", b"VBRI")


def missing_bytes(log: str) -> int:
    """The bytes of sound that are missing by libsndfile's log; 0 if none or unknown."""
    found = ((int(claimed), int(actual)) for claimed, actual in _CHUNK.findall(log))
    missing = (claimed - actual for claimed, actual in found if claimed not in _STREAMED)
    return max((gap for gap in missing if gap > _SLACK_BYTES), default=0)


def says_its_length(path: Path, container: str) -> bool:
    """Whether FFmpeg's duration of a file is written in the file and not an estimate."""
    return container in _SAY_THEIR_LENGTH or (container == "mp3" and _has_length_header(path))


def _has_length_header(path: Path) -> bool:
    """Whether an MP3 begins with a Xing, Info or VBRI frame, which has its length."""
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3" and len(tag) == 10:
            size = sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
        else:
            file.seek(0)
        frame = file.read(2048)
    return any(header in frame for header in _MP3_HEADERS)
