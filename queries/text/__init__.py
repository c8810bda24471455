"""Pictures whose label, file name or metadata holds the words of a search. Start with `match`."""
