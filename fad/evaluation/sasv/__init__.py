"""Spoofing-aware speaker verification: metrics, score files and results."""
