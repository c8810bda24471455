"""A gallery that follows a stream of events or a folder: address, encoder, gallery and stream put together."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from milvise.adapter import IndexSpec
from milvise.core.config import DEFAULT_GALLERY
from milvise.errors import InputError, ReplacedError, UsageError
from milvise.gallery.names import visual_alias
from milvise.ingest.follow.delete_limit import DeleteLimit
from milvise.ingest.follow.folders.stored_pictures import StoredPictures
from milvise.ingest.follow.follow import FollowOptions
from milvise.ingest.follow.follow import follow as run
from milvise.ingest.follow.looks import Looks
from milvise.ingest.follow.root import Root
from milvise.ingest.follow.stream import EventStream, without_password
from milvise.ingest.follow.streams.dead_letters import DeadLetters
from milvise.ingest.follow.watch import Followed, FollowWatch
from milvise.operations.checks import require_count, require_index, require_known, require_precision
from milvise.operations.images import LABELS, MOST_AT_ONCE
from milvise.operations.planned import planned
from milvise.operations.progress import Progress, Rate, notes, silent
from milvise.queries.database import Database

STANDARD_INPUT = "-"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Follow:
    """What to follow, and how; `milvise.operations.database.Database.follow` says what each value means.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    source: str
    gallery: str = DEFAULT_GALLERY
    root: Path | None = None
    group: str | None = None
    since: str | None = None
    encoder: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    classes: Path | None = None
    head: str | None = None
    labels: str = "folder"
    index: str = "auto"
    batch_size: int | None = None
    engine: str = "auto"
    precision: str | None = None
    max_delay: str = "2s"
    max_delete: str = "5%"
    reconcile: str | None = None
    poll: str | None = None
    dead_letters: Path | None = None
    is_over: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        require_known("kind of labels", self.labels, LABELS)
        require_precision(self.precision)
        require_index(self.index)
        require_count("batch_size", self.batch_size, 1, MOST_AT_ONCE)
        for name in ("max_delay", "reconcile", "poll"):
            if (value := getattr(self, name)) is not None:
                seconds(value, name)
        DeleteLimit(self.max_delete, lambda: 0)
        moment(self.since)
        if self.is_folder:
            given = {"root": self.root, "group": self.group, "since": self.since}
            why = "is for streams of events"
        else:
            given = {"reconcile": self.reconcile, "poll": self.poll}
            why = "is for folders"
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name} {why}.\nReceived: {name} {str(value)!r} with {self.shown}")

    @property
    def is_folder(self) -> bool:
        """Whether a folder is followed, and no stream."""
        return self.source != STANDARD_INPUT and not self.kind

    @property
    def kind(self) -> str:
        """``redis``, ``rediss`` or ``kafka``, empty for others."""
        found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", self.source)
        if found and found[1].lower() not in ("redis", "rediss", "kafka"):
            raise UsageError(
                "this cannot be followed.\nExpected: redis://HOST/STREAM, kafka://HOST:PORT/TOPIC, - for standard input, or a folder"
                f"\nReceived: {self.shown}"
            )
        return found[1].lower() if found else ""

    @property
    def shown(self) -> str:
        """The source without a password, which may stand before the host or among the properties."""
        return without_password(self.source)


@dataclass(frozen=True, slots=True)
class Following:
    """What following came to.

    Attributes
    ----------
    rows : int
        Pictures in the gallery at the end.
    followed : Followed
    """

    gallery: str
    source: str
    rows: int
    seconds: float
    followed: Followed

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        told = asdict(self.followed)
        counts = {name: told["counts"][name] for name in ("embedded", "replaced", "unchanged", "relabelled", "removed")}
        events = {name: told[name] for name in ("received", "settled", "rejected", "absent", "tried_again", "held")}
        return {
            "gallery": self.gallery,
            "source": self.source,
            **events,
            **counts,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }


def follow(db: Database, request: Follow, progress: Progress = silent) -> Following:
    """Follow until the request is over or the stream ends; errors as `Database.follow`."""
    started = time.monotonic()
    watch, looks, say = FollowWatch(lambda now: progress(Rate(now))), Looks(), _once(notes(progress))
    root = Root(_root(db, request), labels=request.labels == "folder")
    root.require_there()
    with closing(_stream(db, request, root, watch, say)) as stream:
        while True:
            try:
                rows = _follow(db, request, root, stream, looks, watch, progress, say)
                break
            except ReplacedError as error:
                say(f"{error} It is followed on.")
    return Following(request.gallery, request.shown, rows, time.monotonic() - started, watch.now)


def _follow(
    db: Database,
    request: Follow,
    root: Root,
    stream: EventStream,
    looks: Looks,
    watch: FollowWatch,
    progress: Progress,
    say: Callable[[str], None],
) -> int:
    """Follow with the version of the gallery that is live now."""
    options = FollowOptions(
        IndexSpec.parse(request.index), request.batch_size, seconds(request.max_delay, "max_delay"), request.max_delete
    )
    with planned(db, request, progress) as plan:
        return run(db.store, plan, root, stream, looks, watch, options=options, tell=say, is_over=request.is_over)


def _stream(db: Database, request: Follow, root: Root, watch: FollowWatch, say: Callable[[str], None]) -> EventStream:
    """Open what is followed; each kind brings its client."""
    dead = DeadLetters(request.dead_letters or Path(f"milvise-dead-letters-{request.gallery}.jsonl"))
    group, since = request.group or f"milvise-{request.gallery}", moment(request.since)
    if request.is_folder:
        from milvise.ingest.follow.folders.watched_folder import WatchedFolder

        stored = StoredPictures(db.store, request.gallery)
        return WatchedFolder(
            root, stored, dead, DeleteLimit(request.max_delete, stored.count),
            every_s=seconds(request.poll or request.reconcile or "24h", "reconcile"), watch=request.poll is None, tell=say, held=watch.held,
        )  # fmt: skip
    if request.dead_letters is not None and request.kind:
        raise UsageError(
            "dead letters of Redis and Kafka go to a stream or topic beside the one that is followed, and to no file."
        )
    if request.kind == "kafka":
        from milvise.ingest.follow.streams.kafka_topic import KafkaTopic

        return KafkaTopic(request.source, group=group, since=since)
    if request.kind:
        from milvise.ingest.follow.streams.redis_stream import RedisStream

        return RedisStream(request.source, group=group, since=since)
    from milvise.ingest.follow.streams.standard_input import LineStream

    return LineStream(sys.stdin.buffer, dead, since=since or 0.0)


def _root(db: Database, request: Follow) -> str:
    """Return the folder that pictures are relative to."""
    if request.is_folder or request.root is not None:
        root = Path(request.source) if request.root is None else request.root
        if not root.is_dir():
            raise InputError(f"there is no folder at {root}.")
        return str(root.resolve())
    live = db.store.live(visual_alias(request.gallery))
    known = [] if live is None else [source for source in live.manifest.sources if Path(source).is_absolute()]
    if len(known) != 1:
        told = f"was loaded from {len(known)} folders: {', '.join(known)}" if known else "was loaded from no folder yet"
        raise UsageError(
            f"the subjects of events are relative to a folder, and the gallery {request.gallery} {told}. Name it: --root FOLDER"
        )
    return known[0]


def seconds(text: str, name: str) -> float:
    """Return a duration such as ``2s``, ``500ms``, ``15m``, ``24h`` or ``1d`` in seconds.

    Raises
    ------
    UsageError
        If it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if not found:
        raise UsageError(f"{name} is a duration.\nExpected: such as 500ms, 2s, 15m, 24h or 1d\nReceived: {text!r}")
    return float(found[1]) * (0.001 if found[2] == "ms" else _UNITS[found[2]])


def moment(text: str | None) -> float | None:
    """Return a time, ``start`` for the beginning, in seconds since 1970.

    Raises
    ------
    UsageError
        If it is none.
    """
    if text is None or text == "start":
        return None if text is None else 0.0
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError
        return found.timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"since is a time.\nExpected: start, or a time with its zone, such as 2026-05-01T12:00:00Z\nReceived: {text!r}"
        ) from None


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that tells nothing twice in a row."""
    last = [""]

    def say(text: str) -> None:
        if text != last[0]:
            last[0] = text
            tell(text)

    return say
