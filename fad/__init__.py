"""fad: fake-audio detection by adapting large self-supervised speech models."""

__version__ = "0.1.0"
