"""Collections of records: the catalog of all manifests, and what people said of answers."""

from __future__ import annotations

from milvise.adapter.catalog import Manifest
from milvise.adapter.collection import WRITE_TIMEOUT_S, Collection
from milvise.adapter.connection import Connection
from milvise.adapter.indexes import Indexes
from milvise.adapter.schema import CATALOG, Room, schema

CATALOG_NAME = "milvise_catalog"


class Ledger(Collection):
    """A collection without a manifest, called by its real name: records, whose vectors mean nothing."""

    def __init__(self, connection: Connection, name: str, room: Room) -> None:
        super().__init__(connection, Manifest(name, room.name, 2, {}))
        self.name = name

    def stands(self) -> bool:
        """Return whether Milvus has it."""
        return bool(self._connection.call(self._connection.client.has_collection, self.name, timeout=WRITE_TIMEOUT_S))

    def make_ready(self) -> None:
        """Create it where it is not there, and load it."""
        connection, indexes = self._connection, Indexes(self._connection)
        if not self.stands():
            made = schema(self.room, self.manifest.dim)
            connection.call(connection.client.create_collection, self.name, schema=made, timeout=WRITE_TIMEOUT_S)
        if connection.is_lite or not indexes.names(self.name):
            indexes.ensure(self.name)
            self.load()


class Catalog:
    """The manifest of every real collection, by its name."""

    def __init__(self, connection: Connection) -> None:
        self._rows = Ledger(connection, CATALOG_NAME, CATALOG)
        self._is_ready = False

    def manifests(self) -> list[Manifest]:
        """Return all manifests."""
        if not self._rows.stands():
            return []
        return [Manifest.from_json(row["manifest"]) for row in self.rows().query('name != ""', fields=["manifest"])]

    def manifest_of(self, name: str) -> Manifest | None:
        """Return the manifest of a real collection, None where it has none."""
        if not self._is_ready and not self._rows.stands():
            return None
        row = self.rows().get([name], fields=["manifest"]).get(name)
        return None if row is None else Manifest.from_json(row["manifest"])

    def entries(self) -> dict[str, Manifest | None]:
        """Return what stands in it by the name that it is kept under, None for an entry that is no manifest."""
        if not self._rows.stands():
            return {}
        found: dict[str, Manifest | None] = {}
        # One strong read: what was dropped a moment ago is seen by no read behind it.
        self.rows().count()
        for row in self.rows().query('name != ""', fields=["name", "manifest"]):
            try:
                found[str(row["name"])] = Manifest.from_json(row["manifest"]).checked()
            except (TypeError, KeyError, AttributeError):
                found[str(row["name"])] = None
        return found

    def put(self, manifest: Manifest) -> None:
        """Record a manifest in place of the one that the collection had."""
        rows = self.rows()
        rows.upsert([{"name": manifest.collection, "manifest": manifest.to_json(), "vector": [1.0, 0.0]}])
        rows.count()

    def remove(self, name: str) -> None:
        """Remove the entry of this name, if there is a catalog."""
        if self._rows.stands():
            self.rows().delete([name])

    def forget(self, name: str) -> None:
        """Remove the entry of this name, and wait until every client sees that it is gone."""
        self.rows().delete([name])
        self.rows().count()

    def rows(self) -> Collection:
        """Return the collection that holds it, created where it is not there."""
        if not self._is_ready:
            self._rows.make_ready()
            self._is_ready = True
        return self._rows
