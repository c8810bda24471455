"""The text of a gallery's pictures, where Milvus cannot look inside it, or not in time.

Milvus Lite evaluates an expression over metadata row by row: for 5,000 pictures it takes 0.35 s, and six searches are made
in that time. A server before 2.4 knows patterns that are prefixes only. In both cases the texts of a gallery of up to
16,384 pictures are read once and looked through here: 5,000 take 0.3 s in Milvus Lite and 0.06 s on a server, and every
later request about a millisecond. What was read is kept in the user's cache until pictures are added. Who goes on searching gets
an index of all texts, see `milvise.queries.whole.pictures`.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core import config
from milvise.embeddings.model_files.kept_files import read_object
from milvise.queries.text.filter import LABEL, META, URI
from milvise.queries.text.words import Phrase, folded

if TYPE_CHECKING:
    from milvise.queries.text.word_index import WordIndex

Row = Mapping[str, Any]

FIELDS = ("id", LABEL, URI, "meta")

OPEN = "open:"
"""How the stamp of a gallery begins into which pictures are being loaded, see `milvise.ingest.changes.load_stamp`."""

_FIRST_ROWS = 200
_MOST_CHARS = 2**25
"""Half of the longest message that a server sends by default."""


@dataclass(frozen=True)
class Texts:
    """What is known of the text of a gallery's pictures.

    Attributes
    ----------
    columns : tuple of str
        Where there is text: ``label``, ``uri``, and the metadata columns of its first pictures, such as ``meta.caption``.
    rows : tuple of mapping
        Pictures whose text was read.
    is_whole : bool
        Whether these are all.
    index : WordIndex, optional
        Of the words of all of them, see `milvise.queries.whole.pictures`.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    is_whole: bool = False
    index: WordIndex | None = None

    def holding(self, phrases: Sequence[Phrase]) -> list[Row]:
        """Return those of `rows` in which the letters of one of the phrases stand, be it within longer words."""
        places = {place for phrase in phrases for place in self._places(phrase)}
        return [self.rows[place] for place in sorted(places)]

    @cached_property
    def _text(self) -> tuple[str, list[int]]:
        """All texts in one, and where the text of each picture ends."""
        texts = [folded("\n".join(text for _, text in texts_of(row))) + "\n" for row in self.rows]
        return "".join(texts), list(accumulate(map(len, texts)))

    def _places(self, phrase: Phrase) -> Iterator[int]:
        text, ends = self._text
        # The longest word stands in the fewest texts.
        for form in max(phrase.words, key=lambda forms: len(forms[0])):
            at = text.find(form)
            while at >= 0:
                place = bisect_right(ends, at)
                yield place
                at = text.find(form, ends[place])


def is_closed(stamp: str) -> bool:
    """Return whether a gallery's stamp says that nobody loads pictures into it."""
    return bool(stamp) and not stamp.startswith(OPEN)


def load_texts(visual: Collection) -> Texts:
    """Return what has to be known of a gallery's text: from this machine's cache, or in one call to Milvus, or two."""
    stamp = visual.manifest.stamp
    if not is_closed(stamp):
        return read_texts(visual)
    # Both names come from Milvus, where others may write.
    name, version = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in (visual.name, f"{visual.name} {stamp}"))
    path = config.cache() / "texts" / f"{name}-{version}.json"
    texts = _kept(path)
    if texts is None:
        texts = read_texts(visual)
        _keep(texts, path, name)
    return texts


def read_texts(visual: Collection) -> Texts:
    """Read what has to be known of a gallery's text: in one call to Milvus, or two."""
    first = visual.query("", fields=FIELDS, limit=_FIRST_ROWS)
    columns = columns_of(first)
    if len(first) < _FIRST_ROWS:
        return Texts(columns, tuple(first), is_whole=True)
    if visual.looks_inside and not (visual.is_lite and len(columns) > len((LABEL, URI))):
        return Texts(columns)
    mean = sum(len(str(row)) for row in first) / len(first)
    most = min(MOST_HITS, int(_MOST_CHARS / mean))
    rows = visual.query("", fields=FIELDS, limit=most)
    return Texts(columns, tuple(rows), is_whole=len(rows) < most)


def columns_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return where there is text: ``label``, ``uri``, and the metadata columns of the first of some pictures, such as ``meta.caption``."""
    names = (column for row in rows[:_FIRST_ROWS] for column, _ in texts_of(row))
    return LABEL, URI, *dict.fromkeys(name for name in names if name.startswith(META))


def texts_of(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the columns of a picture that hold text, each with its text; of metadata also texts in lists."""
    yield LABEL, row[LABEL]
    yield URI, row[URI]
    for name, value in (row["meta"] or {}).items():
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                yield f"{META}{name}", text


def _kept(path: Path) -> Texts | None:
    found = read_object(path)
    if found is None:
        return None
    try:
        rows = tuple(dict(zip(FIELDS, row, strict=True)) for row in found["rows"])
        texts = Texts(tuple(found["columns"]), rows, found["is_whole"] is True)
    except (KeyError, TypeError, ValueError):
        return None
    is_readable = all(isinstance(one, str) for one in texts.columns) and all(map(_is_row, rows))
    return texts if is_readable else None


def _is_row(row: Row) -> bool:
    texts = isinstance(row["id"], str) and isinstance(row[LABEL], str) and isinstance(row[URI], str)
    return texts and isinstance(row["meta"], dict | None)


def _keep(texts: Texts, path: Path, name: str) -> None:
    """Write it for the next process, in place of what was true before; where the disk does not allow it, nothing is kept."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    rows = [[row[field] for field in FIELDS] for row in texts.rows]
    try:
        folder = config.cache_folder("texts")
        part.write_text(json.dumps({"columns": texts.columns, "rows": rows, "is_whole": texts.is_whole}))
        for before in folder.glob(f"{name}-*.json"):
            before.unlink(missing_ok=True)
        part.replace(path)
    except (OSError, TypeError):
        with suppress(OSError):
            part.unlink(missing_ok=True)
