"""All malformed inputs, from the tables of their files."""

from . import (
    hostile,
    hostile_models,
    malformed_audio,
    malformed_calibrations,
    malformed_checkpoints,
    malformed_configs,
    malformed_corpora,
    malformed_keys,
    malformed_models,
    malformed_sasv,
    malformed_scores,
    malformed_tables,
)
from .fault import Fault, Hostile

FAULTS: list[Fault] = [
    *hostile.FAULTS,
    *hostile_models.FAULTS,
    *malformed_audio.FAULTS,
    *malformed_calibrations.FAULTS,
    *malformed_checkpoints.FAULTS,
    *malformed_configs.FAULTS,
    *malformed_corpora.FAULTS,
    *malformed_keys.FAULTS,
    *malformed_models.FAULTS,
    *malformed_sasv.FAULTS,
    *malformed_scores.FAULTS,
    *malformed_tables.FAULTS,
]
HOSTILE = [fault for fault in FAULTS if isinstance(fault, Hostile)]
BY_NAME = {fault.name: fault for fault in FAULTS}
