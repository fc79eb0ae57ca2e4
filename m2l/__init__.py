"""Music to landscape: from the emotion of a song to a picture of a place.

Data flows one way: corpora → features → forest, and photos → networks, losses, training; both meet
in generate; metrics measure. Import the module that you need, e.g. ``from m2l import generate``.
"""
