"""Searches that look at one class inside a picture. Start with `search`."""
