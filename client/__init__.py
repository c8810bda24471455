"""A milvise that runs as a service, asked by HTTP with the methods of a `milvise.Database`.

``database`` is where to start, ``connection`` sends requests, ``problems`` makes errors of problem documents, ``pictures`` reads the
pictures that are uploaded, and ``records`` makes records of answers.
"""
