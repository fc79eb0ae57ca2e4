"""Emotional landscapes: generator and critics, their losses, training, photos."""
