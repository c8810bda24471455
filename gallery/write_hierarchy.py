"""The hierarchy of a backbone's classes, written into Milvus beside them: with it a client ties any noun to the classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.embeddings.devise.classes import Classes, imagenet_synsets
from milvise.embeddings.wordnet.hierarchy import VERSION
from milvise.embeddings.wordnet.hierarchy_rows import to_rows
from milvise.embeddings.wordnet.make_hierarchy import make_hierarchy, synsets_of
from milvise.embeddings.wordnet.nouns import load_nouns
from milvise.gallery.names import hierarchy_of
from milvise.gallery.read_hierarchy import is_readable

NO_NOUNS = "No class of the backbone is called by a noun that WordNet knows: searching by word goes by the names' vectors alone."


def write_hierarchy(store: Store, classes: Manifest, known: Callable[[], Classes]) -> list[str]:
    """Write the hierarchy of classes where it is not there yet; return what is to be remarked.

    Parameters
    ----------
    classes : Manifest
        Of the classes that stand.
    known : callable
        Returns these classes; called where there is something to make.
    """
    manifest = hierarchy_of(classes, VERSION)
    if _stands(store, manifest):
        return []
    found = known()
    rows = _rows(found.names, found.synsets)
    if not rows:
        return [NO_NOUNS]
    collection = store.build(manifest)
    collection.upsert({**row, "vector": [1.0, 0.0]} for row in rows)
    if not collection.is_new:
        written = {row["part"] for row in rows}
        stored = collection.query('part != ""', fields=["part"], own_writes=True)
        collection.delete([row["part"] for row in stored if row["part"] not in written])
    store.publish(store.finish(collection, IndexSpec("flat")))
    return []


@lru_cache(maxsize=2)
def _rows(names: tuple[str, ...], known: tuple[str | None, ...] | None) -> list[dict[str, str]]:
    """Return the rows of the hierarchy of these classes, none where no class is a noun: a second's work, done once for all galleries."""
    nouns = load_nouns()
    synsets = known or imagenet_synsets(names) or synsets_of(names, nouns)
    return to_rows(make_hierarchy(nouns, synsets)) if any(synsets) else []


def _stands(store: Store, manifest: Manifest) -> bool:
    """Return whether the alias points at this hierarchy, and it can be read."""
    live = store.live(manifest.alias, made_as=manifest)
    return live is not None and live.name == manifest.collection and is_readable(live)
