"""Studies: many runs of a recipe, and a comparison of their results."""
