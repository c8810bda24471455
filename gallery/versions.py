"""The versions of a gallery: the one that is live, those that were kept when another took their place, and the one that is to come.

A version is a collection of visual vectors, and the joint vectors that a head made of these. Versions that differ in their head alone share
the visual vectors. Its figures, and when it went live, stand in the manifest of its joint vectors, or of its visual ones where it has no others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from milvise.adapter import Manifest, Store
from milvise.errors import NotFoundError, UsageError
from milvise.gallery.missing import missing_gallery
from milvise.gallery.names import coming, joint_alias, visual_alias


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a gallery.

    Attributes
    ----------
    visual, joint : Manifest
        Its collections; no `joint` for a gallery without a head.
    is_live : bool
        Whether searches are answered from it.
    """

    visual: Manifest
    joint: Manifest | None
    is_live: bool = False

    @property
    def name(self) -> str:
        """What it is called: the end of the name of its joint collection, or of its visual one."""
        return self.record.collection.rpartition("_")[2]

    @property
    def record(self) -> Manifest:
        """The manifest that has its figures."""
        return self.joint or self.visual

    @property
    def in_order(self) -> tuple[Manifest, ...]:
        """Its collections, in the order in which they go live."""
        return (self.visual,) if self.joint is None else (self.joint, self.visual)


def live_version(store: Store, gallery: str) -> Version:
    """Return the version that is live.

    Raises
    ------
    NotFoundError
        If there is no such gallery.
    """
    visual, joint = store.live(visual_alias(gallery)), store.live(joint_alias(gallery))
    if visual is None:
        raise missing_gallery(store, gallery)
    return Version(visual.manifest, None if joint is None else joint.manifest, is_live=True)


def mended(store: Store, gallery: str) -> Version:
    """Return the version that is live; one that was cut off while it went live is put back first. Errors as `live_version`."""
    live = live_version(store, gallery)
    if live.joint is None or _belongs(live.joint, live.visual):
        return live
    kept = [joint for joint in store.others(joint_alias(gallery)) if _belongs(joint, live.visual)]
    if not kept:
        return live
    joint = max(kept, key=lambda manifest: manifest.live_since)
    store.point(joint_alias(gallery), joint.collection)
    return Version(live.visual, joint, is_live=True)


def _belongs(joint: Manifest, visual: Manifest) -> bool:
    return dict(joint.fingerprint["visual"]) == dict(visual.fingerprint)


def versions(store: Store, gallery: str) -> list[Version]:
    """Return the live version and those that were kept, the one that went live last first; errors as `live_version`."""
    live = live_version(store, gallery)
    visuals = [live.visual, *store.others(visual_alias(gallery))]
    joints = [*([live.joint] if live.joint else []), *store.others(joint_alias(gallery))]
    found = [
        Version(visual, joint, is_live=live.visual == visual and live.joint == joint)
        for visual in visuals
        for joint in joints
        if _belongs(joint, visual)
    ]
    paired = {version.visual.collection for version in found}
    found += [
        Version(visual, None, is_live=live.joint is None and live.visual == visual)
        for visual in visuals
        if visual.collection not in paired
    ]
    return sorted(found, key=lambda version: (not version.is_live, -version.record.live_since))


def version_before(store: Store, gallery: str, name: str | None = None) -> Version:
    """Return the version that was live before the one that is, or the one of this name.

    Raises
    ------
    NotFoundError
        If there is none.
    UsageError
        If the one of this name is live.
    """
    known = versions(store, gallery)
    if name is None:
        # One that never was live is the rest of a rebuild.
        kept = [version for version in known if not version.is_live and version.record.live_since]
    else:
        kept = [version for version in known if version.name == name]
    if not kept:
        listed = ", ".join(version.name for version in known if not version.is_live) or "none"
        raise NotFoundError(
            f"the gallery {gallery!r} has no version to go back to.\nExpected: one that was live before\nReceived: kept are {listed}"
        )
    if kept[0].is_live:
        raise UsageError(f"the version {name} of the gallery {gallery!r} is live already.")
    return kept[0]


def show(store: Store, gallery: str, version: Version) -> None:
    """Have a version searched under the name of the one to come, see `milvise.gallery.names.coming`."""
    for manifest, alias in _places(coming(gallery), version):
        store.point(alias, manifest.collection)


def hide(store: Store, gallery: str) -> None:
    """Take that name away."""
    for alias in (visual_alias(coming(gallery)), joint_alias(coming(gallery))):
        if store.points_at(alias) is not None:
            store.unpublish(alias)


def go_live(store: Store, gallery: str, version: Version, figures: Mapping[str, float]) -> None:
    """Have searches answered from a version; the one that was live is kept, with its figures.

    Two aliases move, one after the other. Who searches meanwhile sees that the collections do not belong together, and asks again.
    """
    before = live_version(store, gallery)
    now = round(time.time(), 3)
    # So that there is a way back also where it never was noted.
    store.record(before.record.changed(live_since=before.record.live_since or now - 1))
    store.record(version.record.changed(live_since=now, figures=dict(figures)))
    for manifest, alias in _places(gallery, version):
        store.point(alias, manifest.collection)


def _places(gallery: str, version: Version) -> list[tuple[Manifest, str]]:
    aliases = (visual_alias(gallery),) if version.joint is None else (joint_alias(gallery), visual_alias(gallery))
    return list(zip(version.in_order, aliases, strict=True))
