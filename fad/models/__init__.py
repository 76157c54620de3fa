"""Detectors: an encoder, its adaptation and a back-end; and how many parameters they have."""
