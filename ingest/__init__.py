"""Bulk loading: sources, decoding, embedding, upsert; resume and quarantine."""
