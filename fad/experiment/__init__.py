"""An experiment's directory, exp/<tag>."""
