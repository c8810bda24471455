"""What is to be done with each entry of the sources: nothing, a new label, a (new) vector, or a line in the quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.core.chunks import chunks
from milvise.core.records import record_id
from milvise.embeddings.pictures.decode import Picture
from milvise.embeddings.pictures.files import hash_file
from milvise.errors import ImageError
from milvise.gallery.pair import Pair
from milvise.ingest.known import Known, KnownFiles, entry_of, state_of
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.seen import Seen
from milvise.ingest.sources import Item, Rejected, Source, unseen_of
from milvise.ingest.summary import Tally

_LOOKUP_ROWS = 256


class Triage:
    """The first stage of a run: it yields the pictures that need a vector, and deals with all others itself.

    Parameters
    ----------
    known : KnownFiles, optional
        What this machine remembers; without it every file that is stored is read and hashed.
    untouched : bool
        Whether the gallery is as `known` has it, so that Milvus need not be asked about files that are as they were.
    writing : bool
        Whether new labels are written, which a dry run only counts.
    """

    def __init__(
        self,
        pair: Pair | None,
        seen: Seen,
        known: KnownFiles | None,
        tally: Tally,
        quarantine: Quarantine,
        *,
        untouched: bool,
        writing: bool,
    ) -> None:
        self._pair = pair
        self._seen = seen
        self._known = known
        self._untouched = untouched
        self._writing = writing
        self._tally = tally
        self._quarantine = quarantine

    def new(self, sources: Sequence[Source]) -> Iterator[Item]:
        """Yield the pictures that are to be embedded."""
        for chunk in chunks(self._items(sources), _LOOKUP_ROWS):
            yield from self._new_of(dict(chunk))

    def reject(self, uri: str, reason: str) -> None:
        """Put an entry into the quarantine."""
        self._quarantine.add(uri, reason)
        self._tally.add(quarantined=1)

    def _items(self, sources: Sequence[Source]) -> Iterator[tuple[str, Item]]:
        for source in sources:
            for entry in source:
                self._tally.add(seen=1)
                key = record_id(entry.uri)
                if isinstance(entry, Rejected):
                    self.reject(entry.uri, entry.reason)
                    if entry.uri:
                        # It is there, though it cannot be loaded: pruning leaves it alone.
                        self._seen.add(key)
                    else:
                        self._seen.unseen.hide("")
                elif self._seen.add(key):
                    yield key, entry
                else:
                    self.reject(entry.uri, "another picture of this run has the same source-relative URI")
            self._seen.unseen.add(unseen_of([source]))

    def _new_of(self, items: Mapping[str, Item]) -> Iterator[Item]:
        known = self._known.find(list(items)) if self._known is not None else {}
        as_they_were = {key: known[key] for key, item in items.items() if key in known and _same_file(item, known[key])}
        asked = dict(items)
        if self._untouched:
            for key, was in as_they_were.items():
                if was.entry == entry_of(items[key].label, items[key].meta):
                    self._tally.add(unchanged=1)
                    del asked[key]
        stored = self._pair.stored(list(asked)) if self._pair is not None and asked else {}
        verified: list[tuple[str, Known]] = []
        for key, item in asked.items():
            problem = row_problem(scalars(item, "", None), VISUAL)
            if problem is not None:
                self.reject(item.uri, problem)
            elif key not in stored:
                yield item
            else:
                yield from self._changed(key, item, stored[key], as_they_were.get(key), verified)
        if self._known is not None:
            self._known.remember(verified)

    def _changed(
        self, key: str, item: Item, row: Mapping[str, Any], was: Known | None, verified: list[tuple[str, Known]]
    ) -> Iterator[Item]:
        """Yield a stored picture if its content is another one now."""
        assert self._pair is not None
        state = state_of(item.path)
        try:
            digest = was.sha256 if was is not None else hash_file(item.path)
        except ImageError as error:
            self.reject(item.uri, str(error))
            return
        if row["sha256"] == digest:
            self._tally.add(unchanged=1)
            if (row["label"], row["meta"]) != (item.label, dict(item.meta)):
                self._relabel(key, item)
            if state is not None:
                verified.append((key, Known(state, digest, entry_of(item.label, item.meta))))
            return
        other = self._pair.other_owner(item.uri, item.path)
        if other is None:
            self._tally.add(replaced=1)
            yield item
        else:
            reason = f"the gallery has {other} under the same source-relative URI; load the folder above both"
            self.reject(item.uri, reason)

    def _relabel(self, key: str, item: Item) -> None:
        self._tally.add(relabelled=1)
        if self._pair is not None and self._writing:
            self._pair.relabel(key, item.label, item.meta)


def scalars(item: Item, digest: str, picture: Picture | None) -> dict[str, Any]:
    """Return the row of a picture without its vector."""
    return {
        "id": record_id(item.uri),
        "uri": item.uri,
        "label": item.label,
        "sha256": digest,
        "width": picture.width if picture else 0,
        "height": picture.height if picture else 0,
        "meta": dict(item.meta),
    }


def _same_file(item: Item, known: Known) -> bool:
    return state_of(item.path) == known.state
