"""What can be made again from the rest is made again: catalog, aliases, indexes, words, classes, rows, in this order.

Each step leaves something that the next run would find and put right, so that one that ends between any two calls leaves
nothing worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from milvise.adapter import Manifest, Store
from milvise.adapter.catalog import essence_of
from milvise.adapter.ledgers import CATALOG_NAME
from milvise.errors import NotFoundError
from milvise.gallery.names import WORDS_ALIAS, joint_alias, visual_alias
from milvise.gallery.verification.classes import check_classes, reload_classes
from milvise.gallery.verification.files import wrong_pictures
from milvise.gallery.verification.ground import Ground, alias_of, survey
from milvise.gallery.verification.lost import KnownModels, identify, room_of
from milvise.gallery.verification.pointers import index_differs, lost_alias
from milvise.gallery.verification.record import Notes, many
from milvise.gallery.verification.repair_rows import remove_pictures, removed, repair_joint, repair_seen, repair_visual
from milvise.gallery.verification.rows import usable_head
from milvise.gallery.verification.seen import stored_beside
from milvise.gallery.verification.words import check_words, remove_damaged_words

Say = Callable[[str], None]


def repair(store: Store, gallery: str, *, pictures: int = 0, say: Say = lambda line: None) -> list[str]:
    """Make again what can be made again; return what was done, a sentence each, which `say` is told at once.

    Raises
    ------
    DeniedError
        If this user may not write; what was done before stays done.
    """
    done: list[str] = []
    for line in _steps(store, gallery, pictures):
        if line not in done:
            done.append(line)
            say(line)
    return done


def _steps(store: Store, gallery: str, pictures: int) -> Iterator[str]:
    yield from _repair_catalog(store)
    ground = survey(store, gallery)
    # Where the gallery's own aliases were lost, the second round knows its backbone and with it its classes.
    for _ in range(2):
        _make_readable(ground)
        yield from _repair_aliases(ground)
        ground = survey(store, gallery)
    yield from _repair_indexes(ground)
    words_are_sound = True
    if ground.words is not None and not (words_are_sound := check_words(ground.words, Notes())):
        yield from remove_damaged_words(ground.words)
    yield from reload_classes(ground)
    visual, joint = ground.visual, ground.joint
    sound = words_are_sound and (ground.classes is None or check_classes(ground.classes, gallery, Notes()))
    if visual is not None:
        yield from repair_visual(store, visual, joint, gallery)
        wrong = wrong_pictures(visual, pictures, gallery, Notes()) if pictures else []
        if wrong:
            remove_pictures(store, visual, joint, wrong)
            visual.settle()
            yield removed(visual.manifest.alias, len(wrong), gallery)
        if (classes := stored_beside(ground, sound=sound)) is not None:
            yield from repair_seen(visual, classes)
    if visual is not None and joint is not None:
        yield from repair_joint(visual, joint, *usable_head(ground, sound=sound))


def _make_readable(ground: Ground) -> None:
    """Give what stands for this gallery without an index, which no server reads, a flat one for now."""
    names = {made.collection for alias in ground.pointers for made in ground.made_for(alias)}
    for name in sorted(names):
        ground.store.indexes.ensure(name)


def _repair_indexes(ground: Ground) -> Iterator[str]:
    store = ground.store
    for alias, collection in ground.live.items():
        standing = index_differs(ground, collection)
        if standing is not None:
            store.reindex(collection)
            yield f"{alias}: its index, {standing}, replaced by {collection.manifest.index}"
        if essence_of(store.describe(collection.name)) is None and store.sign(collection.manifest):
            yield f"{alias} now carries what it takes to record it again"


def _repair_catalog(store: Store) -> Iterator[str]:
    """Record collections again whose entry is lost or is another's, and remove entries of what is gone."""
    entries, names = store.catalog.entries(), store.real_names()
    known = KnownModels()
    lost: list[str] = []
    for name, made in entries.items():
        if made is not None and made.collection == name:
            known.learn(made)
    for name in names:
        made = entries.get(name)
        if (made is None or made.collection != name) and _is_ours(store, name):
            lost.append(name)
    for name in lost:
        store.indexes.ensure(name)
    for found in identify(store, lost, known):
        store.record(store.restored(_sources(found.manifest, entries)))
        yield f"{found.manifest.collection}: recorded in {CATALOG_NAME} again, {found.how}"
    gone = [name for name in entries if name not in names and not store.stands(name)]
    for name in gone:
        store.catalog.forget(name)
    if gone:
        yield f"{CATALOG_NAME}: {many(len(gone), 'record')} of collections that are gone removed"


def _sources(made: Manifest, entries: dict[str, Manifest | None]) -> Manifest:
    """Return a manifest with the sources that a damaged entry still names."""
    before = entries.get(made.collection)
    return made.changed(sources=before.sources) if before is not None and before.alias == made.alias else made


def _is_ours(store: Store, name: str) -> bool:
    try:
        return bool(room_of(alias_of(name), store.describe(name)))
    except NotFoundError:
        return False


def _repair_aliases(ground: Ground) -> Iterator[str]:
    """Point aliases that were lost at what is complete, and take them from what nobody can tell what it is."""
    store = ground.store
    # The joint collection says which visual one is its own, and the visual one which joint one: the first goes first.
    for alias in sorted(ground.pointers, key=lambda alias: alias != visual_alias(ground.gallery)):
        name = ground.pointers[alias]
        if alias in ground.live:
            continue
        found = lost_alias(ground, alias)
        if found is not None:
            store.publish(found, keep=True)
            yield f"{alias} points at {found.name} again"
            ground.live[alias] = found
        elif name is not None and name not in ground.entries and alias_of(name) == alias:
            yield from _let_go(ground, alias, name)


def _let_go(ground: Ground, alias: str, name: str) -> Iterator[str]:
    gallery = ground.gallery
    if alias == visual_alias(gallery):
        # Another backbone would have to see every picture again: this is for people to decide.
        yield (
            f"{alias} points at {name}, and nothing here tells what made it. Load the same pictures with the same backbone,"
            f" which finds what stands: milvise ingest images SOURCE --gallery {gallery} --backbone NAME"
        )
        return
    commands = {
        WORDS_ALIAS: "Load words again: milvise ingest words SOURCE",
        joint_alias(
            gallery
        ): f"Make joint vectors again, from the visual ones: milvise project --gallery {gallery} --head"
        " conse (or the FILE.keras that it had)",
    }
    command = commands.get(alias, f"Load the gallery again: milvise ingest images SOURCE --gallery {gallery}")
    ground.store.unpublish(alias)
    yield f"{alias} no longer points at {name}: nothing here tells what made it. {command}"
