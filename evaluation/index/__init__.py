"""How much of the exact answer an index finds, and how fast. Start with `measure`."""
