"""The length of a prepared utterance; without torch, so that jobs are planned at once."""

MIN_SAMPLES = 64_600  # 4.04 s at 16 kHz, the length that the field trains on


def prepared_length(samples: int) -> int:
    """The samples that `fad.data.waveform.prepare_waveform` returns for `samples` samples."""
    return max(samples, MIN_SAMPLES)
