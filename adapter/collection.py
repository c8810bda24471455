"""One real collection: upsert, get, search, count, scan, delete."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from threading import Event
from typing import Any

import numpy as np
from pymilvus.client.types import LoadState

from milvise.adapter.catalog import Manifest
from milvise.adapter.connection import Connection
from milvise.adapter.errors import NotDoneError, NotLoadedError
from milvise.adapter.escape import both, is_in
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.pages import EVERY_KEY, IN_KEY_ORDER, KeyRange, PageSize
from milvise.adapter.partition import UPSERTS_SINCE, narrowed
from milvise.adapter.probe import is_since, looks_inside
from milvise.adapter.retry import REMARK_S
from milvise.adapter.rows import check_vector, messages
from milvise.adapter.schema import METRIC, Room, room_of
from milvise.adapter.waiting import Beside, wait_for
from milvise.core.arrays import Floats, unit
from milvise.core.chunks import chunks
from milvise.core.records import Row
from milvise.errors import DeniedError, NotFoundError, ReplacedError, UsageError

MOST_HITS = 16_384
"""The most rows that one search or query of a Milvus server answers."""

EXACT = ("flat", "hnsw")
"""Indexes whose searches, among a few rows, reach all of them and answer exact cosines."""

READ_TIMEOUT_S = 30.0
WRITE_TIMEOUT_S = 120.0
STATE_TIMEOUT_S = 10.0
"""For a question that costs a server nothing."""

SHORT_SCAN_S = 10.0
"""A scan that took less is rather begun again than waited for."""

_SCAN_ROWS = 1_000
_TOGETHER = 4


class Collection:
    """A real collection with its manifest.

    Reads use the cheapest consistency level (Bounded); a writer calls `settle` once at its end, after which every
    client sees what was written. A writer that reads back while it works passes ``own_writes=True`` (Session).
    """

    def __init__(self, connection: Connection, manifest: Manifest, *, is_new: bool = False) -> None:
        self._connection = connection
        self.manifest = manifest
        self.is_new = is_new
        """Whether it was made by this client a moment ago, and nothing had been written to it then."""
        self.is_indexed = False
        """Whether this client has just built the index asked for."""
        self.name = manifest.collection
        """The name of the real collection."""
        self.room: Room = room_of(manifest.room, top_classes=manifest.top_classes, partition=manifest.partition)

    @property
    def is_lite(self) -> bool:
        """Whether it is in Milvus Lite, whose engine runs in this process."""
        return self._connection.is_lite

    @property
    def looks_inside(self) -> bool:
        """Whether its Milvus understands ``LIKE "%x%"``, not only prefixes."""
        return looks_inside(self._connection.version, is_lite=self.is_lite)

    def with_index(self, index: IndexSpec) -> Collection:
        """Return the same collection, searched with the search parameters of `index`; nothing is stored."""
        return Collection(self._connection, self.manifest.changed(index=str(index)))

    def upsert(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write rows that carry every field of the room (but `MAY_LACK`) and a ``vector``, and perhaps more; return how many.

        Raises
        ------
        VectorError
            If a vector has another width, is not finite, or is zero.
        """
        written = 0
        for batch in messages(rows, room=self.room, dim=self.manifest.dim):
            self._put(batch)
            written += len(batch)
        return written

    def _put(self, batch: list[Row]) -> None:
        client = self._connection.client
        if not self._is_partitioned or is_since(self._connection.version, UPSERTS_SINCE):
            self._call(client.upsert, self.name, batch, timeout=WRITE_TIMEOUT_S)
            return
        # Such a server upserts into the wrong partition, and keeps a key as often as it is inserted.
        rows = {row[self.room.key]: row for row in batch}
        self.delete(list(rows))
        self._call(client.insert, self.name, list(rows.values()), timeout=WRITE_TIMEOUT_S)

    @property
    def _is_partitioned(self) -> bool:
        return bool(self.room.partition) and not self.is_lite

    def _narrowed(self, filter: str) -> str:
        """Return a filter that names the partitions of the rows that it selects."""
        return narrowed(filter, self.room.partition) if self._is_partitioned and filter else filter

    def search(
        self,
        vectors: np.ndarray[Any, Any] | Sequence[Floats],
        *,
        limit: int,
        fields: Sequence[str],
        filter: str = "",
        effort: int = 1,
    ) -> list[list[tuple[Row, float]]]:
        """Return for each query vector the closest rows, each with its cosine, closest first.

        Parameters
        ----------
        vectors : ndarray of shape (n, dim), or sequence of ndarray of shape (dim,)
            Query vectors.
        limit : int
            How many rows each, at most 16,384.
        fields : sequence of str
            Which fields to fetch; ``"vector"`` is one of them.
        filter : str
            A Milvus expression.
        effort : int
            How many times as many clusters to probe as the manifest says.
        """
        answers = self._found(vectors, limit, fields, filter, effort)
        return [[_scored(hit, self.room.key) for hit in hits] for hits in answers]

    def search_keys(
        self, vectors: np.ndarray[Any, Any] | Sequence[Floats], *, limit: int, filter: str = ""
    ) -> list[dict[str, float]]:
        """Return for each query vector the primary keys of the closest rows, each with its cosine, closest first; as `search`.

        No hit is looked into: pymilvus has the columns that it makes them of.
        """
        # Milvus Lite reads whole rows where it is asked for no field.
        answers = self._found(vectors, limit, (self.room.key,) if self.is_lite else (), filter, 1)
        return [dict(zip(hits.ids, hits.distances, strict=True)) for hits in answers]

    def cosines(
        self, vectors: Sequence[Floats], keys: Sequence[Sequence[str]], *, fields: Sequence[str] = ()
    ) -> list[dict[str, tuple[Row, float]]]:
        """Return for each query vector some rows, each with its cosine, by primary key; keys that are not there are left out.

        Where the index compares with the vectors themselves and can reach each of them (`EXACT`), these are searches among these rows alone, so
        that no vector is sent: one for each four query vectors, and a read of the other fields. Rows that they do not find are read with their vectors,
        a thousand in a call. Under other indexes, and in Milvus Lite, which filters after it walked a graph, all rows are read so.

        Parameters
        ----------
        vectors : sequence of ndarray of shape (dim,)
            Query vectors.
        keys : sequence of sequence of str
            For each query vector the primary keys of the rows, at most 16,384.
        fields : sequence of str
            Which fields to fetch.
        """
        found: list[dict[str, tuple[Row, float]]] = [{} for _ in vectors]
        wanted = list(dict.fromkeys([self.room.key, *fields]))
        if not self.is_lite and IndexSpec.parse(self.manifest.index).kind in EXACT:
            found = self._found_among(vectors, keys, wanted)
        left_out = [[each for each in own if each not in near] for own, near in zip(keys, found, strict=True)]
        read = self.get(_all_of(left_out), fields=[*wanted, "vector"])
        stored = {each: unit(np.asarray(row.pop("vector"), dtype=np.float32)) for each, row in read.items()}
        for vector, own, near in zip(vectors, left_out, found, strict=True):
            target = unit(vector)
            near |= {each: (read[each], float(stored[each] @ target)) for each in own if each in read}
        return found

    def _found_among(
        self, vectors: Sequence[Floats], keys: Sequence[Sequence[str]], fields: Sequence[str]
    ) -> list[dict[str, tuple[Row, float]]]:
        """Return for each vector what a search among its own rows finds."""
        key = self.room.key
        if len(fields) > 1 and len(vectors) == 1 and keys[0]:
            (hits,) = self.search(vectors, limit=len(keys[0]), fields=fields, filter=is_in(key, keys[0]))
            return [{row[key]: (row, cosine) for row, cosine in hits}]
        cosines: list[dict[str, float]] = [{} for _ in vectors]
        # A call has a cost of its own, and so has each hit: a few vectors are searched for together, among the rows of all of them.
        together = _TOGETHER if max(map(len, keys), default=0) <= MOST_HITS // _TOGETHER else 1
        for places in chunks((place for place, own in enumerate(keys) if own), together):
            among = _all_of([keys[place] for place in places])
            searched = [vectors[place] for place in places]
            answers = self.search_keys(searched, limit=len(among), filter=is_in(key, among))
            for place, near in zip(places, answers, strict=True):
                cosines[place] = {each: near[each] for each in keys[place] if each in near}
        every = _all_of(cosines)
        rows = self.get(every, fields=fields) if len(fields) > 1 else {each: {key: each} for each in every}
        return [{each: (rows[each], cosine) for each, cosine in near.items() if each in rows} for near in cosines]

    def _found(
        self,
        vectors: np.ndarray[Any, Any] | Sequence[Floats],
        limit: int,
        fields: Sequence[str],
        filter: str,
        effort: int,
    ) -> Any:
        if not 1 <= limit <= MOST_HITS:
            raise UsageError(f"the limit must lie between 1 and {MOST_HITS}.\nReceived: {limit}")
        chosen = self._narrowed(filter)
        queries = [check_vector(vector, self.manifest.dim, owner="the query") for vector in vectors]
        index = IndexSpec.parse(self.manifest.index).widened(effort)
        answers = self._search(queries, limit, fields, chosen, index.search_params(limit))
        short = filter and any(len(hits) < limit for hits in answers)
        if short and self._connection.is_lite and index.kind == "hnsw":
            # Milvus Lite walks the graph first and filters afterwards: a beam as wide as the graph misses nothing.
            answers = self._search(queries, limit, fields, chosen, {"ef": max(limit, self.count())})
        return answers

    def _search(
        self, queries: Sequence[Floats], limit: int, fields: Sequence[str], filter: str, params: Mapping[str, int]
    ) -> Any:
        return self._call(
            self._connection.client.search,
            self.name,
            # pymilvus packs numbers of Python twice as fast as those of an array.
            [query.tolist() for query in queries],
            filter=filter,
            limit=limit,
            output_fields=list(fields),
            search_params={"metric_type": METRIC, "params": dict(params)},
            consistency_level="Bounded",
            timeout=READ_TIMEOUT_S,
        )

    def get(self, keys: Sequence[str], *, fields: Sequence[str], own_writes: bool = False) -> dict[str, Row]:
        """Return the rows with these primary keys, by key; keys that are not there are left out."""
        found: dict[str, Row] = {}
        wanted = list(dict.fromkeys([self.room.key, *fields]))
        for batch in chunks(keys, _SCAN_ROWS):
            rows = self.query(is_in(self.room.key, batch), fields=wanted, limit=len(batch), own_writes=own_writes)
            found.update((row[self.room.key], row) for row in rows)
        return found

    def vectors(self, keys: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of the rows with these primary keys, by key; keys that are not there are left out."""
        rows = self.get(keys, fields=["vector"])
        return {key: np.asarray(row["vector"], dtype=np.float32) for key, row in rows.items()}

    def query(
        self, filter: str, *, fields: Sequence[str], limit: int = MOST_HITS, own_writes: bool = False
    ) -> list[Row]:
        """Return up to `limit` rows for which the expression is true, in no particular order."""
        rows = self._call(
            self._connection.client.query,
            self.name,
            filter=self._narrowed(filter),
            output_fields=list(fields),
            limit=limit,
            consistency_level="Session" if own_writes else "Bounded",
            timeout=READ_TIMEOUT_S,
        )
        return [dict(row) for row in rows]

    def count(self, filter: str = "", *, settled: bool = False) -> int:
        """Return how many rows there are, everything written so far included.

        Parameters
        ----------
        settled : bool
            Whether what was written a moment ago may be left out, which a server answers at once.
        """
        rows = self._call(
            self._connection.client.query,
            self.name,
            filter=self._narrowed(filter),
            output_fields=["count(*)"],
            consistency_level="Bounded" if settled else "Strong",
            timeout=READ_TIMEOUT_S,
        )
        return int(rows[0]["count(*)"])

    def scan(self, fields: Sequence[str], *, filter: str = "", keys: KeyRange = EVERY_KEY) -> Iterator[Row]:
        """Yield every row in the order of the primary keys, everything written before the call included.

        Rows are read in pages of some megabytes, each of which begins behind the last key of the page before it: see `milvise.adapter.pages`.
        Where Milvus does not answer after `SHORT_SCAN_S`, a scan waits for two minutes, and goes on from there.

        Parameters
        ----------
        keys : KeyRange
            Only rows with these primary keys: who noted the last key that was settled goes on behind it.
        """
        # One strong read: what was written is seen by all reads behind it.
        self.count()
        if self.is_lite:
            yield from self._scan_lite(fields, both(keys.expression(self.room.key), filter))
            return
        connection, size, started = self._connection, PageSize(), time.monotonic()
        while rows := self._page(connection, fields, both(keys.expression(self.room.key), filter), size.rows):
            size.learn(rows)
            keys = keys.behind(str(rows[-1][self.room.key]))
            rows.reverse()
            while rows:
                # A page is not held while the next one is read.
                yield rows.pop()
            if time.monotonic() - started > SHORT_SCAN_S:
                connection = connection.in_the_middle()

    def _scan_lite(self, fields: Sequence[str], filter: str) -> Iterator[Row]:
        # Milvus Lite reads everything for each page; a list of keys does not need it (and fits, because Milvus Lite holds all rows in memory anyway).
        rows = self.query(filter, fields=[self.room.key], limit=max(1, self.count()))
        for batch in chunks(sorted(row[self.room.key] for row in rows), _SCAN_ROWS):
            found = self.get(batch, fields=fields)
            yield from (found[key] for key in batch if key in found)

    def _page(self, connection: Connection, fields: Sequence[str], filter: str, limit: int) -> list[Row]:
        rows = self._call_by(
            connection,
            connection.client.query,
            self.name,
            filter=self._narrowed(filter),
            output_fields=list(dict.fromkeys([self.room.key, *fields])),
            limit=limit,
            consistency_level="Bounded",
            timeout=READ_TIMEOUT_S,
            **IN_KEY_ORDER,
        )
        return [dict(row) for row in rows]

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the rows with these primary keys; keys that are not there do not matter."""
        for batch in chunks(keys, _SCAN_ROWS):
            self._call(
                self._connection.client.delete, self.name, filter=is_in(self.room.key, batch), timeout=WRITE_TIMEOUT_S
            )

    def settle(self) -> int:
        """Seal what was written, wait until every client of this Milvus sees it, and return how many rows there are."""
        with Beside(self._load) as loading:
            # On a server both take seconds, most of which it waits.
            wait_for(self._flush, True, what=f"sealing the rows of {self.name}")
            loading.wait()
        return self.count()

    def load(self) -> None:
        """Bring the collection into memory; where it is there already nothing happens.

        It waits for as long as the server answers and goes on loading.

        Raises
        ------
        StoreError
            If loading stood still for half an hour.
        """
        self._load(Event())

    def _flush(self) -> bool:
        """Ask for what was written to be sealed; return whether it was within a moment."""
        try:
            self._connection.call(self._connection.client.flush, self.name, timeout=READ_TIMEOUT_S)
        except NotDoneError:
            return False
        return True

    def _load(self, stopped: Event, *, remark_s: float | None = None) -> None:
        client, call = self._connection.client, self._connection.call
        if self.is_lite:
            call(client.load_collection, self.name, timeout=WRITE_TIMEOUT_S)
            return

        def state() -> Hashable:
            found = call(client.get_load_state, self.name, timeout=STATE_TIMEOUT_S)
            if found["state"] == LoadState.NotLoad and not stopped.is_set():
                # Nobody asked yet, or the server went away before it noted that it was asked.
                call(client.load_collection, self.name, timeout=WRITE_TIMEOUT_S, _async=True)
            ended = stopped.is_set() or found["state"] == LoadState.Loaded
            return "loaded" if ended else (str(found["state"]), found.get("progress"))

        wait_for(state, "loaded", what=f"loading {self.name}", remark_s=remark_s)

    def _call(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        return self._call_by(self._connection, method, *args, **kwargs)

    def _call_by(self, connection: Connection, method: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with connection.opening(self.name):
                return self._call_loaded(connection, method, *args, **kwargs)
        except NotFoundError as error:
            # It was there when it was opened.
            raise ReplacedError(
                f"the collection {self.name} was replaced or dropped while it was read or written.\nExpected: that it stands\n"
                f"Received: {error}\nMake the request again: it finds what stands now."
            ) from error

    def _call_loaded(self, connection: Connection, method: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return connection.call(method, *args, **kwargs)
        except NotLoadedError:
            try:
                self._load(Event(), remark_s=REMARK_S)
            except DeniedError:
                # A server that was started again loads by itself what it had loaded; a reader can only ask again.
                return connection.call(method, *args, passing=(NotLoadedError,), **kwargs)
            return connection.call(method, *args, **kwargs)


def _all_of(keys: Iterable[Iterable[str]]) -> list[str]:
    """Return the keys of several lists, each once."""
    return list(dict.fromkeys(each for own in keys for each in own))


def _scored(hit: Mapping[str, Any], key: str) -> tuple[Row, float]:
    # Hits are dicts of a kind of their own; a plain look takes a fifth of the time of theirs, which also finds keys in other places.
    row = dict(_plain_look(hit, "entity"))
    row[key] = hit[key]
    return row, float(_plain_look(hit, "distance"))


_plain_look: Any = dict.__getitem__
