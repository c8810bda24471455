"""What to say of a gallery that is not there: the galleries that are."""

from __future__ import annotations

import difflib

from milvise.adapter.store import Store
from milvise.core.spaces import VISUAL
from milvise.errors import NotFoundError, StoreError
from milvise.gallery.names import gallery_of, visual_alias

MOST_NAMES = 20


def missing_gallery(store: Store, name: str) -> NotFoundError:
    """Return the error that a gallery is not there, which names those that are: 20 at most, the closest spelling first.

    It asks Milvus, and is called only where a gallery is missing.
    """
    load = f"milvise ingest images FOLDER --gallery {name}"
    try:
        names = galleries(store, like=name)
    except StoreError:
        # Perhaps this user may not read the catalog, which is another matter.
        return NotFoundError(f"there is no gallery {name!r}. Load one: {load}")
    if not names:
        return NotFoundError(f"there is no gallery {name!r}. No gallery is loaded here yet. Load one: {load}")
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more (milvise status)" if len(names) > MOST_NAMES else ""
    return NotFoundError(f"there is no gallery {name!r}. Galleries here: {shown}{more}. Load another: {load}")


def galleries(store: Store, *, like: str = "") -> list[str]:
    """Return the names of the galleries in the catalog, in the order of their spelling's closeness to `like`.

    Those that are shown are asked for, so that none is named whose collections were dropped behind the catalog's back.
    """
    recorded = {gallery_of(one.alias) for one in store.catalog.entries().values() if one and one.room == VISUAL}
    ordered = sorted(recorded, key=lambda known: (-_closeness(known, like), known))
    first = [known for known in ordered[:MOST_NAMES] if store.points_at(visual_alias(known)) is not None]
    return first + ordered[MOST_NAMES:]


def _closeness(name: str, like: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), like.lower()).ratio() if like else 0.0
