"""What a file of words held that could not be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from milvise.errors import InputError

_EXAMPLES = 5
_MANY = 100_000
_SHOWN = 60


@dataclass(slots=True)
class Skipped:
    """What a file of words held that could not be used: how much, and the first few examples."""

    malformed: int = 0
    duplicates: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, kind: str, example: str) -> None:
        """Count one entry that is ``malformed`` or one of the ``duplicates``."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{kind}: {example}")

    def require_mostly_words(self, path: Path, words: int) -> None:
        """Check, while a file is read, that going on makes sense.

        Raises
        ------
        InputError
            If very many entries could not be used, and more than could.
        """
        unusable = self.malformed + self.duplicates
        if unusable > max(_MANY, words):
            examples = "".join(f"\n  {example}" for example in self.examples)
            raise InputError(
                f"{path} is no file of word vectors: of its first {unusable + words:,} entries {self.malformed:,} are"
                f" malformed and {self.duplicates:,} stood there before, such as:{examples}"
            )


def shown(text: str | bytes) -> str:
    """Return the beginning of a text that a stranger wrote, without characters that would act on a terminal."""
    start = text[:_SHOWN].decode("utf-8", "replace") if isinstance(text, bytes) else text[:_SHOWN]
    return "".join(character if character.isprintable() else "�" for character in start.strip())
