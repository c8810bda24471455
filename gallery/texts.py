"""The texts of an encoder, written into Milvus: with them a client searches by word and tags pictures without the encoder.

They are to the galleries of an encoder what the collection ``words`` is to those of DeViSE.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.adapter.rows import row_problem
from milvise.adapter.schema import WORDS
from milvise.core.chunks import chunks
from milvise.embeddings.encoder import TextEncoder, encode_texts, vocabulary_of
from milvise.errors import ModelError
from milvise.gallery.names import encoder_of, texts_alias

_TEXTS = 1_000


def write_texts(store: Store, encoder: TextEncoder, visual: Manifest) -> None:
    """Write the vocabulary of an encoder where it is not there yet.

    Parameters
    ----------
    visual : Manifest
        Of the pictures that the texts are compared with.

    Raises
    ------
    ModelError
        If the vocabulary is empty, holds a text twice or one that Milvus cannot store, or the encoder fails.
    """
    name, texts = encoder_of(visual.fingerprint), vocabulary_of(encoder)
    _require_storable(name, texts)
    fingerprint = {
        "visual": dict(visual.fingerprint),
        "words": name,
        "content": hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16],
        "count": len(texts),
    }
    recipe = {**visual.recipe, "any_text": encoder.info.any_text}
    manifest = Manifest(texts_alias(name), "words", visual.dim, fingerprint, recipe=recipe)
    live = store.live(manifest.alias, made_as=manifest)
    if live is not None and live.name == manifest.collection and live.count() == len(texts):
        return
    collection = store.build(manifest)
    for ranked in chunks(enumerate(texts), _TEXTS):
        vectors = encode_texts(encoder, [text for _, text in ranked])
        collection.upsert(
            {"word": text, "rank": rank, "vector": vector} for (rank, text), vector in zip(ranked, vectors, strict=True)
        )
    store.publish(store.finish(collection, IndexSpec("auto")))


def _require_storable(name: str, texts: Sequence[str]) -> None:
    for text in texts:
        if problem := row_problem({"word": text}, WORDS):
            raise ModelError(f"the vocabulary of the encoder {name!r} holds a text that cannot be stored: {problem}")
