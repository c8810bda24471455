"""Whether what a gallery stands on is whole, and what can be made again from the rest. Start at `milvise.gallery.verify`."""
