"""A small corpus made on demand: composed pieces and painted scenes whose emotion is known."""
