"""Start here: whether a gallery, and everything that it stands on, is whole.

    aliases -> catalog -> schemas and indexes -> words -> classes and their hierarchy -> pictures in both collections -> joint vectors

Rows are read as streams, a thousand at a time. The kinds of findings:

``no_entry``, ``manifest``, ``alias``, ``no_alias``
    The catalog and the aliases do not say what stands (`verification.pointers`).
``schema``, ``index``
    Milvus describes a collection otherwise than its manifest does.
``models``, ``no_words``
    Vectors that were made by different models, or no words.
``word_count``, ``word_rank``, ``word_vector``, ``classes``, ``hierarchy``
    Words, classes or their hierarchy are not what was loaded.
``vector``, ``duplicate``, ``missing``, ``stray``, ``version``, ``label``, ``joint_vector``, ``visual_vector``
    Rows (`verification.rows`, `verification.files`).
``unpointed``, ``orphan_entry``, ``unsigned``, ``no_head_file``, ``no_backbone_file``, ``no_weights_file``, ``no_gallery``, ``changing``
    Remarks, which do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from milvise.adapter import Store
from milvise.gallery.missing import galleries, missing_gallery
from milvise.gallery.names import joint_alias, visual_alias
from milvise.gallery.verification.classes import check_classes
from milvise.gallery.verification.files import wrong_pictures
from milvise.gallery.verification.ground import Ground, survey
from milvise.gallery.verification.hierarchy import check_hierarchy
from milvise.gallery.verification.pointers import check_pointers
from milvise.gallery.verification.record import Notes, Verification
from milvise.gallery.verification.rows import check_pictures, usable_head
from milvise.gallery.verification.seen import stored_beside
from milvise.gallery.verification.words import check_words


def verify(
    store: Store,
    gallery: str,
    *,
    required: bool = True,
    pictures: int = 0,
    repair: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Verification:
    """Return whether a gallery is whole, with what it stands on: words, classes, aliases, catalog.

    It costs some 30 calls to Milvus, one more for each thousand words and two for each thousand pictures. While others write
    to the gallery it may find what is only half written.

    Parameters
    ----------
    required : bool
        Whether a gallery that is not there is an error; else words and catalog are verified alone.
    pictures : int
        How many stored vectors are compared with what the backbone makes of the picture files, where those are still there.
    repair : bool
        Whether what is not whole is first made again from the rest.
    say : callable
        Told what the repair did, as it happens.

    Raises
    ------
    NotFoundError
        If there is no such gallery, and it is required.
    DeniedError
        If something is to be repaired and this user may not write.
    """
    done: list[str] = []
    if repair:
        from milvise.gallery.verification import repair as repairs

        done = repairs.repair(store, gallery, pictures=pictures, say=say)
    ground, notes = survey(store, gallery), Notes()
    if not _is_there(ground):
        if required:
            raise missing_gallery(store, gallery)
        others = ", ".join(galleries(store, like=gallery)[:20])
        notes.remark("no_gallery", f"there is no gallery {gallery!r}, and words and catalog were verified alone."
                     + (f" Galleries here: {others}" if others else ""))  # fmt: skip
    check_pointers(ground, notes)
    _check_rows(ground, pictures, notes)
    made = Verification(gallery, tuple(notes.problems), tuple(notes.remarks), notes.checked, tuple(notes.not_checked))
    return replace(made, repaired=tuple(done))


def _is_there(ground: Ground) -> bool:
    """Return whether anything of the gallery stands, be it pointed at or not."""
    aliases = (visual_alias(ground.gallery), joint_alias(ground.gallery))
    return any(ground.pointers[alias] or ground.made_for(alias) or ground.unrecorded(alias) for alias in aliases)


def _check_rows(ground: Ground, pictures: int, notes: Notes) -> None:
    words, classes, visual, joint = ground.words, ground.classes, ground.visual, ground.joint
    # A server gives out no row of a collection without an index.
    unread = {alias for alias, found in ground.live.items() if not ground.store.indexes.names(found.name)}
    unfit = unread | {found.text.split(":")[0] for found in notes.problems if found.kind == "schema"}
    notes.not_checked += [f"the rows of {alias}, which has no index" for alias in sorted(unread)]
    sound = True
    if words is not None and words.manifest.alias not in unfit:
        sound = check_words(words, notes)
    if classes is not None and classes.manifest.alias not in unfit:
        sound = check_classes(classes, ground.gallery, notes) and sound
    hierarchy = ground.hierarchy
    if hierarchy is not None and hierarchy.manifest.alias not in unfit:
        check_hierarchy(hierarchy, classes, ground.gallery, notes)
    if visual is None or unfit:
        return
    head, why = usable_head(ground, sound=sound)
    if joint is not None and head is None:
        notes.not_checked.append(f"joint vectors against the head that made them: {why}")
    check_pictures(visual, joint, head, stored_beside(ground, sound=sound), ground.gallery, notes)
    wrong_pictures(visual, pictures, ground.gallery, notes)
