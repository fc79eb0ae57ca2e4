"""Music to landscape: from the emotion of a song to a picture of a place.

What people do with it, each imported on first use::

    m2l.emotion("song.mp3")                   # valence, arousal and their 90 % intervals
    m2l.features("song.mp3")                  # 222 named numbers
    m2l.landscapes(7, 3, seed=range(8))       # uint8 (8, H, W, 3)
    m2l.from_song("song.mp3", seed=1)         # landscapes, and the emotion that they are for
    m2l.corpus("deam")                        # its songs or photos with their labels

Everything else is in the modules. Data flows one way: corpora → features → ear, and photos →
networks, losses, training; both meet in generate; the judges measure.
"""

_WHERE = {
    "emotion": ("m2l.music.ear", "predict"),
    "features": ("m2l.music.features", "extract"),
    "landscapes": ("m2l.generate", "landscapes"),
    "from_song": ("m2l.generate", "from_song"),
    "corpus": ("m2l.corpora", "load"),
}

__all__ = ["__version__", *sorted(_WHERE)]


def __getattr__(name):
    """Import what is asked for now: torch and librosa take seconds (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("m2l")
    if name in _WHERE:
        from importlib import import_module

        module, what = _WHERE[name]
        return getattr(import_module(module), what)
    raise AttributeError(f"module 'm2l' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *__all__])
