"""Plots of results by matplotlib; the same numbers give the same bytes."""
