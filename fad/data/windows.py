"""Long recordings in windows, so that memory is bounded by the window and not by the recording."""

from itertools import pairwise

# The most frames that reach an encoder at once: 16 utterances of 4 s with their padding, or 64 s
# of one recording. With XLS-R 300M in float32 on a CPU 64 s take 1.4 GiB beside the weights' 1.2,
# most of it in the frontend's first convolutions, which grow with the length.
MAX_FRAMES = 3200


def windows(frames: int, most: int) -> list[tuple[int, int]]:
    """Cuts a recording into the fewest windows of at most `most` frames.

    Their sizes differ by one frame at most, so that none is a short rest; every frame is in one.

    Returns:
        (first frame, number of frames) of each.
    """
    count = -(-frames // most)
    edges = [frames * number // count for number in range(count + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]
