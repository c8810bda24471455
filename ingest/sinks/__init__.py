"""Where rows go: into Milvus, or into files for a later import."""
