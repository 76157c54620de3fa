"""Detection metrics in numpy and scipy alone."""
