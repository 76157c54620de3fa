"""Classifiers on top of an encoder, one file each."""
