"""Scores from a trained detector."""
