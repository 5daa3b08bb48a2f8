"""Desktop Trainer: train a neural network by pointing and clicking. This module knows only the version."""

__version__ = "0.1.0"
