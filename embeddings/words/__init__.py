"""Word vectors from files, and vectors of phrases. Start with `load`."""
