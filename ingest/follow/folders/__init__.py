"""A folder as a stream: where something changed in it, and what became of pictures that are gone."""
