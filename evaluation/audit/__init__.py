"""Answers for people outside to judge, and what they said of them."""
