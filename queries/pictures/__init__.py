"""The pictures that a request names: stored ones, files, bytes and arrays. Start with `given`."""
