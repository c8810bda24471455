"""What a person types, read as terms that the vocabulary and the classes know. Start with `gallery_words`."""
