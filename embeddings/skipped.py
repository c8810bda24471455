"""What a file of words held that could not be used."""

from __future__ import annotations

from dataclasses import dataclass, field

_EXAMPLES = 5
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


def shown(text: str | bytes) -> str:
    """Return the beginning of a text that a stranger wrote, without characters that would act on a terminal."""
    start = text[:_SHOWN].decode("utf-8", "replace") if isinstance(text, bytes) else text[:_SHOWN]
    return "".join(character if character.isprintable() else "�" for character in start.strip())
