"""Collections as a whole: find the live one, build another beside it, publish it, drop it."""

from __future__ import annotations

import re
import time
from typing import Any

from milvise.adapter.catalog import ESSENCE_PROPERTY, REAL_NAME, Manifest, essence_of
from milvise.adapter.choose_index import SERVER_SHARE, choose_index
from milvise.adapter.collection import WRITE_TIMEOUT_S, Collection
from milvise.adapter.connection import Connection
from milvise.adapter.index_memory import SCALAR_BYTES
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.indexes import Indexes
from milvise.adapter.ledgers import CATALOG_NAME, Catalog, Ledger
from milvise.adapter.partition import PARTITIONS
from milvise.adapter.retry import logger
from milvise.adapter.schema import FEEDBACK, ROOMS, holds_partition, holds_top_classes, room_of, schema
from milvise.adapter.server_memory import query_memory
from milvise.adapter.versions import version_of
from milvise.core.sizes import shown_size
from milvise.errors import DeniedError, NotFoundError, StoreError, UnavailableError, UsageError

FEEDBACK_NAME = "milvise_feedback"
_NEVER_CHANGED = ("words", "classes", "hierarchy")
LEASE_S = 1.0
"""How long a client may go on reading a collection without asking whether the alias still points at it."""

GRACE_S = 2.0
"""How long a collection that an alias no longer points at is left standing."""

_FEW = 100_000
"""A server has memory for so many rows, and is not asked."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


def check_name(name: str, *, what: str = "gallery") -> str:
    """Return `name` if Milvus takes it as part of a collection's name.

    Raises
    ------
    UsageError
        If it does not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"the name of a {what} starts with a letter or underscore and goes on with letters, digits and underscores,"
            f" 200 at most.\nReceived: {name!r}"
        )
    return name


def _with_remembered_budget(spec: IndexSpec, made: Manifest) -> IndexSpec:
    """Return what is asked for, with the budget that a collection got before: a later load need not name it again."""
    before = IndexSpec.parse(made.requested_index)
    return spec.within(before.memory) if spec.kind == "auto" and spec.memory is None else spec


class Store:
    """The collections of one Milvus.

    Attributes
    ----------
    connection : Connection
    indexes : Indexes
    catalog : Catalog
        The manifests that are recorded.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.indexes = Indexes(connection)
        self._client = connection.client
        self.catalog = Catalog(connection)

    def patient(self) -> Store:
        """Return this store for a writer, which goes on trying for two minutes while a server is started again."""
        return Store(self.connection.patient())

    # -- finding ------------------------------------------------------------------------------------------------------

    def live(
        self, alias: str, *, known: Collection | None = None, made_as: Manifest | None = None
    ) -> Collection | None:
        """Return the collection that the alias points at, or None where there is none.

        Parameters
        ----------
        known : Collection, optional
            What it pointed at before; if it still does, this is returned, which costs one call to Milvus instead of four.
        made_as : Manifest, optional
            What the caller is about to make. If the alias points at the collection of this manifest and the catalog has
            lost its entry, it is recorded again: the hash in its name says that it is the one.

        Raises
        ------
        StoreError
            If the catalog has no entry for the collection.
        """
        name = self.points_at(alias)
        while name is not None:
            # Not asked whether it is there, which has Milvus Lite read all of it: the alias points at it.
            found = known if known is not None and known.name == name else self._recorded_as(name)
            if found is not None:
                return found
            if made_as is not None and made_as.collection == name:
                return self.record(self.restored(made_as))
            # It may have been replaced, and its entry dropped, a moment ago.
            asked, name = name, self.points_at(alias)
            if name == asked:
                raise _unrecorded(alias, name)
        return None

    def points_at(self, alias: str) -> str | None:
        """Return the name of the collection that an alias points at, recorded in the catalog or not."""
        try:
            answer = self.connection.call(self._client.describe_alias, alias, timeout=WRITE_TIMEOUT_S)
        except NotFoundError:
            return None
        return str(answer["collection_name"])

    def find(self, manifest: Manifest) -> Collection | None:
        """Return the real collection of this manifest, live or not, with the manifest that the catalog has for it.

        Where the catalog has lost its entry, the manifest is the given one with the index that stands.
        """
        name = manifest.collection
        if not self._exists(name):
            return None
        return self._recorded_as(name) or Collection(self.connection, self.restored(manifest))

    def open(self, manifest: Manifest) -> Collection:
        """Return the real collection of this manifest, searched as this manifest says; Milvus is not asked."""
        return Collection(self.connection, manifest)

    def bare(self, name: str, room: str) -> Collection:
        """Return a collection of which only name and fields are known, to be read; Milvus is not asked."""
        return Ledger(self.connection, name, ROOMS[room])

    def manifests(self) -> list[Manifest]:
        """Return the manifests of all live collections."""
        aliases = sorted({manifest.alias for manifest in self.catalog.manifests()})
        return [collection.manifest for alias in aliases if (collection := self.live(alias))]

    def others(self, alias: str) -> list[Manifest]:
        """Return the manifests of collections that were made for an alias that does not point at them.

        They were kept when another took their place, or left by a run that did not come to its end.
        """
        live = self.live(alias)
        name = "" if live is None else live.name
        found = [made for made in self.catalog.manifests() if made.alias == alias and made.collection != name]
        # The catalog may still show the entry of a collection that was dropped a moment ago.
        return [made for made in found if self._exists(made.collection)]

    def feedback(self, *, create: bool = False) -> Collection:
        """Return the collection of what people said of answers.

        Raises
        ------
        NotFoundError
            If there is none and it is not to be created.
        """
        ledger = Ledger(self.connection, FEEDBACK_NAME, FEEDBACK)
        if not create and not ledger.stands():
            raise NotFoundError("no feedback was ever logged to this Milvus.")
        ledger.make_ready()
        return ledger

    # -- building -----------------------------------------------------------------------------------------------------

    def build(self, manifest: Manifest, *, load: bool = True) -> Collection:
        """Return the real collection of this manifest, made where it is not there yet, ready for rows.

        It starts with a flat index, which costs nothing to keep while rows arrive; `finish` builds the one asked for. One
        that is new is not loaded before it is read: on a server, loading takes seconds even where there are no rows.

        Parameters
        ----------
        load : bool
            Whether one that stands is brought into memory.
        """
        stands = self._exists(manifest.collection)
        found = self._recorded_as(manifest.collection) if stands else None
        if found is None:
            made = self.restored(manifest) if stands else manifest.changed(index="flat")
            self.catalog.put(made)
            found = Collection(self.connection, made, is_new=not stands)
            if not stands:
                self._create(made)
        self.indexes.ensure(found.name)
        if stands and load:
            found.load()
        return found

    def finish(self, collection: Collection, spec: IndexSpec) -> Collection:
        """Settle what was written, give the collection the index asked for, and return it with its new manifest."""
        rows = collection.settle()
        spec = _with_remembered_budget(spec, collection.manifest)
        wanted = self._decided(spec, collection, rows)
        standing = IndexSpec.parse(collection.manifest.index)
        other_place = (wanted.kind, wanted.is_mapped) != (standing.kind, standing.is_mapped)
        rebuild = other_place or (spec.kind != "auto" and not wanted.stands_as(standing))
        if collection.is_indexed or (spec.kind == "auto" and not rebuild):
            rebuild, wanted = False, standing
        # The catalog's entry, of which other values may have changed meanwhile.
        current = self.catalog.manifest_of(collection.name) or collection.manifest
        manifest = current.changed(index=str(wanted), requested_index=str(spec))
        if manifest.room in _NEVER_CHANGED:
            manifest = manifest.changed(rows=rows)
        finished = Collection(self.connection, manifest)
        if rebuild:
            self.reindex(finished)
        self.catalog.put(manifest)
        return finished

    def index_before_loading(self, collection: Collection, spec: IndexSpec, *, rows: int, together: int) -> Collection:
        """Build the index asked for in a collection that was filled and never loaded; return it with its new manifest.

        `finish` finds it then. Rows that were imported need not be loaded with a flat index first.

        Parameters
        ----------
        together : int
            Rows of the largest file: a server makes of each one a segment, and an index for each segment.
        """
        wanted = self._decided(spec, collection, rows, together)
        if wanted.kind != IndexSpec.parse(collection.manifest.index).kind:
            self.indexes.rebuild(collection.name, wanted, imported=True)
        indexed = self.record(collection.manifest.changed(index=str(wanted), requested_index=str(spec)))
        indexed.is_indexed = True
        return indexed

    def _decided(self, spec: IndexSpec, collection: Collection, rows: int, together: int | None = None) -> IndexSpec:
        """Return the index of so many rows with all its parameters; ``auto`` on a server knows its version and memory."""
        made = collection.manifest
        if spec.kind != "auto" or self.connection.is_lite:
            return spec.resolve(rows=rows, dim=made.dim, is_lite=self.connection.is_lite, together=together)
        choice = choose_index(
            rows=rows,
            dim=made.dim,
            scalar_bytes=SCALAR_BYTES.get(made.room, 0),
            memory=spec.memory or self._memory(rows),
            version=version_of(self.connection.version),
            has_diskann=self.indexes.has_diskann,
            together=together,
        )
        if not choice.fits:
            logger.warning(
                "no index of %s fits into its memory: the smallest that this Milvus has, %s, takes some %s",
                made.alias, choice.spec.kind, shown_size(choice.bytes),
            )  # fmt: skip
        return choice.spec

    def _memory(self, rows: int) -> int | None:
        """Return the memory that a collection of so many rows may take by what the server says of itself."""
        found = None if rows < _FEW else query_memory(self.connection)
        return None if found is None else round(found * SERVER_SHARE)

    def reindex(self, collection: Collection) -> None:
        """Build the index anew that the collection's manifest names."""
        self.indexes.rebuild(collection.name, IndexSpec.parse(collection.manifest.index))
        collection.load()

    def publish(self, collection: Collection, *, keep: bool = False) -> None:
        """Point the alias at this collection, and drop the one that it pointed at before, or `keep` it."""
        before = self.point(collection.manifest.alias, collection.name)
        if before not in (None, collection.name) and not keep:
            self.let_readers_go()
            self._drop_real(str(before))

    def point(self, alias: str, name: str) -> str | None:
        """Point an alias at a real collection; return what it pointed at before, None where there was no such alias."""
        before = self.points_at(alias)
        if before is None:
            self.connection.call(self._client.create_alias, name, alias, timeout=WRITE_TIMEOUT_S)
        elif before != name:
            self.connection.call(self._client.alter_alias, name, alias, timeout=WRITE_TIMEOUT_S)
        return before

    def let_readers_go(self) -> None:
        """Wait until no client reads what an alias pointed at before; in Milvus Lite all readers are in this process."""
        if not self.connection.is_lite:
            time.sleep(GRACE_S)

    def record(self, manifest: Manifest) -> Collection:
        """Store another manifest for a real collection."""
        self.catalog.put(manifest)
        return Collection(self.connection, manifest)

    def drop(self, alias: str) -> list[str]:
        """Drop the live collection behind the alias and all others made for it; return their names."""
        dropped = self.drop_others(alias)
        name = self.points_at(alias)
        if name is not None:
            self.unpublish(alias)
            self._drop_real(name)
            dropped.append(name)
        return dropped

    def unpublish(self, alias: str) -> None:
        """Take an alias away from what it points at, which stays."""
        self.connection.call(self._client.drop_alias, alias, timeout=WRITE_TIMEOUT_S)

    def drop_others(self, alias: str) -> list[str]:
        """Drop the collections that `others` lists; return their names."""
        found = self.others(alias)
        for manifest in found:
            self._drop_real(manifest.collection)
        return [manifest.collection for manifest in found]

    def discard(self, manifest: Manifest) -> None:
        """Drop what an earlier, unfinished run left of this real collection, if it is not the live one."""
        if self.points_at(manifest.alias) != manifest.collection:
            self._drop_real(manifest.collection)

    # -- what stands, recorded or not ---------------------------------------------------------------------------------

    def real_names(self) -> list[str]:
        """Return the names of all collections that could be milvise's, by their names."""
        names = self.connection.call(self._client.list_collections, timeout=WRITE_TIMEOUT_S)
        return sorted(str(name) for name in names if REAL_NAME.fullmatch(str(name)))

    def stands(self, name: str) -> bool:
        """Return whether there is a collection of this name."""
        return self._exists(name)

    def describe(self, name: str) -> dict[str, Any]:
        """Return what Milvus says of a collection."""
        return dict(self.connection.call(self._client.describe_collection, name, timeout=WRITE_TIMEOUT_S))

    def restored(self, manifest: Manifest) -> Manifest:
        """Return a manifest with the columns and the index that stand, and, because nobody knows others, the default search parameters."""
        described = self.describe(manifest.collection)
        partition = (essence_of(described) or manifest).partition if holds_partition(described) else ""
        manifest = manifest.changed(top_classes=holds_top_classes(described), partition=partition)
        standing = self.indexes.standing(manifest.collection)
        if standing is None:
            return manifest.changed(index="flat")
        rows = Collection(self.connection, manifest).count()
        is_lite = self.connection.is_lite
        wanted = IndexSpec("auto").resolve(rows=rows, dim=manifest.dim, is_lite=is_lite)
        full = standing.resolve(rows=rows, dim=manifest.dim, is_lite=is_lite)
        return manifest.changed(index=str(full), requested_index="auto" if wanted.kind == full.kind else str(standing))

    def sign(self, manifest: Manifest) -> bool:
        """Keep with a collection what it takes to record it again; return whether this Milvus can."""
        properties = {ESSENCE_PROPERTY: manifest.essence()}
        try:
            self.connection.call(
                self._client.alter_collection_properties, manifest.collection, properties, timeout=WRITE_TIMEOUT_S
            )
        except (DeniedError, UnavailableError):
            raise
        except (StoreError, UsageError):
            return False
        return True

    # -- inside -------------------------------------------------------------------------------------------------------

    def _exists(self, name: str) -> bool:
        return bool(self.connection.call(self._client.has_collection, name, timeout=WRITE_TIMEOUT_S))

    def _recorded_as(self, name: str) -> Collection | None:
        manifest = self.catalog.manifest_of(name)
        return None if manifest is None else Collection(self.connection, manifest)

    def _create(self, manifest: Manifest) -> None:
        """Create a collection, with what it takes to record it again: Milvus Lite keeps no description, but properties."""
        is_lite, essence = self.connection.is_lite, manifest.essence()
        room = room_of(manifest.room, top_classes=manifest.top_classes, partition=manifest.partition)
        kept: dict[str, Any] = {"properties": {ESSENCE_PROPERTY: essence}} if is_lite else {}
        if room.partition and not is_lite:
            kept["num_partitions"] = PARTITIONS
        self.connection.call(
            self._client.create_collection,
            manifest.collection,
            schema=schema(room, manifest.dim, description="" if is_lite else essence, partitions=not is_lite),
            timeout=WRITE_TIMEOUT_S,
            **kept,
        )

    def _drop_real(self, name: str) -> None:
        self.connection.call(self._client.drop_collection, name, timeout=WRITE_TIMEOUT_S)
        self.catalog.remove(name)


def _unrecorded(alias: str, name: str) -> StoreError:
    gallery = re.fullmatch(r"(.+)_(visual|joint)", alias)
    command = f"milvise verify --repair{f' --gallery {gallery[1]}' if gallery else ''}"
    return StoreError(
        f"the catalog {CATALOG_NAME} has no entry for the collection {name}, at which {alias} points. What stands in Milvus"
        f" is kept, and most of it can be recorded again: {command}"
    )
