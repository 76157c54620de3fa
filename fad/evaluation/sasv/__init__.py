"""Spoofing-aware speaker verification."""
