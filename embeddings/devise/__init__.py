"""DeViSE: a backbone with its classes, and a head from its visual vectors to word vectors."""
