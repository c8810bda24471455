"""What the text of one picture holds of the words of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milvise.queries.text.filter import LABEL, URI
from milvise.queries.text.read import texts_of
from milvise.queries.text.words import Phrase, readings

FILE_NAME, FOLDER = "file name", "folder"


@dataclass(frozen=True, slots=True)
class TextMatch:
    """What a picture's text holds of an expression.

    Attributes
    ----------
    share, against : float
        Share in [0, 1] of the weight of what is searched for, and of what is subtracted.
    reasons : tuple of str
        Where it stands: ``label``, ``file name``, ``folder``, ``meta.`` and a column.
    """

    share: float = 0.0
    against: float = 0.0
    reasons: tuple[str, ...] = ()

    def moved(self, similarity: float) -> float:
        """Return the similarity of a picture with this text."""
        raised = similarity + self.share / 2 * (1 - similarity)
        return raised + self.against / 2 * (-1 - raised)


def matched(wanted: Sequence[Phrase], row: Mapping[str, Any]) -> TextMatch:
    """Return what the text of a picture holds of phrases, word by word.

    Parameters
    ----------
    wanted : sequence of Phrase
        Of `milvise.queries.text.words.phrases`.
    row : mapping
        ``label``, ``uri`` and ``meta``.
    """
    texts = [(reason, reading) for reason, text in named_texts(row) for reading in readings(text)]
    held = {place: [reason for reason, words in texts if one.stands_in(words)] for place, one in enumerate(wanted)}
    reasons = dict.fromkeys(reason for place, one in enumerate(wanted) if one.weight > 0 for reason in held[place])
    if LABEL in reasons:
        # The label mostly is the name of the folder.
        reasons.pop(FOLDER, None)
    return TextMatch(_share(wanted, held, 1.0), _share(wanted, held, -1.0), tuple(reasons))


def _share(wanted: Sequence[Phrase], held: Mapping[int, Sequence[str]], sign: float) -> float:
    whole = sum(abs(one.weight) for one in wanted if one.weight * sign > 0)
    part = sum(abs(one.weight) for place, one in enumerate(wanted) if one.weight * sign > 0 and held[place])
    return part / whole if whole else 0.0


def named_texts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a picture's texts with what they are called to users; a file name without its ending."""
    for column, text in texts_of(row):
        if column == URI:
            *folders, name = text.replace("\\", "/").split("/")
            yield from ((FOLDER, folder) for folder in folders)
            yield FILE_NAME, name.rpartition(".")[0] or name
        else:
            yield column, text
