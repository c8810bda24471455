"""A gallery is opened, and followers bring it up to date one after the other, until somebody stops them or the stream ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from milvise.adapter import IndexSpec, Store
from milvise.errors import UnavailableError, UsageError
from milvise.gallery.pair import open_pair
from milvise.gallery.plan import Plan
from milvise.gallery.still_live import StillLive
from milvise.ingest.changes.load_stamp import LoadStamp
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.follower import Follower
from milvise.ingest.follow.looks import Looks
from milvise.ingest.follow.open_stamp import OpenStamp
from milvise.ingest.follow.root import Root
from milvise.ingest.follow.stream import EventStream
from milvise.ingest.follow.watch import FollowWatch
from milvise.ingest.sinks.upsert import UpsertSink

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_FINISH_ROWS = 10_000
"""The index is chosen anew when a gallery has grown by so many pictures and by as many as it had."""


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How a gallery follows its pictures.

    Attributes
    ----------
    index : IndexSpec
        For both collections.
    batch_size : int, optional
        Pictures that the encoder gets at once; by default what keeps it busy.
    max_delay : float
        Seconds that events wait for others while pictures are under way.
    max_delete : str
        See `milvise.ingest.follow.delete_limit.DeleteLimit`.
    """

    index: IndexSpec = IndexSpec("auto")
    batch_size: int | None = None
    max_delay: float = 2.0
    max_delete: str = "5%"


def follow(
    store: Store,
    plan: Plan,
    root: Root,
    stream: EventStream,
    looks: Looks,
    watch: FollowWatch,
    *,
    options: FollowOptions = FollowOptions(),
    tell: Callable[[str], None] = lambda text: None,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Follow, and return how many pictures the gallery has at the end.

    Where Milvus, the stream or the root cannot be reached it waits and tries again, for as long as that takes.

    Parameters
    ----------
    plan : Plan
        What the gallery is made with.
    stream : EventStream
        It stays open.
    looks : Looks
        What was delivered and is not settled, by an earlier call too.
    watch : FollowWatch
        Told of everything that happens.
    tell : callable
        Told in a sentence what is waited for.
    is_over : callable
        Asked several times a second; once it returns true, what is in hand is brought to its end.

    Raises
    ------
    UsageError
        If the gallery was made with something else than the plan.
    ReplacedError
        If another version of the gallery goes live meanwhile; `looks` has what is not settled.
    """
    store = store.patient()
    store.indexes.require(options.index, dim=plan.visual.dim)
    _require_same(store, plan)
    opened, _, remarks = open_pair(store, plan, [root.path])
    for remark in remarks:
        tell(remark)
    with closing(LoadedFiles(store.connection.uri, plan.visual.collection)) as loaded:
        stamp = OpenStamp(lambda: LoadStamp(store, opened.visual, opened.joint, loaded), opened.visual.count)
        live = StillLive(store, plan.visual)

        def before_write() -> None:
            live.require()
            stamp.take()

        pair = replace(opened, before_write=before_write)
        limit = DeleteLimit(options.max_delete, pair.visual.count)
        sink = UpsertSink(store, pair, options.index)
        pause, rows = _FIRST_PAUSE_S, pair.visual.count()
        looks.all_again()
        while not is_over():
            most = max(_FINISH_ROWS, rows) + watch.tally.counts.embedded

            def ends(most: int = most) -> bool:
                return is_over() or live.is_replaced() or watch.tally.counts.embedded > most

            follower = Follower(
                pair, plan, stream, root, sink, looks, watch, loaded=loaded, stamp=stamp, limit=limit,
                max_delay=options.max_delay, is_over=ends,
            )  # fmt: skip
            try:
                follower.run(options.batch_size)
            except UnavailableError as error:
                tell(f"{error} It is tried again.")
                looks.all_again()
                _wait(pause, is_over)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            live.require()
            if stream.is_ended:
                break
            rows = sink.finish()
        rows = sink.finish()
        stamp.close()
        return rows


def _require_same(store: Store, plan: Plan) -> None:
    for manifest in (plan.visual, plan.joint):
        name = None if manifest is None else store.points_at(manifest.alias)
        if manifest is not None and name not in (None, manifest.collection):
            raise UsageError(
                f"the gallery {plan.gallery} was made with another encoder or head, and to follow goes on with what it was made with.\nLeave"
                " --encoder, --backbone, --weights and --head out, or move the gallery first: milvise rebuild"
            )


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not is_over():
        time.sleep(0.1)
