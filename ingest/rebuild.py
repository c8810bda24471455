"""Another version of a gallery beside the one that is live, while others go on writing to that one.

    the live version -> what it has and the new one has not -> the stages of a load -> the new version    (again, until nothing is left)
    the alias moves
    what writers that did not know it yet wrote to the old version -> the same way into the new one

Writers know nothing of the new version: a follower, a load and a program of an earlier release are carried over alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from milvise.adapter import Collection, IndexSpec, Store
from milvise.gallery.pair import Pair, open_pair
from milvise.gallery.plan import Plan
from milvise.gallery.versions import Version
from milvise.ingest.changes.load_stamp import LoadStamp
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.differences import ChangedSince, Differences, Snapshot
from milvise.ingest.follow.follower import Follower
from milvise.ingest.follow.looks import Looks
from milvise.ingest.follow.open_stamp import OpenStamp
from milvise.ingest.follow.source_roots import SourceRoots
from milvise.ingest.follow.watch import Followed, FollowWatch
from milvise.ingest.sinks.upsert import UpsertSink

_PASSES = 5
Told = Callable[[Followed], None]


class Beside:
    """A version that is made, or brought up to date, beside another one.

    Attributes
    ----------
    pair : Pair
        Its collections.
    embedded : int
        Pictures that went through its encoder.
    failed : dict of str to str
        By URI: why a picture of the live version cannot be loaded into it.
    """

    def __init__(self, store: Store, plan: Plan, pair: Pair, *, batch_size: int | None, tell: Told) -> None:
        self.pair = pair
        self.embedded = 0
        self.failed: dict[str, str] = {}
        self._store = store
        self._plan = plan
        self._batch_size = batch_size
        self._tell = tell
        self._snapshot = Snapshot()

    @property
    def version(self) -> Version:
        """What it is, with the manifests that stand."""
        joint = self.pair.joint
        return Version(self.pair.visual.manifest, None if joint is None else joint.manifest)

    def catch_up(self, live: Version) -> None:
        """Bring it up to date with the live version, in passes: each finds less that is new."""
        for _ in range(_PASSES):
            if not self._pass(live):
                return

    def carry_over(self, before: Version) -> None:
        """After it went live: bring over what was written to the version before it since `catch_up`."""
        if self._shares_pictures(before):
            self._project()
        else:
            stream = ChangedSince(self._opened(before), self._snapshot, self.pair.visual)
            self._follow(stream, before)

    def finish(self, index: IndexSpec | None) -> None:
        """Settle what was written and build the index: the one that is asked for, or as it was asked for before."""
        finished = [
            self._store.finish(
                one, IndexSpec.parse(one.manifest.requested_index) if index is None else self.pair.share_of(one, index)
            )
            for one in self.pair.in_order
        ]
        joint = finished[0] if self.pair.joint is not None else None
        self.pair = Pair(finished[-1], joint, self.pair.head, self.pair.classes)

    def _pass(self, live: Version) -> bool:
        """Return whether anything was new."""
        if self._shares_pictures(live):
            return bool(self._project())
        stream = Differences(self._opened(live), self.pair.visual)
        self._follow(stream, live)
        self._snapshot, self.failed = stream.snapshot, stream.failed
        return stream.count > len(stream.failed)

    def _follow(self, stream: Differences | ChangedSince, other: Version) -> None:
        visual, joint = self.pair.visual, self.pair.joint
        sources = list(dict.fromkeys((*other.visual.sources, *visual.manifest.sources)))
        watch = FollowWatch(self._tell)
        with closing(LoadedFiles(self._store.connection.uri, self._plan.visual.collection)) as loaded:
            stamp = OpenStamp(lambda: LoadStamp(self._store, visual, joint, loaded), visual.count)
            pair = replace(self.pair, before_write=stamp.take)
            follower = Follower(
                pair, self._plan, stream, SourceRoots(self._plan.gallery, sources), UpsertSink(self._store, pair, IndexSpec("auto")),
                Looks(), watch, loaded=loaded, stamp=stamp, limit=DeleteLimit("100%", visual.count), max_delay=0.1,
                is_over=lambda: False,
            )  # fmt: skip
            follower.run(self._batch_size)
            # As after a load: clients rely on it for what they keep in memory.
            stamp.close()
        self.embedded += watch.tally.counts.embedded

    def _project(self) -> int:
        return self.pair.project_missing() + self.pair.delete_strays()

    def _shares_pictures(self, other: Version) -> bool:
        """Whether the two differ in their head alone."""
        return self.pair.visual.name == other.visual.collection

    def _opened(self, other: Version) -> Collection:
        return self._store.open(other.visual)


def open_beside(
    store: Store, plan: Plan, sources: Sequence[str], *, batch_size: int | None, tell: Told
) -> tuple[Beside, list[str]]:
    """Return the version of a plan, made where it does not stand yet, and remarks; errors as `milvise.gallery.pair.open_pair`."""
    store = store.patient()
    pair, _, remarks = open_pair(store, plan, sources)
    return Beside(store, plan, pair, batch_size=batch_size, tell=tell), remarks
