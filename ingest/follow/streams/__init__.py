"""Streams of events: Redis, Kafka and standard input, with a file for what cannot be followed."""
