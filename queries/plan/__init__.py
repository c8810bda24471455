"""From words, pictures and mixtures of them to the vectors that Milvus is asked with. Start with `build`."""
