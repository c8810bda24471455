"""Everything that the sources list, once, cut into shards of a fixed size: what a worker then reads is the same each time."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.core.chunks import chunks
from milvise.core.records import record_id
from milvise.errors import InputError, MissingExtraError
from milvise.ingest.changes.seen_ids import SeenIds
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.rows import scalars
from milvise.ingest.shards.folder import ShardFolder
from milvise.ingest.sources import Source
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.places import content_at, place_of
from milvise.ingest.sources.source import skipped_by

_GROUP = 5_000
_COLUMNS = ("uri", "place", "label", "meta")


@dataclass(frozen=True, slots=True)
class Listed:
    """What was listed.

    Attributes
    ----------
    shards, pictures, rejected : int
        How many there are.
    passed_over : str
        What the sources passed over, in words.
    """

    shards: int
    pictures: int
    rejected: int
    seconds: float
    passed_over: str = ""


def require_pyarrow(what: str) -> None:
    """Check that Parquet can be read and written.

    Raises
    ------
    MissingExtraError
        If not.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError(what, "ingest") from None


def write_listing(
    sources: Sequence[Source], folder: ShardFolder, *, shard_rows: int, progress: Callable[[int], None] = lambda n: None
) -> Listed:
    """List the pictures of the sources into the folder; memory does not grow with their number.

    Parameters
    ----------
    shard_rows : int
        Pictures of each shard.
    progress : callable
        Told how many were listed.

    Raises
    ------
    InputError
        If no picture is listed, or the disk does not take the files.
    """
    require_pyarrow("listing pictures")
    started = time.monotonic()
    final = folder.rejected.parent
    part = final.with_name("list.part")
    shutil.rmtree(part, ignore_errors=True)
    quarantine = Quarantine(part / folder.rejected.name)
    pictures = shards = 0
    try:
        part.mkdir(parents=True)
        with closing(SeenIds()) as seen:
            rows = _usable(sources, seen, quarantine)
            while written := _write(islice(rows, shard_rows), part / folder.listing(shards).name):
                shards += 1
                pictures += written
                progress(pictures)
        quarantine.close()
        if not pictures:
            raise InputError(
                f"none of the {quarantine.count:,} entries of the sources can be used. Nothing was listed."
            )
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
    except OSError as error:
        raise InputError(f"the pictures cannot be listed in {part}: {error.strerror or error}") from error
    finally:
        quarantine.close()
        shutil.rmtree(part, ignore_errors=True)
    return Listed(shards, pictures, quarantine.count, time.monotonic() - started, skipped_by(sources).message())


def read_listing(folder: ShardFolder, number: int) -> Iterator[Item]:
    """Yield the pictures of a shard, in the order in which they were listed.

    Raises
    ------
    InputError
        If the list cannot be read.
    """
    from pyarrow import ArrowException, parquet

    path = folder.listing(number)
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_GROUP, columns=list(_COLUMNS)):
                for row in batch.to_pylist():
                    yield Item(row["uri"], content_at(row["place"]), row["label"], json.loads(row["meta"]))
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}. List the pictures again.") from error


def _usable(sources: Iterable[Source], seen: SeenIds, quarantine: Quarantine) -> Iterator[dict[str, str]]:
    """Yield each entry as a row of the list; what cannot be used is reported."""
    for source in sources:
        for entry in source:
            found = _row(entry, seen)
            if isinstance(found, Rejected):
                quarantine.add(found.uri, found.reason)
            else:
                yield found


def _row(entry: Item | Rejected, seen: SeenIds) -> dict[str, str] | Rejected:
    if isinstance(entry, Rejected):
        return entry
    problem = row_problem(scalars(entry, "", None), VISUAL)
    if problem is not None:
        return Rejected(entry.uri, problem)
    if not seen.add(record_id(entry.uri)):
        return Rejected(entry.uri, "another picture of the sources has the same source-relative URI")
    place = _place(entry)
    if place is None:
        return Rejected(entry.uri, "its source cannot say where it is so that another process finds it")
    meta = json.dumps(dict(entry.meta), ensure_ascii=False, sort_keys=True)
    return {"uri": entry.uri, "place": place, "label": entry.label, "meta": meta}


def _place(item: Item) -> str | None:
    """Return where another process finds the content, None if it cannot."""
    place = place_of(item.content)
    try:
        content_at(place)
        place.encode()
    except (InputError, UnicodeEncodeError):
        return None
    return place


def _write(entries: Iterator[dict[str, str]], path: Path) -> int:
    """Write the list of a shard, and return how many pictures it has; without any there is no file."""
    import pyarrow
    from pyarrow import parquet

    schema: Any = pyarrow.schema([(name, pyarrow.string()) for name in _COLUMNS])
    written = 0
    with ExitStack() as opened:
        writer = None
        for group in chunks(entries, _GROUP):
            writer = writer or opened.enter_context(parquet.ParquetWriter(path, schema))
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
            written += len(group)
    return written
