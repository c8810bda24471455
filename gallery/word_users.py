"""Which galleries were made with the words that are loaded."""

from __future__ import annotations

from milvise.adapter.catalog import Manifest
from milvise.adapter.store import Store
from milvise.core.spaces import JOINT
from milvise.gallery.names import gallery_of


def galleries_made_with(store: Store, words: Manifest) -> list[str]:
    """Return the names of the galleries whose live joint vectors were made with these words, in order."""
    return [
        gallery_of(manifest.alias)
        for manifest in store.manifests()
        if manifest.room == JOINT and manifest.fingerprint.get("words") == dict(words.fingerprint)
    ]
