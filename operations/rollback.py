"""Back to the version that was live before, and what the versions of a gallery are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.embeddings.registry import load_encoder
from milvise.gallery.plan import plan_for
from milvise.gallery.versions import Version, go_live, mended, version_before, versions
from milvise.ingest.rebuild import open_beside
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database


@dataclass(frozen=True, slots=True)
class Rollback:
    """Which gallery goes back, and to which version; by default to the one that was live before."""

    gallery: str = DEFAULT_GALLERY
    to: str | None = None
    engine: str = "auto"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What going back came to.

    Attributes
    ----------
    version, before : str
        The names of the version that is live now, and of the one that was.
    switched_s : float
        Seconds until searches were answered from it.
    carried_over : int
        Pictures that had changed since it was live, and were brought over afterwards.
    """

    gallery: str
    version: str
    before: str
    rows: int
    carried_over: int
    switched_s: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "gallery": self.gallery, "version": self.version, "before": self.before, "rows": self.rows, "carried_over": self.carried_over,
            "switched_s": round(self.switched_s, 3), "seconds": round(self.seconds, 3),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class History:
    """Which gallery's versions are listed."""

    gallery: str = DEFAULT_GALLERY


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One version of a gallery.

    Attributes
    ----------
    name : str
        For ``milvise rollback --to``.
    made_with : str
        Its encoder or backbone, and its head.
    live_since : float
        When it last went live by a rebuild or a rollback, in seconds since 1970; 0 where that was not noted.
    figures : mapping of str to float
        What it was judged by.
    """

    name: str
    is_live: bool
    made_with: str
    rows: int
    live_since: float
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of a gallery, the live one first."""

    gallery: str
    versions: tuple[VersionEntry, ...]

    def to_json(self) -> dict[str, Any]:
        """Return them as plain values."""
        listed = [
            {
                "name": one.name, "is_live": one.is_live, "made_with": one.made_with, "rows": one.rows, "live_since": one.live_since,
                "figures": dict(one.figures),
            }
            for one in self.versions
        ]  # fmt: skip
        return {"gallery": self.gallery, "versions": listed}


def rollback(db: Database, request: Rollback, progress: Progress = silent) -> RolledBack:
    """Have an earlier version go live at once, then bring over what changed since; errors as `milvise.operations.gallery.Gallery.rollback`."""
    started, note = time.monotonic(), notes(progress)
    before, target = mended(db.store, request.gallery), version_before(db.store, request.gallery, request.to)
    go_live(db.store, request.gallery, target, target.record.figures)
    switched = time.monotonic() - started
    note(f"The version {target.name} is live. What changed since it was live the last time is brought over …")
    db.store.let_readers_go()
    recipe = dict(target.visual.recipe)
    with closing(load_encoder(recipe, engine=request.engine)) as encoder:
        head = None if target.joint is None else str(target.joint.recipe.get("head", "conse"))
        plan = plan_for(db.store, encoder, gallery=request.gallery, head=head, recipe=recipe, names=None)
        total = db.store.open(before.visual).count()
        beside, remarks = open_beside(
            db.store, plan, before.visual.sources, batch_size=None,
            tell=lambda now: progress(Count("pictures", min(now.settled, total), total, now.counts.embedded)),
        )  # fmt: skip
        for remark in remarks:
            note(remark)
        beside.catch_up(before)
        beside.finish(None)
    if beside.failed:
        note(f"{len(beside.failed):,} pictures cannot be read, and are missing now: milvise verify says which.")
    return RolledBack(
        request.gallery,
        target.name,
        before.name,
        beside.pair.visual.count(),
        beside.embedded,
        switched,
        time.monotonic() - started,
    )


def history(db: Database, request: History, progress: Progress = silent) -> Versions:
    """List the versions of a gallery; `progress` is told nothing. Errors as `milvise.operations.gallery.Gallery.versions`."""
    del progress
    entries = [
        VersionEntry(
            version.name, version.is_live, _made_with(version), db.store.open(version.visual).count(), version.record.live_since,
            version.record.figures,
        )
        for version in versions(db.store, request.gallery)
    ]  # fmt: skip
    return Versions(request.gallery, tuple(entries))


def _made_with(version: Version) -> str:
    recipe = version.visual.recipe
    encoder = recipe.get("backbone") or recipe.get("encoder") or "?"
    return str(encoder) if version.joint is None else f"{encoder}, {version.joint.recipe.get('head', 'conse')}"
