"""Shards into a gallery: checked against what stands in Milvus, loaded, and live at the end."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from milvise.adapter import IndexSpec, Manifest
from milvise.adapter.address import is_local
from milvise.core.config import DEFAULT_ENCODER, DEFAULT_GALLERY
from milvise.embeddings.encoder import abilities
from milvise.embeddings.registry import load_encoder
from milvise.errors import FingerprintError, NotFoundError, UsageError
from milvise.gallery.names import WORDS_ALIAS, encoder_of, joint_alias, visual_alias
from milvise.gallery.pair import Pair
from milvise.gallery.plan import load_beside
from milvise.ingest.changes.load_stamp import LoadStamp
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest
from milvise.ingest.shards.load import ShardLoad
from milvise.ingest.shards.models import kept_classes
from milvise.ingest.shards.staging import Bucket, SharedDisk, Staging
from milvise.operations.checks import index_within, require_known
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database

AUTO, IMPORT, INSERT = "auto", "import", "insert"


@dataclass(frozen=True, slots=True)
class LoadShards:
    """Which shards are to become which gallery; `milvise.operations.database.Database.load` says what each value means.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    shards: Path
    gallery: str = DEFAULT_GALLERY
    index: str = "auto"
    memory: str | int | None = None
    by: str = AUTO
    staging: str | None = None
    append: bool = False
    prune: bool = False

    def __post_init__(self) -> None:
        index_within(self.index, self.memory)
        require_known("way to load", self.by, (AUTO, IMPORT, INSERT))
        if self.by == INSERT and self.staging is not None:
            raise UsageError("a staging is for what the server imports.\nExpected: by='import'\nReceived: by='insert'")


@dataclass(frozen=True, slots=True)
class LoadedShards:
    """What a load of shards came to.

    Attributes
    ----------
    rows : int
        Pictures in the gallery.
    shards, imported, inserted : int
        Shards of the folder; those that the server imported by itself, and those whose rows were sent to it.
    compared : int
        Rows that were compared with the files afterwards.
    steps : mapping of str to float
        Seconds of each step: ``import``, ``index``, ``load``, ``compare``, ``publish``.
    """

    gallery: str
    rows: int
    shards: int
    imported: int
    inserted: int
    compared: int
    index: str
    seconds: float
    steps: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "gallery": self.gallery, "rows": self.rows, "shards": self.shards, "imported": self.imported, "inserted": self.inserted,
            "compared": self.compared, "index": self.index, "seconds": round(self.seconds, 3), "steps": dict(self.steps),
            "notes": list(self.notes),
        }  # fmt: skip


def load_shards(db: Database, request: LoadShards, progress: Progress = silent) -> LoadedShards:
    """Load shards; errors as `Database.load`."""
    started, note = time.monotonic(), notes(progress)
    store = db.store.patient()
    folder = ShardFolder(request.shards)
    manifest = folder.manifest()
    index = index_within(request.index, request.memory) or IndexSpec("auto")
    store.indexes.require(index, dim=manifest.visual.dim)
    wanted = _named(manifest, request.gallery)
    _require_words(db, manifest)
    _require_place(db, request, wanted)
    remarks = _beside(db, folder, wanted[-1])
    staging = _staging(db, request)
    if staging is None and not store.connection.is_lite and request.by == AUTO:
        remarks.append(
            "The server is on another machine, and rows are sent to it. It imports files by itself, which is faster, from a"
            " place that it reads: --staging"
        )
    for remark in remarks:
        note(remark)
    note(f"Loading {manifest.pictures:,} pictures …")
    load = ShardLoad(
        store, folder, wanted, index=index, staging=staging, append=request.append,
        or_insert=request.by == AUTO and request.staging is None, may_go=lambda row: request.prune,
        progress=lambda done: progress(Count("pictures", done, manifest.pictures, done)),
    )  # fmt: skip
    pair, filled = load.run(manifest.sources)
    _stamp(db, pair, filled.rows)
    live = store.live(visual_alias(request.gallery))
    return LoadedShards(
        request.gallery, filled.rows, manifest.shards, filled.imported, filled.inserted, filled.compared,
        "" if live is None else live.manifest.index, time.monotonic() - started, filled.steps, (*remarks, *filled.notes),
    )  # fmt: skip


def _named(manifest: ShardsManifest, gallery: str) -> list[Manifest]:
    """Return the manifests of the gallery's collections, the joint one first."""
    found = [] if manifest.joint is None else [manifest.joint.changed(alias=joint_alias(gallery))]
    return [*found, manifest.visual.changed(alias=visual_alias(gallery))]


def _require_words(db: Database, manifest: ShardsManifest) -> None:
    """Check that the words stand in Milvus that the joint vectors lie among."""
    if manifest.joint is None:
        return
    expected = dict(manifest.joint.fingerprint["words"])
    words = db.store.live(WORDS_ALIAS)
    if words is None:
        raise NotFoundError(
            f"the shards have vectors among words, and none are loaded.\nExpected: {expected}\nReceived: no words\nLoad the same"
            " words first: milvise ingest words"
        )
    if dict(words.manifest.fingerprint) != expected:
        raise FingerprintError(
            "the shards have vectors among other words than those that are loaded.\nExpected:"
            f" {expected}\nReceived: {dict(words.manifest.fingerprint)}\nEmbed them again with these words."
        )


def _require_place(db: Database, request: LoadShards, wanted: list[Manifest]) -> None:
    """Check that the gallery is new, or made otherwise, or that shards are to be added to one made the same way."""
    live = [db.store.points_at(made.alias) for made in wanted]
    same = [name == made.collection for name, made in zip(live, wanted, strict=True)]
    if request.append and live[-1] is None:
        raise NotFoundError(
            f"there is no gallery {request.gallery!r} to which shards could be added. Load them without --append."
        )
    if request.append and not all(same):
        raise FingerprintError(
            f"the gallery {request.gallery!r} was made with another encoder, head or words than the shards.\nExpected:"
            f" {', '.join(map(str, live))}\nReceived: {', '.join(made.collection for made in wanted)}"
        )
    if (
        request.append
        and (found := db.store.live(wanted[-1].alias)) is not None
        and found.manifest.partition != wanted[-1].partition
    ):
        raise UsageError(
            f"the gallery {request.gallery!r} and the shards are not partitioned alike.\nExpected: partitioned by"
            f" {found.manifest.partition or 'nothing'}\nReceived: by {wanted[-1].partition or 'nothing'}\nEmbed the shards for it: milvise embed"
            f" --gallery {request.gallery}"
        )
    if not request.append and any(same):
        raise UsageError(
            f"the gallery {request.gallery!r} is made with this encoder and head already. Add the shards to it: --append\nOr load"
            " them under another name: --gallery"
        )


def _beside(db: Database, folder: ShardFolder, visual: Manifest) -> list[str]:
    """Load what searches need beside the pictures: classes and their hierarchy, or the texts of another encoder."""
    if encoder_of(visual.fingerprint) == DEFAULT_ENCODER:
        return load_beside(db.store, visual, kept_classes(folder), None)
    with closing(load_encoder(visual.recipe)) as encoder:
        return load_beside(db.store, visual, kept_classes(folder), abilities(encoder).texts)


def _staging(db: Database, request: LoadShards) -> Staging | None:
    """Return where the server finds the files, None where rows are sent to it."""
    connection = db.store.connection
    if connection.is_lite:
        if request.by == IMPORT or request.staging is not None:
            raise UsageError("Milvus Lite imports no files.\nExpected: by='auto' or by='insert'\nReceived: by='import'")
        return None
    if request.by == INSERT:
        return None
    if request.staging is not None:
        return Bucket(request.staging, request.shards)
    return SharedDisk() if request.by == IMPORT or is_local(connection.uri) else None


def _stamp(db: Database, pair: Pair, rows: int) -> None:
    """Leave the mark of a load, by which clients know that what they keep in memory is old."""
    with closing(LoadedFiles(db.store.connection.uri, pair.visual.name)) as loaded:
        stamp = LoadStamp(db.store, pair.visual, pair.joint, loaded)
        stamp.take()
        stamp.leave(rows)
