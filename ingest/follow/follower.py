"""Start here: deliveries become looks, looks go through the stages of a load, and what the gallery has then is acknowledged.

A picture is settled when the gallery has what stands under the root, and it still stands there *after* that was written. Two followers
that look at one picture at the same time may write in any order: the one that wrote the older content sees afterwards that the file is
another one, and looks again. A follower that is killed has acknowledged nothing of what it had in hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milvise.core.records import Row, record_id
from milvise.gallery.pair import Pair
from milvise.gallery.plan import Plan
from milvise.ingest.changes.find_changes import ChangeFinder
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.event import EventError, PictureEvent
from milvise.ingest.follow.looks import PAUSE_S, TRIES, Look, Looks
from milvise.ingest.follow.open_stamp import OpenStamp
from milvise.ingest.follow.root import Place
from milvise.ingest.follow.stream import Delivery, EventStream
from milvise.ingest.follow.watch import FollowWatch
from milvise.ingest.picture_stages import picture_stages
from milvise.ingest.reporter import PictureBatch
from milvise.ingest.runners import run_in_threads
from milvise.ingest.sinks.sink import Sink
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.stages.batches import WrittenBatch

MOST_AT_ONCE = 256
"""Looks that are begun together."""

MOST_UNSETTLED = 4_096
"""Deliveries; nothing more is received while so many are not settled."""

HELD_S = 15.0
"""Until pictures that may not be deleted are looked at again."""

_POLL_S = 0.25
"""How long a stream is asked for, before it is seen whether somebody wants to stop."""

_REST_S = 0.02
"""How long more events are waited for where nothing is under way."""


@dataclass(slots=True)
class _Stored:
    """What a gallery has of the pictures that are looked at now, asked for once."""

    pair: Pair
    rows: dict[str, Row]

    def stored(self, keys: Sequence[str]) -> Mapping[str, Row]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def relabel(self, key: str, label: str, meta: Mapping[str, Any]) -> None:
        self.pair.relabel(key, label, meta)

    def other_owner(self, uri: str, path: Path | None) -> Path | None:
        return self.pair.other_owner(uri, path)


class Follower:
    """Brings a gallery up to date with a stream, until it is stopped or the stream ends.

    Parameters
    ----------
    pair : Pair
        The gallery's collections.
    plan : Plan
        What made them.
    stream : EventStream
    root : Place
        What events are about.
    sink : Sink
        Where rows go.
    looks : Looks
        What is not settled yet; another follower goes on with it.
    watch : FollowWatch
        Told of everything that happens.
    loaded : LoadedFiles
        What this machine remembers of files.
    stamp : OpenStamp
        The gallery's mark of who writes.
    limit : DeleteLimit
        On deletions that no event says.
    max_delay : float
        Seconds that events wait for others while pictures are under way.
    is_over : callable
        Asked between looks; once it returns true, what is in hand is brought to its end.
    """

    def __init__(
        self,
        pair: Pair,
        plan: Plan,
        stream: EventStream,
        root: Place,
        sink: Sink,
        looks: Looks,
        watch: FollowWatch,
        *,
        loaded: LoadedFiles,
        stamp: OpenStamp,
        limit: DeleteLimit,
        max_delay: float,
        is_over: Callable[[], bool],
    ) -> None:
        self._pair = pair
        self._plan = plan
        self._stream = stream
        self._root = root
        self._looks = looks
        self._watch = watch
        self._loaded = loaded
        self._stamp = stamp
        self._limit = limit
        self._max_delay = max_delay
        self._is_over = is_over
        self._seen = SeenIds()
        self._gallery = _Stored(pair, {})
        self._refused: list[Rejected] = []
        self._changes = ChangeFinder(self._gallery, self._seen, loaded, watch.tally, self._refused.append)
        self._stages = picture_stages(plan, sink, self._report, loaded=loaded)

    def run(self, batch_size: int | None = None) -> None:
        """Follow; errors of Milvus, of the stream and of the root end it, and nothing that was delivered is lost."""
        size = batch_size or self._plan.encoder.info.batch
        try:
            run_in_threads(self._items(), self._stages, batch_size=size, progress=self._tell)
        finally:
            self._seen.close()

    # -- from deliveries to items --------------------------------------------------------------------------------------

    def _items(self) -> Iterator[Item | None]:
        """Yield pictures that need a vector, and None where nothing more comes for now."""
        while not self._is_over():
            self._root.require_there()
            looks = self._gather()
            yield from self._look_at(looks)
            if len(looks) < MOST_AT_ONCE:
                yield None
            self._stamp.settle(self._looks)
            if self._stream.is_ended and not len(self._looks) and not self._looks.suspects:
                return

    def _gather(self) -> list[Look]:
        """Return looks that are due: what is under way gives others time to come."""
        looks = [*self._looks.due(), *self._begin()]
        until = time.monotonic() + (self._delay() if looks else _POLL_S)
        while len(looks) < MOST_AT_ONCE and (left := until - time.monotonic()) > 0 and not self._is_over():
            if self._stream.is_ended or self._looks.deliveries >= MOST_UNSETTLED:
                time.sleep(min(left, _REST_S))
                looks += self._looks.due()
                continue
            came = self._stream.receive(MOST_AT_ONCE - len(looks), min(left, _POLL_S))
            if came and not looks:
                until = time.monotonic() + self._delay()
            self._watch.received(len(came))
            self._looks.inbox.extend(came)
            looks += self._begin()
            looks += self._looks.due()
        if not looks and self._looks.suspects and not len(self._looks):
            looks += self._begin(alone=self._looks.suspects.pop())
        return looks

    def _delay(self) -> float:
        return self._max_delay if len(self._looks) else _REST_S

    def _begin(self, alone: Delivery | None = None) -> list[Look]:
        """Return the looks of what was received; it stays in the inbox until it is one, or is put away.

        Parameters
        ----------
        alone : Delivery, optional
            One that others ended at.
        """
        inbox = self._looks.inbox
        if alone is not None:
            inbox.append(alone)
            alone.begin_alone()
        for delivery in list(inbox):
            if reason := self._why_not(delivery):
                self._reject([delivery], reason)
            elif delivery.crashes >= TRIES and delivery is not alone:
                # It may have been with others that ended them.
                self._looks.suspects.append(delivery)
            else:
                continue
            inbox.remove(delivery)
        asked = [(self._root.file(one.event.uri), one) for one in inbox if isinstance(one.event, PictureEvent)]
        inbox.clear()
        return self._looks.add(asked)

    def _why_not(self, delivery: Delivery) -> str:
        """Return why a delivery cannot be followed, empty where it can."""
        if isinstance(delivery.event, EventError):
            return str(delivery.event)
        if delivery.crashes >= 2 * TRIES:
            return f"a follower ended {delivery.crashes} times while it looked at this, the last times at nothing else"
        try:
            self._root.file(delivery.event.uri)
        except EventError as error:
            return str(error)
        return ""

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look_at(self, looks: Sequence[Look]) -> Iterator[Item]:
        if not looks:
            return
        for look in looks:
            seen = look.file.seen()
            # One that goes on changing is on its way.
            look.tries = look.tries if seen == look.seen else 0
            look.seen = seen
        # After that: what was not found on a disk that is there is gone.
        self._root.require_there()
        self._gallery.rows = self._pair.stored([record_id(look.uri) for look in looks])
        self._absent([look for look in looks if look.seen is None])
        yield from self._present([look for look in looks if look.seen is not None])

    def _absent(self, looks: Sequence[Look]) -> None:
        """Delete what is gone; what an event says is there is waited for first."""
        deleted: list[Look] = []
        missing: list[Look] = []
        settled: list[Look] = []
        for look in looks:
            is_stored = record_id(look.uri) in self._gallery.rows
            if look.is_deleted:
                (deleted if is_stored else settled).append(look)
            elif self._stream.finds_what_is_gone:
                settled.append(look)
            elif look.tries + 1 < TRIES:
                self._again(look)
            else:
                self._watch.absent(len(look.deliveries))
                (missing if is_stored else settled).append(look)
        gone = [*deleted, *self._may_go(missing)]
        keys = [record_id(look.uri) for look in gone]
        # A follower that was killed while it wrote may have left the joint row alone.
        strays = self._pair.strays([record_id(look.uri) for look in settled])
        if keys or strays:
            self._pair.delete([*keys, *strays])
            self._loaded.forget(keys)
            self._watch.tally.add(removed=len(keys))
        self._settle([*settled, *gone])

    def _may_go(self, looks: list[Look]) -> list[Look]:
        """Return the pictures that no event calls deleted, if so many may go; else they are looked at again later."""
        if not looks:
            return []
        self._root.require_mounted()
        if self._limit.allows(len(looks)):
            return looks
        self._watch.held(len(looks))
        for look in looks:
            self._looks.again(look, HELD_S)
        return []

    def _present(self, looks: Sequence[Look]) -> Iterator[Item]:
        """Yield the pictures that need a vector; the others are settled, or cannot be looked at."""
        left = {look.uri: look for look in looks}
        self._refused.clear()
        for item in self._changes.among([self._item(look) for look in looks]) if looks else ():
            del left[item.uri]
            yield item
        for rejected in self._refused:
            del left[rejected.uri]
            self._failed(rejected)
        self._settle(list(left.values()))

    def _item(self, look: Look) -> Item:
        row = self._gallery.rows.get(record_id(look.uri))
        label, meta = look.said or ((row["label"], row["meta"]) if row else (self._root.label(look.uri), {}))
        return Item(look.uri, look.file, label, meta)

    # -- what came of it -----------------------------------------------------------------------------------------------

    def _report(self, batch: PictureBatch) -> None:
        for rejected in batch.rejected:
            self._failed(rejected)
        if isinstance(batch, WrittenBatch):
            self._watch.tally.add(embedded=len(batch))
            self._settle([self._looks.under_way(item.uri) for item in batch.items])

    def _failed(self, rejected: Rejected) -> None:
        """Look again at a picture that cannot be loaded, or put what was delivered about it away."""
        look = self._looks.under_way(rejected.uri)
        if look.tries + 1 < TRIES:
            self._again(look)
            return
        self._reject(look.deliveries, rejected.reason)
        self._looks.settle(look)

    def _again(self, look: Look) -> None:
        self._watch.tried_again()
        look.tries += 1
        self._looks.again(look, PAUSE_S * 2 ** (look.tries - 1))

    def _settle(self, looks: Sequence[Look]) -> None:
        """Acknowledge looks after which the file is as it was before; the others are made again."""
        good = []
        for look in looks:
            if look.file.seen() == look.seen:
                good.append(look)
            else:
                self._looks.again(look)
        deliveries = [delivery for look in good for delivery in look.deliveries]
        if deliveries:
            # First: if the stream cannot be reached, the looks are still under way.
            self._stream.acknowledge(deliveries)
            self._watch.settled(deliveries)
        for look in good:
            self._looks.settle(look)

    def _reject(self, deliveries: Sequence[Delivery], reason: str) -> None:
        for delivery in deliveries:
            self._stream.reject(delivery, reason)
        self._watch.rejected(len(deliveries))

    def _tell(self) -> None:
        self._watch.tell(self._looks.deliveries + len(self._looks.suspects), self._stream.backlog)
