"""From a picture file to the pixels that a network reads. Start with `decode`."""
