"""What a gallery of a size takes: memory, disk, the time of each step, and what limits. Start at `milvise.operations.plan`."""
