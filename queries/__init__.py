"""From a request to hits: words, expressions, pictures and classes become Milvus searches."""
