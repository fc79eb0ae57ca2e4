"""The command m2l: every stage of the way from a song to a landscape.

Imports that take time happen inside the commands that need them, so that help is instant.
"""

from m2l.cli import data, film, forest, gan, metrics, page, songs, study
from m2l.cli._base import main

__all__ = ["data", "film", "forest", "gan", "main", "metrics", "page", "songs", "study"]
