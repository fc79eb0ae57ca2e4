"""Music to landscape: from the emotion of a song to a picture of a place.

What people do with it, each imported on first use::

    m2l.emotion("song.mp3")                   # valence, arousal and their 90 % intervals
    m2l.over_time("song.mp3")                 # valence and arousal each second
    m2l.generate("song.mp3", seed=range(8))   # uint8 (8, H, W, 3), landscapes for it
    m2l.generate(7, 3)                        # … for a valence and an arousal
    m2l.cover("song.mp3")                     # an album cover
    m2l.film("song.mp3", "song.mp4")          # a film with its sound

Everything else is in the modules. Data flows one way: corpora → features → ear, and photos →
networks, losses, training; both meet in generate; the judges measure.
"""

import sys
from types import ModuleType

_WHERE = {
    "emotion": ("m2l.music.ear", "predict"),
    "over_time": ("m2l.music.ear", "over_time"),
    "cover": ("m2l.generate", "cover"),
}
_MODULES = ("film", "generate")

__all__ = ["__version__", *sorted([*_WHERE, *_MODULES])]


def __getattr__(name):
    """Import what is asked for now: torch and librosa take seconds (PEP 562)."""
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("m2l")
    if name in _WHERE:
        module, what = _WHERE[name]
        return getattr(import_module(module), what)
    if name in _MODULES:
        return import_module(f"m2l.{name}")
    raise AttributeError(f"module 'm2l' has no attribute '{name}'")


def __dir__():
    return __all__


class Callable(ModuleType):
    """A module that is also what it does: its function `run`."""

    def __call__(self, *args, **kwargs):
        return self.run(*args, **kwargs)

    @classmethod
    def make(cls, name):
        """Let a module be called; its last line."""
        sys.modules[name].__class__ = cls
