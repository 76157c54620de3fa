"""Augmentation of training audio, one file a kind."""
