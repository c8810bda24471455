"""Evaluating a live gallery: how accurate, how complete and how biased its searches are. Start with `report`."""
