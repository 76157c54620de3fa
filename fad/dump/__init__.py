"""Stage 2: audio at 16 kHz, and the stored outputs of an encoder's frozen part."""
