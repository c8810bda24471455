"""A gallery of real picture files, without a network: what is asked of it are the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.operations.database import Database

GALLERY = "files"
BACKBONE = {"backbone": "reference", "weights": "none"}


def row(uri: str, data: bytes, *, label: str = "", meta: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the row of a picture whose file has this content."""
    vector = np.random.default_rng(len(uri)).normal(size=4).astype(np.float32)
    return {
        "id": record_id(uri), "uri": uri, "label": label, "sha256": hashlib.sha256(data).hexdigest(), "width": 40, "height": 30,
        "meta": meta or {}, "vector": vector,
    }  # fmt: skip


def load(store: Store, sources: tuple[str, ...], rows: list[dict[str, Any]], gallery: str = GALLERY) -> Database:
    """Put rows into a gallery, as if they had been loaded from these sources."""
    collection = store.build(Manifest(f"{gallery}_visual", "visual", 4, BACKBONE, sources=sources))
    collection.upsert(rows)
    store.publish(store.finish(collection, IndexSpec.parse("flat")))
    return Database(store)


def pictures(folder: Path) -> list[str]:
    """Write pictures of several kinds into a folder; return their URIs."""
    (folder / "beach").mkdir(parents=True)
    wide = Image.new("RGB", (800, 400), "red")
    wide.paste("blue", (0, 0, 400, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    wide.save(folder / "beach" / "turned.jpg", exif=exif)
    Image.new("RGBA", (64, 32), (0, 0, 0, 0)).save(folder / "clear.png")
    wide.save(folder / "scan.tiff")
    Image.new("RGB", (2_000, 10), "green").save(folder / "thin.webp")
    return ["beach/turned.jpg", "clear.png", "scan.tiff", "thin.webp"]


def picture_gallery(store: Store, folder: Path) -> Iterator[Database]:
    """Yield a database with a gallery of `pictures`, which is dropped afterwards."""
    rows = [row(uri, (folder / uri).read_bytes(), label=uri.partition(".")[0]) for uri in pictures(folder)]
    yield load(store, (str(folder),), rows)
    store.drop(f"{GALLERY}_visual")
