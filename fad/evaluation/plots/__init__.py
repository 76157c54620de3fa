"""Plots of results, drawn by matplotlib, the same bytes from the same numbers."""
