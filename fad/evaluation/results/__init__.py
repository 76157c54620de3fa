"""Results of an experiment: evaluation, RESULTS.md and plots."""
