"""What a gallery has of a folder, whichever version of it is live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from milvise.adapter import Store
from milvise.adapter.escape import is_in, literal
from milvise.core.chunks import chunks
from milvise.core.records import record_id
from milvise.gallery.names import visual_alias

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StoredPictures:
    """The pictures of a gallery by their URIs and contents; a gallery that is not there has none."""

    store: Store
    gallery: str

    def count(self) -> int:
        """Return the number of pictures."""
        live = self.store.live(visual_alias(self.gallery))
        return 0 if live is None else live.count()

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the URIs that begin with a prefix, which ends with a slash or is empty."""
        live = self.store.live(visual_alias(self.gallery))
        # No pattern: it would take signs in the prefix for others. The sign behind a slash is a nought.
        part = f"uri >= {literal(prefix)} and uri < {literal(prefix[:-1] + '0')}" if prefix else ""
        return (row["uri"] for row in live.scan(["uri"], filter=part)) if live is not None else iter(())

    def contents(self, uris: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of those of these pictures that are stored, by URI."""
        live = self.store.live(visual_alias(self.gallery))
        rows = (
            {}
            if live is None
            else live.get([record_id(uri) for uri in uris], fields=["uri", "sha256"], own_writes=True)
        )
        return {row["uri"]: row["sha256"] for row in rows.values()}

    def with_content(self, hashes: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the URI and the SHA-256 of every picture that has one of these contents."""
        live = self.store.live(visual_alias(self.gallery))
        if live is None:
            return
        for some in chunks(sorted(set(hashes)), _AT_ONCE):
            for row in live.query(is_in("sha256", some), fields=["uri", "sha256"], own_writes=True):
                yield row["uri"], row["sha256"]
