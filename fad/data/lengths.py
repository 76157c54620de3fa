"""How long an utterance is once it is prepared; without torch, so that work is divided at once."""

MIN_SAMPLES = 64_600  # 4.04 s at 16 kHz, the length that the field trains on


def prepared_length(samples: int) -> int:
    """The length of `fad.data.waveform.prepare_waveform` of `samples` samples."""
    return max(samples, MIN_SAMPLES)
