"""Small modules that every room may use."""
