"""Detection metrics of score arrays; they need only numpy and scipy."""
