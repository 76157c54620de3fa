"""Whether an audio file holds all that its header promises: decoders give what is there, silently.

Seen: WAV, RF64, W64, AIFF, AU, FLAC, MP4, Matroska and an MP3 with a Xing or VBRI header. Not seen,
where the cut falls between two packets: an MP3 without that header, CAF, raw AAC, Ogg.
"""

import re
from pathlib import Path

# As libsndfile's log has it: `data : 64000 (should be 31978)`.
_CHUNK = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
# What programs that write to a pipe put for a length they cannot know: FFmpeg and GStreamer, SoX,
# arecord, and RF64 files.
_STREAMED = {0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**64 - 1}
# Some writers count the header into the data. That is a millisecond, and no reason to refuse.
_SLACK_BYTES = 64

_SAY_THEIR_LENGTH = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flac", "wav")
_MP3_HEADERS = (b"Xing", b"Info", b"VBRI")


def missing_bytes(log: str) -> int:
    """How many bytes of sound libsndfile's log says are missing; 0 where none or not known."""
    found = ((int(claimed), int(actual)) for claimed, actual in _CHUNK.findall(log))
    missing = (claimed - actual for claimed, actual in found if claimed not in _STREAMED)
    return max((gap for gap in missing if gap > _SLACK_BYTES), default=0)


def says_its_length(path: Path, container: str) -> bool:
    """Whether the duration that FFmpeg gives for a file is written there, and not an estimate."""
    return container in _SAY_THEIR_LENGTH or (container == "mp3" and _has_length_header(path))


def _has_length_header(path: Path) -> bool:
    """Whether an MP3's first frame is the one in which encoders note its length."""
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3" and len(tag) == 10:
            size = sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
        else:
            file.seek(0)
        frame = file.read(2048)
    return any(header in frame for header in _MP3_HEADERS)
