"""Every request that only reads a gallery, and every one that writes, over the gallery of `reference_world`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reference_world import PICTURES, WORDS, random

from milvise.adapter import IndexSpec
from milvise.embeddings.words.load import Skipped, Words
from milvise.evaluation.index.tune import tune
from milvise.gallery.exports import export_projector
from milvise.gallery.project import project
from milvise.ingest.words import ingest_words
from milvise.operations.database import Database
from milvise.queries.evaluation_reads import read_gallery

Requests = dict[str, Callable[[], Any]]
PICTURE, OTHER = "folder/3.jpg", "folder/4.jpg"


def reads(db: Database, folder: Path) -> Requests:
    """Requests by name; each returns something that is not empty."""
    g = db.gallery("r")
    spaces: Requests = {f"search {space}": _searching(db, space) for space in ("joint", "visual", "fused", "ranked")}
    return spaces | {
        "search with a filter": lambda: g.search("dog", filter="width < 100"),
        "search_many": lambda: g.search_many(["cat", "dog"])[1],
        "search with confidence": lambda: g.search("cat", min_confidence=0.0),
        "similar": lambda: g.similar(PICTURE),
        "similar with focus": lambda: g.similar(PICTURE, focus="cat - dog"),
        "mixed": lambda: g.mixed([PICTURE], "cat - dog"),
        "complete": lambda: g.complete([PICTURE, OTHER]),
        "rank": lambda: g.rank(words="cat", ids=[PICTURE, OTHER]),
        "rank with a filter": lambda: g.rank(words="cat", filter="width < 30"),
        "owners": lambda: g.owners(words="cat"),
        "refine": lambda: g.refine(words="cat", liked=[PICTURE]),
        "explain": lambda: g.explain(PICTURE, words="cat"),
        "explain a focus": lambda: g.explain(PICTURE, pictures=[OTHER], focus="cat"),
        "exact duplicates": lambda: list(g.duplicates()),
        "visual duplicates": lambda: list(g.duplicates(kind="visual", similarity=0.5)),
        "tags": lambda: g.tags(PICTURE),
        "classes": g.classes,
        "words.similar": lambda: db.words.similar("cat"),
        "status": db.status,
        "status of one": lambda: db.status("r"),
        "verify": lambda: db.verify("r").checked,
        "export projector": lambda: export_projector(db.store, gallery="r", space="visual", out=folder, limit=50),
        "tune without storing": lambda: _tune(db, store=False),
    }


def writes(db: Database) -> Requests:
    """Requests by name, each of which would change something."""
    vectors = random(len(WORDS), 8, 9)
    manifest = next(found for found in db.store.manifests() if found.alias == "r_visual")
    live = db.store.open(manifest)
    return {
        "ingest words": lambda: ingest_words(
            db.store,
            Words(WORDS, vectors, {"words": "others"}, Skipped()),
            source="x",
            index=IndexSpec("flat"),
            replace=True,
        ),
        "upsert": lambda: live.upsert([{**_row(live), "vector": np.ones(manifest.dim, dtype=np.float32)}]),
        "delete": lambda: live.delete([live.query("width < 3", fields=["id"])[0]["id"]]),
        "project": lambda: project(db.store, gallery="r", head="conse"),
        "drop": lambda: db.drop("r"),
        "tune": lambda: _tune(db, store=True),
        "refine with a log in Milvus": lambda: db.gallery("r").refine(words="cat", liked=[PICTURE], log="milvus"),
        "index": lambda: db.store.finish(live, IndexSpec.parse("hnsw:M=8")),
        "record": lambda: db.store.record(manifest.changed(stamp="x")),
        "drop of words": lambda: db.store.drop("words"),
    }


def _searching(db: Database, space: str) -> Callable[[], Any]:
    return lambda: db.gallery("r").search("cat sofa", space=space)


def _tune(db: Database, *, store: bool) -> Any:
    reading = read_gallery(db, "r")
    tuned = tune(reading, recall=0.5, k=5, queries=20, note=lambda text: None, store=False)
    if store:
        reading.record_index("visual", "hnsw:ef=77")
    return tuned


def _row(collection: Any) -> dict[str, Any]:
    rows = collection.query(f"width == {PICTURES - 1}", fields=collection.room.fields)
    return dict(rows[0])
