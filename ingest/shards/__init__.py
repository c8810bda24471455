"""Shards: pictures listed once, embedded part by part into files on any number of machines, and imported into Milvus."""
