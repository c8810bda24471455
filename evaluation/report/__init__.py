"""From what the evaluations found to a JSON document and a page. Start with `document`."""
