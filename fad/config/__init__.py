"""Configs: read, composed, checked; and the registry of what they can name."""
