"""Python loads from a source of one's own, which is no folder, by the same operation as from a path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import milvise
from milvise.errors import UsageError
from milvise.ingest.sources import BytesContent, Item, Rejected


class InMemory:
    """Pictures in a dictionary."""

    location = "memory:album"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def __iter__(self) -> Iterator[Item | Rejected]:
        for uri, data in self.files.items():
            content = BytesContent(f"{self.location}/{uri}", partial(bytes, data), (len(data), hash(data)))
            yield Item(uri, content, uri.partition("/")[0], {"from": "memory"})


def test_pictures_in_memory_are_loaded_pruned_quarantined_and_found(
    db: milvise.Database, folder: Path, how: dict[str, Any]
) -> None:
    db.ingest_words("words.txt", components=0, index="flat")
    pictures = folder / "pictures"
    source = InMemory({path.relative_to(pictures).as_posix(): path.read_bytes() for path in pictures.rglob("*.png")})
    counts: list[Any] = []
    first = db.ingest_images(source, progress=counts.append, **how)
    assert (first.embedded, first.rows, first.quarantined) == (8, 8, 0)
    assert counts
    visual = next(one for one in db.status() if one["alias"] == "g_visual")
    assert visual["sources"] == ["memory:album"]
    gallery = db.gallery("g")
    hits = gallery.search("cat", limit=8, filter='label == "cat"')
    assert {hit.uri for hit in hits} == {uri for uri in source.files if uri.startswith("cat")}
    assert hits[0].meta == {"from": "memory"}
    del source.files["cat/1.png"]
    source.files["dog/broken.png"] = b"no picture"
    second = db.ingest_images(source, prune=True, **how)
    assert (second.removed, second.quarantined, second.unchanged, second.rows) == (1, 1, 7, 7)
    assert "dog/broken.png" in Path(str(second.quarantine)).read_text()
    assert "cat/1.png" not in {hit.uri for hit in gallery.search("cat", limit=8)}


def test_what_is_no_source_is_refused_before_anything_is_built(db: milvise.Database, how: dict[str, Any]) -> None:
    class Old:
        root = Path()

        def __iter__(self) -> Iterator[Item]:
            return iter(())

    for wrong in (Old(), [], 7):
        with pytest.raises(UsageError, match=r"this is no source of pictures"):
            db.ingest_images(wrong, **how)
