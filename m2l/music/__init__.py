"""The emotion of music: features of sound, and models that predict valence and arousal."""
