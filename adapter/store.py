"""Collections as a whole: find the live one, build another beside it, publish it, drop it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Hashable

from milvise.adapter.catalog import Manifest
from milvise.adapter.collection import STATE_TIMEOUT_S, WRITE_TIMEOUT_S, Collection
from milvise.adapter.connection import Connection
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.schema import CATALOG, FEEDBACK, METRIC, ROOMS, WORDS, Room, schema
from milvise.adapter.waiting import STILL_S, wait_for
from milvise.errors import NotFoundError, StoreError, UnsupportedError, UsageError

CATALOG_NAME, FEEDBACK_NAME = "milvise_catalog", "milvise_feedback"
LEASE_S = 1.0
"""How long a client may go on reading a collection without asking whether the alias still points at it."""

GRACE_S = 2.0
"""How long a collection that an alias no longer points at is left standing."""

_PROBE_TIMEOUT_S = 30.0
_PROBE_ROWS = 2_000
"""A server builds no index over fewer than 1,024 rows."""
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


class Store:
    """The collections of one Milvus."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._client = connection.client
        self._catalog_ready = False

    def patient(self) -> Store:
        """Return this store for a writer, which goes on trying for two minutes while a server is started again."""
        return Store(self.connection.patient())

    # -- finding ------------------------------------------------------------------------------------------------------

    def live(self, alias: str, *, known: Collection | None = None) -> Collection | None:
        """Return the collection that the alias points at, or None where there is none.

        Parameters
        ----------
        known : Collection, optional
            What it pointed at before; if it still does, this is returned, which costs one call to Milvus instead of four.
        """
        try:
            answer = self.connection.call(self._client.describe_alias, alias, timeout=WRITE_TIMEOUT_S)
        except NotFoundError:
            return None
        name = str(answer["collection_name"])
        # Not asked whether it is there, which has Milvus Lite read all of it: the alias points at it.
        return known if known is not None and known.name == name else self._recorded_as(name)

    def find(self, manifest: Manifest) -> Collection | None:
        """Return the real collection of this manifest, live or not, with the manifest that the catalog has for it."""
        return self._with_manifest(manifest.collection)

    def open(self, manifest: Manifest) -> Collection:
        """Return the real collection of this manifest, searched as this manifest says; Milvus is not asked."""
        return Collection(self.connection, manifest)

    def manifests(self) -> list[Manifest]:
        """Return the manifests of all live collections."""
        aliases = sorted({manifest.alias for manifest in self._recorded()})
        return [collection.manifest for alias in aliases if (collection := self.live(alias))]

    def others(self, alias: str) -> list[Manifest]:
        """Return the manifests of collections that were made for an alias that does not point at them.

        They were kept when another took their place, or left by a run that did not come to its end.
        """
        live = self.live(alias)
        name = "" if live is None else live.name
        found = [made for made in self._recorded() if made.alias == alias and made.collection != name]
        # The catalog may still show the entry of a collection that was dropped a moment ago.
        return [made for made in found if self._exists(made.collection)]

    def feedback(self, *, create: bool = False) -> Collection:
        """Return the collection of what people said of answers.

        Raises
        ------
        NotFoundError
            If there is none and it is not to be created.
        """
        ledger = _Ledger(self.connection, FEEDBACK_NAME, FEEDBACK)
        if not create and not self._exists(FEEDBACK_NAME):
            raise NotFoundError("no feedback was ever logged to this Milvus.")
        self._make_ready(ledger)
        return ledger

    # -- building -----------------------------------------------------------------------------------------------------

    def require_index(self, spec: IndexSpec, *, dim: int | None = None) -> None:
        """Check, before any work, that the connected Milvus has this index.

        Raises
        ------
        UnsupportedError
            If it does not.
        """
        spec.require(is_lite=self.connection.is_lite, dim=dim)
        if spec.kind == "diskann":
            self._probe(spec)

    def build(self, manifest: Manifest) -> Collection:
        """Return the real collection of this manifest, made where it is not there yet, ready for rows.

        It starts with a flat index, which costs nothing to keep while rows arrive; `finish` builds the one asked for. One
        that is new is not loaded before it is read: on a server, loading takes seconds even where there are no rows.
        """
        found = self.find(manifest)
        collection = found or Collection(self.connection, manifest.changed(index="flat"), is_new=True)
        if found is None:
            self._put(collection.manifest)
            collection.is_new = not self._exists(collection.name)
            if collection.is_new:
                made = schema(ROOMS[manifest.room], manifest.dim)
                self.connection.call(
                    self._client.create_collection, collection.name, schema=made, timeout=WRITE_TIMEOUT_S
                )
        self._ensure_index(collection)
        if found is not None:
            collection.load()
        return collection

    def finish(self, collection: Collection, spec: IndexSpec) -> Collection:
        """Settle what was written, give the collection the index asked for, and return it with its new manifest."""
        rows = collection.settle()
        wanted = spec.resolve(rows=rows, dim=collection.manifest.dim, is_lite=self.connection.is_lite)
        standing = IndexSpec.parse(collection.manifest.index)
        rebuild = wanted.kind != standing.kind or (spec.kind != "auto" and wanted.build_params != standing.build_params)
        if not rebuild and spec.kind == "auto":
            wanted = standing
        manifest = collection.manifest.changed(index=str(wanted), requested_index=str(spec))
        finished = Collection(self.connection, manifest)
        if rebuild:
            self._drop_index(collection)
            self._create_index(collection.name, wanted)
            finished.load()
        self._put(manifest)
        return finished

    def publish(self, collection: Collection, *, keep: bool = False) -> None:
        """Point the alias at this collection, and drop the one that it pointed at before, or `keep` it."""
        alias = collection.manifest.alias
        before = self.live(alias)
        if before is None:
            self.connection.call(self._client.create_alias, collection.name, alias, timeout=WRITE_TIMEOUT_S)
        elif before.name != collection.name:
            self.connection.call(self._client.alter_alias, collection.name, alias, timeout=WRITE_TIMEOUT_S)
            if not keep:
                self._let_readers_go()
                self._drop_real(before)

    def record(self, manifest: Manifest) -> Collection:
        """Store another manifest for a real collection."""
        self._put(manifest)
        return Collection(self.connection, manifest)

    def drop(self, alias: str) -> list[str]:
        """Drop the live collection behind the alias and all others made for it; return their names."""
        dropped = self.drop_others(alias)
        collection = self.live(alias)
        if collection is not None:
            self.connection.call(self._client.drop_alias, alias, timeout=WRITE_TIMEOUT_S)
            self._drop_real(collection)
            dropped.append(collection.name)
        return dropped

    def drop_others(self, alias: str) -> list[str]:
        """Drop the collections that `others` lists; return their names."""
        found = self.others(alias)
        for manifest in found:
            self._drop_real(Collection(self.connection, manifest))
        return [manifest.collection for manifest in found]

    def discard(self, manifest: Manifest) -> None:
        """Drop what an earlier, unfinished run left of this real collection, if it is not the live one."""
        live = self.live(manifest.alias)
        if live is None or live.name != manifest.collection:
            self._drop_real(Collection(self.connection, manifest))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _let_readers_go(self) -> None:
        """Wait until no client reads what an alias pointed at before; in Milvus Lite all readers are in this process."""
        if not self.connection.is_lite:
            time.sleep(GRACE_S)

    def _exists(self, name: str) -> bool:
        return bool(self.connection.call(self._client.has_collection, name, timeout=WRITE_TIMEOUT_S))

    def _recorded(self) -> list[Manifest]:
        if not self._exists(CATALOG_NAME):
            return []
        rows = self._catalog().query('name != ""', fields=["manifest"])
        return [Manifest.from_json(row["manifest"]) for row in rows]

    def _with_manifest(self, name: str) -> Collection | None:
        return self._recorded_as(name) if self._exists(name) else None

    def _recorded_as(self, name: str) -> Collection | None:
        if not self._catalog_ready and not self._exists(CATALOG_NAME):
            return None
        row = self._catalog().get([name], fields=["manifest"]).get(name)
        if row is None:
            raise StoreError(
                f"the catalog {CATALOG_NAME} has no entry for the collection {name}. Drop it and ingest again."
            )
        return Collection(self.connection, Manifest.from_json(row["manifest"]))

    def _catalog(self) -> Collection:
        catalog = _Ledger(self.connection, CATALOG_NAME, CATALOG)
        if not self._catalog_ready:
            self._make_ready(catalog)
            self._catalog_ready = True
        return catalog

    def _make_ready(self, ledger: Collection) -> None:
        if not self._exists(ledger.name):
            made = schema(ledger.room, ledger.manifest.dim)
            self.connection.call(self._client.create_collection, ledger.name, schema=made, timeout=WRITE_TIMEOUT_S)
        if self.connection.is_lite or not self._indexes(ledger.name):
            self._ensure_index(ledger)
            ledger.load()

    def _put(self, manifest: Manifest) -> None:
        catalog = self._catalog()
        catalog.upsert([{"name": manifest.collection, "manifest": manifest.to_json(), "vector": [1.0, 0.0]}])
        catalog.count()

    def _indexes(self, name: str) -> list[str]:
        return list(self.connection.call(self._client.list_indexes, name, timeout=WRITE_TIMEOUT_S))

    def _ensure_index(self, collection: Collection) -> None:
        if not self._indexes(collection.name):
            self._create_index(collection.name, IndexSpec("flat"))

    def _create_index(self, name: str, spec: IndexSpec, still_s: float = STILL_S) -> None:
        params = self._client.prepare_index_params()
        build = spec.build_params
        # Milvus Lite reads only the nested copy, servers read the flat one.
        both = {**build, "params": build} if build else {}
        params.add_index("vector", index_type=spec.milvus_kind, metric_type=METRIC, params=both)
        self.connection.call(self._client.create_index, name, params, timeout=WRITE_TIMEOUT_S, sync=False)
        # pymilvus' own wait takes half a second at least, and does not end when its timeout is over.
        if spec.kind != "flat":
            wait_for(lambda: self._built(name), "Finished", what=f"building the index of {name}", still_s=still_s)

    def _built(self, name: str) -> Hashable:
        """Return how far the index is: the number of rows that it has, and in the end ``Finished``."""
        index = self.connection.call(self._client.describe_index, name, "vector", timeout=STATE_TIMEOUT_S) or {}
        state = str(index.get("state", "Finished"))
        if state == "Failed":
            raise StoreError(f"Milvus could not build the index of {name}: {index}")
        return state if state == "Finished" else (state, index.get("indexed_rows"))

    def _drop_index(self, collection: Collection) -> None:
        self.connection.call(self._client.release_collection, collection.name, timeout=WRITE_TIMEOUT_S)
        for index in self._indexes(collection.name):
            self.connection.call(self._client.drop_index, collection.name, index, timeout=WRITE_TIMEOUT_S)

    def _drop_real(self, collection: Collection) -> None:
        self.connection.call(self._client.drop_collection, collection.name, timeout=WRITE_TIMEOUT_S)
        if self._exists(CATALOG_NAME):
            self._catalog().delete([collection.name])

    def _probe(self, spec: IndexSpec) -> None:
        """Build the index on a small collection: some servers accept DiskANN and then never finish it."""
        name = f"milvise_probe_{secrets.token_hex(6)}"
        self.connection.call(self._client.create_collection, name, schema=schema(WORDS, 8), timeout=WRITE_TIMEOUT_S)
        try:
            rows = [{"word": str(rank), "rank": rank, "vector": [1.0, rank] * 4} for rank in range(_PROBE_ROWS)]
            self.connection.call(self._client.insert, name, rows, timeout=WRITE_TIMEOUT_S)
            self.connection.call(self._client.flush, name, timeout=WRITE_TIMEOUT_S)
            self._create_index(name, spec.resolve(rows=_PROBE_ROWS, dim=8, is_lite=False), still_s=_PROBE_TIMEOUT_S)
        except StoreError as error:
            raise UnsupportedError(f"the connected Milvus cannot build the index {spec.kind}: {error}") from error
        finally:
            self.connection.call(self._client.drop_collection, name, timeout=WRITE_TIMEOUT_S)


class _Ledger(Collection):
    """A collection of records, which has no manifest and whose vectors mean nothing."""

    def __init__(self, connection: Connection, name: str, room: Room) -> None:
        super().__init__(connection, Manifest(name, room.name, 2, {}))

    @property
    def name(self) -> str:
        return self.manifest.alias
