"""What is to be done with each entry of the sources: nothing, a new label, a (new) vector, or a line in the quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.core import config
from milvise.core.chunks import chunks
from milvise.core.records import Row, record_id
from milvise.errors import ImageError
from milvise.ingest.changes.loaded_files import LoadedFile, LoadedFiles, entry_text
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.rows import scalars
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.read_content import hash_content
from milvise.ingest.sources.source import Source, skipped_by
from milvise.ingest.summary import Tally

_LOOKUP_ROWS = 256


class StoredPictures(Protocol):
    """What a gallery has; `milvise.gallery.pair.Pair` is one."""

    def stored(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """Return hash, label and metadata of the pictures that are stored, by key."""

    def relabel(self, key: str, label: str, meta: Mapping[str, Any]) -> None:
        """Write a new label and new metadata."""

    def other_owner(self, uri: str, path: Path | None) -> Path | None:
        """Return another file that the gallery was loaded from, and that has this URI as well."""


class ChangeFinder:
    """It yields the pictures that need a vector, and deals with all others itself.

    Parameters
    ----------
    gallery : StoredPictures, optional
        What is stored; without it nothing is.
    seen : SeenIds
        Filled with the pictures of the sources.
    loaded : LoadedFiles, optional
        What this machine remembers; without it every picture that is stored is read and hashed.
    tally : Tally
        Where entries are counted.
    reject : callable
        Told of each entry that cannot be loaded.
    untouched : bool
        Whether the gallery is as `loaded` has it, so that Milvus need not be asked about pictures that are as they were.
    writing : bool
        Whether new labels are written, which a dry run only counts.
    """

    def __init__(
        self,
        gallery: StoredPictures | None,
        seen: SeenIds,
        loaded: LoadedFiles | None,
        tally: Tally,
        reject: Callable[[Rejected], None],
        *,
        untouched: bool = False,
        writing: bool = True,
    ) -> None:
        self._gallery = gallery
        self._seen = seen
        self._loaded = loaded
        self._untouched = untouched
        self._writing = writing
        self._tally = tally
        self._reject = reject

    def in_sources(self, sources: Iterable[Source]) -> Iterator[Item]:
        """Yield the pictures of whole sources that need a vector."""
        for batch in chunks(self._items(sources), _LOOKUP_ROWS):
            yield from self.among(batch)

    def among(self, items: Sequence[Item]) -> Iterator[Item]:
        """Yield those of a batch that need a vector; no two have the same URI."""
        by_key = {record_id(item.uri): item for item in items}
        loaded = self._loaded.find(list(by_key)) if self._loaded is not None else {}
        as_they_were = {key: was for key, was in loaded.items() if by_key[key].content.state() == was.state}
        asked = dict(by_key)
        if self._untouched:
            for key, was in as_they_were.items():
                if was.entry == entry_text(by_key[key].label, by_key[key].meta):
                    self._tally.add(unchanged=1)
                    del asked[key]
        stored = self._gallery.stored(list(asked)) if self._gallery is not None and asked else {}
        digests = self._digests({key: one for key, one in asked.items() if key in stored and key not in as_they_were})
        verified: list[tuple[str, LoadedFile]] = []
        for key, item in asked.items():
            problem = row_problem(scalars(item, "", None), VISUAL)
            if problem is not None:
                self._reject(Rejected(item.uri, problem))
            elif key not in stored:
                yield item
            else:
                before = as_they_were.get(key)
                digest = before.sha256 if before is not None else digests.get(key)
                yield from self._changed(key, item, stored[key], digest, verified)
        if self._loaded is not None:
            self._loaded.remember(verified)

    def _items(self, sources: Iterable[Source]) -> Iterator[Item]:
        for source in sources:
            for entry in source:
                self._tally.add(seen=1)
                key = record_id(entry.uri)
                if isinstance(entry, Rejected):
                    self._reject(entry)
                    if entry.uri:
                        # It is there, though it cannot be loaded: pruning leaves it alone.
                        self._seen.add(key)
                    else:
                        self._seen.skipped.hide("")
                elif self._seen.add(key):
                    yield entry
                else:
                    reason = "another picture of this run has the same source-relative URI"
                    self._reject(Rejected(entry.uri, reason))
            self._seen.skipped.add(skipped_by([source]))

    @staticmethod
    def _digests(items: Mapping[str, Item]) -> dict[str, str | ImageError]:
        """Return the hashes of pictures that are elsewhere, several read at a time, since each is waited for; or why it has none."""
        elsewhere = {key: item for key, item in items.items() if item.content.path is None}
        if len(elsewhere) < 2:
            return {}
        with ThreadPoolExecutor(config.connections(), thread_name_prefix="milvise-hash") as pool:
            return dict(zip(elsewhere, pool.map(_digest, elsewhere.values()), strict=True))

    def _changed(
        self, key: str, item: Item, row: Row, digest: str | ImageError | None, verified: list[tuple[str, LoadedFile]]
    ) -> Iterator[Item]:
        """Yield a stored picture if its content is another one now."""
        assert self._gallery is not None
        state = item.content.state()
        digest = _digest(item) if digest is None else digest
        if isinstance(digest, ImageError):
            self._reject(Rejected(item.uri, str(digest)))
            return
        if row["sha256"] == digest:
            self._tally.add(unchanged=1)
            if (row["label"], row["meta"]) != (item.label, dict(item.meta)):
                self._tally.add(relabelled=1)
                if self._writing:
                    self._gallery.relabel(key, item.label, item.meta)
            if state is not None:
                verified.append((key, LoadedFile(state, digest, entry_text(item.label, item.meta))))
            return
        other = self._gallery.other_owner(item.uri, item.content.path)
        if other is None:
            self._tally.add(replaced=1)
            yield item
        else:
            reason = f"the gallery has {other} under the same source-relative URI; load the folder above both"
            self._reject(Rejected(item.uri, reason))


def _digest(item: Item) -> str | ImageError:
    """Return the hash of a picture, or why it cannot be read."""
    try:
        return hash_content(item.content)
    except ImageError as error:
        return error
