"""Requests that are more than one search: complete, duplicates, explain, owners, rank, refine, tags."""
