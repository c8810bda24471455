"""The metadata column by which a gallery is put into partitions: it is said when the gallery is made, and stays."""

from __future__ import annotations

from milvise.adapter import Store
from milvise.adapter.catalog import essence_of
from milvise.errors import UsageError
from milvise.gallery.names import visual_alias


def partition_for(store: Store, gallery: str, asked: str | None) -> str:
    """Return the partition column of a gallery, or of the one that is to be made; empty for none.

    Parameters
    ----------
    asked : str, optional
        The column that the user says; by default the gallery's.

    Raises
    ------
    UsageError
        If the gallery is there and has another one, or none.
    """
    name = store.points_at(visual_alias(gallery))
    if name is None:
        return asked or ""
    made = store.catalog.manifest_of(name) or essence_of(store.describe(name))
    stands = "" if made is None else made.partition
    if asked is None or asked == stands:
        return stands
    expected = f"--partition {stands}, or none" if stands else "no --partition: it was made without one"
    raise UsageError(
        f"the gallery {gallery!r} is there, and what a gallery is partitioned by is fixed when it is made.\nExpected: {expected}\nReceived: --partition"
        f" {asked}\nLoad the pictures into another gallery: --gallery NAME --partition {asked}"
    )
