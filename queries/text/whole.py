"""The texts of a gallery in memory, with an index of their words, for who searches it again and again.

A process that searches once is answered sooner by Milvus. One that goes on, such as a service, spares each search by text a call to
Milvus, or a look through all texts, from its 20th on: a thread then reads them, and nobody waits for it.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from milvise.adapter import Collection
from milvise.errors import MilviseError
from milvise.queries.text.read import FIELDS, Texts, is_closed
from milvise.queries.text.word_index import WordIndex

PATIENCE = 20
"""Searches before all texts are read."""

MOST_PICTURES = 200_000
"""Texts of larger galleries stay in Milvus: here they would take more than 160 MiB."""


class WholeTexts:
    """All texts of one gallery, from some search on; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[str, str] | None = None
        self._asked = 0
        self._whole: Texts | None = None

    def instead_of(self, texts: Texts, visual: Collection, searches: int = 1) -> Texts:
        """Return the texts of a gallery with their index if they were read, and else what is known of them.

        Parameters
        ----------
        texts : Texts
            What is known.
        visual : Collection
            The gallery's.
        searches : int
            How many are made with what is returned.
        """
        of = visual.name, visual.manifest.stamp
        if not is_closed(of[1]):
            return texts
        with self._lock:
            if of != self._of:
                self._of, self._asked, self._whole = of, 0, None
            if self._whole is not None:
                return self._whole
            before, self._asked = self._asked, self._asked + searches
            if before < PATIENCE <= self._asked:
                threading.Thread(target=self._read, args=(texts, visual), name="milvise-texts", daemon=True).start()
        return texts

    def _read(self, texts: Texts, visual: Collection) -> None:
        of = visual.name, visual.manifest.stamp
        try:
            whole = indexed(texts, visual)
        except MilviseError:
            # Whoever searches is told what is wrong with Milvus; the texts are tried again after as many searches.
            whole = None
        with self._lock:
            if of != self._of:
                return
            self._whole = whole
            if whole is None:
                self._asked = 0


def indexed(texts: Texts, visual: Collection) -> Texts:
    """Return texts with their index, and read first what is lacking; as they are where there are too many."""
    if not texts.is_whole:
        if visual.count(settled=True) > MOST_PICTURES:
            return texts
        rows = tuple(visual.scan(FIELDS))
        texts = replace(texts, rows=rows, is_whole=True)
    return replace(texts, index=WordIndex(texts.rows))
