"""One event in the log for each request and each ingest: structured, at level INFO, under the logger ``milvise``.

An event says what was asked for and how long it took. It holds no words, filters, pictures, paths, addresses or tokens: these
are the people's who ask, and a log is read by others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from milvise.core.stages import watcher

logger = logging.getLogger("milvise")


@contextmanager
def request_logged(
    kind: str, *, gallery: str | None = None, space: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Log one request when the block ends, with an error or without.

    Parameters
    ----------
    kind : str
        The method that was called, such as ``search``.
    gallery : str, optional
        None for requests among words.
    space : str, optional
        As it was asked for.
    limit : int, optional
        As it was asked for.

    Yields
    ------
    dict
        For what the block finds out: ``hits``, how many results there are.
    """
    found: dict[str, Any] = {"hits": None}
    started, error = time.perf_counter(), [""]
    try:
        with _noting(error):
            yield found
    finally:
        took_ms = round(1000 * (time.perf_counter() - started), 2)
        fields = {"kind": kind, "gallery": gallery, "space": space, "limit": limit, "took_ms": took_ms, **found}
        if (watching := watcher()) is not None:
            watching.request(kind, hits=found["hits"], error=error[0])
        answered = error[0] or ("answered" if found["hits"] is None else f"{found['hits']} hits")
        _log("request", f"{kind}{f' in {gallery}' if gallery else ''}: {answered} in {took_ms} ms", fields, error[0])


@contextmanager
def ingest_logged(kind: str, *, gallery: str | None = None) -> Iterator[dict[str, Any]]:
    """Log one ingest when the block ends, with an error or without.

    Parameters
    ----------
    kind : {"images", "words"}
    gallery : str, optional
        None for words.

    Yields
    ------
    dict
        For the counts.
    """
    counts: dict[str, Any] = {}
    started, error = time.perf_counter(), [""]
    try:
        with _noting(error):
            yield counts
    finally:
        seconds = round(time.perf_counter() - started, 3)
        told = error[0] or ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        fields = {"kind": kind, "gallery": gallery, "counts": dict(counts), "seconds": seconds}
        _log(
            "ingest",
            f"ingest of {kind}{f' into {gallery}' if gallery else ''}: {told} in {seconds} s",
            fields,
            error[0],
        )


@contextmanager
def _noting(error: list[str]) -> Iterator[None]:
    """Put the name of the class of an error into a list; that a generator is left early is none."""
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as raised:
        error[0] = type(raised).__name__
        raise


def _log(event: str, text: str, fields: Mapping[str, Any], error: str) -> None:
    logger.info("%s", text, extra={"event": event, **fields, "error": error or None})
