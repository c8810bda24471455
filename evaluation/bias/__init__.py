"""Bias in words, in the joint space, in search results and in tags. Start with `measure`."""
