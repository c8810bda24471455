"""WordNet's nouns, and the classes of a backbone in their tree. Start with `hierarchy`."""
