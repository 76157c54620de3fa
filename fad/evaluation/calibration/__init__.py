"""Calibration: from scores to log-likelihood ratios."""
