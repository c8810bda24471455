"""Start here: what people do, behind every door.

An operation is a function from a frozen request to a frozen result::

    ingest_images(db, IngestImages(("photos",), gallery="holiday"), progress)  ->  Summary

It opens what the request names, puts the rooms below together, and runs them. It prints nothing and knows no command line:
what it tells while it works goes to its progress callback (`milvise.operations.progress`). A request checks its values when
it is made. One that names files has a method ``opened``, which returns it with the files read: who calls it learns of a
wrong file before Milvus is asked.

The command line parses options into requests. ``milvise.connect`` gives a `milvise.operations.database.Database` and its
galleries (`milvise.operations.gallery.Gallery`), whose methods do the same for Python.
"""
