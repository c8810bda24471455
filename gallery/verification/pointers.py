"""Aliases, catalog entries, schemas and indexes, and whether the models behind the collections belong together."""

from __future__ import annotations

from pathlib import Path

from milvise.adapter import Collection, IndexSpec
from milvise.adapter.catalog import copies_alias, essence_of
from milvise.adapter.ledgers import CATALOG_NAME
from milvise.adapter.schema import fits, width
from milvise.core.spaces import JOINT
from milvise.gallery.names import WORDS_ALIAS, gallery_of, joint_alias, visual_alias, vocabulary_alias
from milvise.gallery.read_hierarchy import is_readable
from milvise.gallery.verification.classes import content_hash
from milvise.gallery.verification.ground import Ground
from milvise.gallery.verification.record import Notes, many, mend


def check_pointers(ground: Ground, notes: Notes) -> None:
    """Check what the aliases point at: three or four calls for each of them."""
    for alias, name in ground.pointers.items():
        if name is None:
            _check_alias(ground, alias, notes)
        elif alias not in ground.live:
            _check_entry(ground, alias, name, notes)
    for alias, collection in ground.live.items():
        if _check_schema(ground, alias, collection, notes):
            _check_index(ground, alias, collection, notes)
    notes.looked_at("aliases", len(ground.pointers))
    _check_models(ground, notes)
    _remark_leftovers(ground, notes)
    _remark_files(ground, notes)


def lost_alias(ground: Ground, alias: str) -> Collection | None:
    """Return the collection that an alias pointed at before it was lost: the fullest one that fits the rest, None without one."""
    # What has no index cannot be counted on a server; a repair gives it one first.
    made_for = [made for made in ground.made_for(alias) if ground.store.indexes.names(made.collection)]
    found = [ground.store.open(made) for made in made_for]
    counted = sorted(((one.count(), one) for one in found), key=lambda pair: pair[0], reverse=True)
    return next((one for rows, one in counted if rows and _fits_the_rest(ground, one, rows)), None)


def _fits_the_rest(ground: Ground, found: Collection, rows: int) -> bool:
    """Return whether this may be what an alias pointed at, and nothing that a run left unfinished."""
    made, visual, joint, words = found.manifest, ground.visual, ground.joint, ground.words
    fingerprint = dict(made.fingerprint)
    if made.room == "words":
        # Words are pointed at when all of them are written, unlike galleries, which may be searched while they grow.
        return rows == (made.rows if made.rows is not None else fingerprint.get("count", rows))
    if made.room == "classes":
        return content_hash(found) == fingerprint.get("classifier")
    if made.room == "hierarchy":
        classes = ground.classes
        of_these = classes is None or fingerprint.get("classes") == dict(classes.manifest.fingerprint)
        return of_these and is_readable(found)
    if made.room == JOINT:
        of_words = words is None or fingerprint.get("words") == dict(words.manifest.fingerprint)
        return visual is not None and fingerprint.get("visual") == dict(visual.manifest.fingerprint) and of_words
    return joint is None or dict(joint.manifest.fingerprint["visual"]) == fingerprint


def index_differs(ground: Ground, collection: Collection) -> str | None:
    """Return what Milvus says of an index that is not the one in the manifest, None where it is."""
    standing, wanted = ground.store.indexes.standing(collection.name), IndexSpec.parse(collection.manifest.index)
    if standing is None:
        return "none that milvise knows"
    same = standing.kind == wanted.kind and all(
        wanted.build_params.get(name, value) == value for name, value in standing.params.items()
    )
    return None if same else str(standing)


def _check_alias(ground: Ground, alias: str, notes: Notes) -> None:
    if ground.unrecorded(alias):
        notes.problem(
            "no_entry",
            f"{ground.unrecorded(alias)[0]} stands, and neither the alias {alias} nor the catalog knows it. Record it again:"
            f" {mend(ground.gallery)}",
        )
    elif (found := lost_alias(ground, alias)) is not None:
        notes.problem(
            "no_alias",
            f"no alias {alias} points at {found.name}, which fits the rest. Point it there: {mend(ground.gallery)}",
        )


def _check_entry(ground: Ground, alias: str, name: str, notes: Notes) -> None:
    made = ground.entries.get(name)
    if name not in ground.entries:
        what, kind = f"which {CATALOG_NAME} has no entry for", "no_entry"
    elif made is None:
        what, kind = f"whose entry in {CATALOG_NAME} is no manifest", "manifest"
    elif made.alias != alias and made.collection == name:
        what, kind = f"which was made for {made.alias}", "alias"
    else:
        what, kind = f"whose manifest belongs to {made.collection}", "manifest"
    notes.problem(kind, f"{alias} points at {name}, {what}. Put it right: {mend(ground.gallery)}")


def _check_schema(ground: Ground, alias: str, collection: Collection, notes: Notes) -> bool:
    described = ground.store.describe(collection.name)
    found, wanted = width(described), collection.manifest.dim
    if not fits(described, collection.room):
        notes.problem(
            "schema", f"{alias}: its fields are not those of {collection.room.name}. Drop it and load it again."
        )
        return False
    if found != wanted:
        notes.problem("schema", f"{alias}: Milvus says that its vectors are {found} wide, and its manifest {wanted}.")
    if essence_of(described) is None:
        notes.remark(
            "unsigned",
            f"{alias} carries nothing from which a lost catalog could be made again. Have it carried: {mend(ground.gallery)}",
        )
    notes.looked_at("schemas", 1)
    return found == wanted


def _check_index(ground: Ground, alias: str, collection: Collection, notes: Notes) -> None:
    standing = index_differs(ground, collection)
    notes.looked_at("indexes", 1)
    if standing is not None:
        notes.problem(
            "index",
            f"{alias}: its index is {standing}, and searches expect {collection.manifest.index}. Build that one:"
            f" {mend(ground.gallery)}",
        )


def _check_models(ground: Ground, notes: Notes) -> None:
    visual, joint, words, classes = ground.visual, ground.joint, ground.words, ground.classes
    if visual is None:
        return
    made, gallery = dict(visual.manifest.fingerprint), ground.gallery
    if classes is not None and dict(classes.manifest.fingerprint["visual"]) != made:
        notes.problem(
            "models",
            "the classes that stand belong to another version of the backbone. To focus on them, load the gallery again:"
            f" milvise ingest images SOURCE --gallery {gallery}",
        )
    needs_words = vocabulary_alias(made) == WORDS_ALIAS
    if needs_words and words is None and ground.pointers[WORDS_ALIAS] is None and not _listed(notes, WORDS_ALIAS):
        notes.problem("no_words", "no words are loaded, so that the gallery cannot be searched by word. Load some:"
                      " milvise ingest words SOURCE")  # fmt: skip
    if joint is None:
        return
    project = f"milvise project --gallery {gallery} --head conse"
    if dict(joint.manifest.fingerprint["visual"]) != made:
        notes.problem(
            "models", f"the joint vectors were made from other visual vectors than those that stand: {project}"
        )
    if words is not None and dict(words.manifest.fingerprint) != dict(joint.manifest.fingerprint["words"]):
        notes.problem("models", f"the joint vectors were made with other words than those that stand: {project}")


def _listed(notes: Notes, alias: str) -> bool:
    return any(f" {alias}_" in found.text or f"alias {alias} " in found.text for found in notes.problems)


def _remark_leftovers(ground: Ground, notes: Notes) -> None:
    """Remark what stands and is not used, and what is recorded and does not stand."""
    gallery = ground.gallery
    pointed = set(ground.pointers.values())
    lost = " ".join(found.text for found in notes.problems)
    aliases = list(ground.pointers)
    aliases += [copies_alias(alias) for alias in aliases if gallery_of(alias)]
    for alias in aliases:
        names = [made.collection for made in ground.made_for(alias)] + ground.unrecorded(alias)
        for name in names:
            if name not in pointed and name not in lost:
                notes.remark(
                    "unpointed", f"{name} was kept, or left by a run that did not end: {_dropping(alias, gallery)}"
                )
    gone = [name for name in ground.entries if name not in ground.names and not ground.store.stands(name)]
    if gone:
        notes.remark(
            "orphan_entry",
            f"{CATALOG_NAME} has {many(len(gone), 'entry').replace('entrys', 'entries')} of collections that are gone, such"
            f" as {gone[0]}. Remove them: {mend(gallery)}",
        )
    notes.looked_at("catalog entries", len(ground.entries))


def _dropping(alias: str, gallery: str) -> str:
    if alias.startswith((visual_alias(gallery), joint_alias(gallery))):
        return f"milvise drop --kept --yes --gallery {gallery}"
    if alias == WORDS_ALIAS:
        return "milvise drop --words --kept --yes"
    return "the same command that began it takes it up again or replaces it"


def _remark_files(ground: Ground, notes: Notes) -> None:
    for collection, value in ((ground.joint, "head"), (ground.visual, "backbone"), (ground.visual, "weights")):
        path = "" if collection is None else str(collection.manifest.recipe.get(value) or "")
        file = path.partition(".keras")[0] + ".keras" if ".keras" in path else path if value == "weights" else ""
        if file and not Path(file).is_file():
            notes.remark(
                f"no_{value}_file",
                f"the {value} {file} is not on this machine: here, pictures that are not stored cannot be embedded with it.",
            )
