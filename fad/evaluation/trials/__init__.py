"""Scores of anyone, and keys, joined to trials."""
