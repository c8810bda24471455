"""Stored pictures that are in none of the sources any more."""

from __future__ import annotations

from milvise.core.chunks import chunks
from milvise.gallery.pair import Pair
from milvise.ingest.changes.loaded_files import LoadedFiles
from milvise.ingest.changes.seen_ids import SeenIds

_ROWS = 1_000


def prune(pair: Pair, seen: SeenIds, loaded: LoadedFiles, *, writing: bool) -> tuple[int, int]:
    """Remove the stored pictures that a run has not met; what may be there and cannot be seen is kept.

    Parameters
    ----------
    writing : bool
        Whether they are removed, which a dry run only counts.

    Returns
    -------
    removed, kept : int
        How many are gone, and how many are in none of the sources as far as these can be seen, and were kept.
    """
    removed = kept = 0
    for rows in chunks(pair.visual.scan(["id", "uri"]), _ROWS):
        missing = [row for row in rows if not seen.has(row["id"])]
        gone = [row["id"] for row in missing if not seen.skipped.hides(row["uri"])]
        removed += len(gone)
        kept += len(missing) - len(gone)
        if gone and writing:
            pair.delete(gone)
            loaded.forget(gone)
    return removed, kept
