"""Studies: many runs of a recipe, and what they gave side by side."""
