"""The emotion of music: features of sound, and models that predict valence and arousal."""


def over_time(path, model="ear"):
    """Emotion of a song each second; see `m2l.music.ear.over_time`."""
    from m2l.music import ear

    return ear.over_time(path, model)
