"""Cuts long recordings into windows, so that memory depends on the window, not the recording."""

from itertools import pairwise

# The most frames for the encoder at once: 16 utterances of 4 s including padding, or 64 s of one
# recording. With XLS-R 300M in float32 on a CPU 64 s take 1.4 GiB, and the weights 1.2 GiB. Most of
# it is in the frontend's first convolutions, whose outputs grow with the length.
MAX_FRAMES = 3200


def windows(frames: int, most: int) -> list[tuple[int, int]]:
    """Cuts a recording into the fewest windows of at most `most` frames.

    Their sizes differ by at most one frame, so the last is not short. Every frame is in one window.

    Returns:
        (first frame, number of frames) of each window.
    """
    count = -(-frames // most)
    edges = [frames * number // count for number in range(count + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]
