"""What `benchmarks/structure.py` counts: files, functions, types, duplicated code and import cycles, all read from source text."""
