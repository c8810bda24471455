"""One hostile input, and the command line that meets it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile input.

    Attributes
    ----------
    name : str
        What is wrong with it, in a few words.
    arguments : tuple of str
        The milvise command that reads it, such as ``("ingest", "words", "/tmp/x/evil.kv")``.
    ends : str
        ``refused`` (exit code 1 or 2 and one error message), or ``loaded`` (what is good is loaded, the rest is reported; exit code 0).
    """

    name: str
    arguments: tuple[str, ...]
    ends: str
