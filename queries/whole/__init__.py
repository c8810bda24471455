"""All pictures of a gallery in memory, without their vectors, for who searches it again and again."""
