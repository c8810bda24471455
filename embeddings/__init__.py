"""Pictures and words to vectors: backbones, classes, heads, word vectors. Nothing here knows Milvus.

Importing this package imports neither Keras nor gensim; the functions that need them import them when called.
"""
