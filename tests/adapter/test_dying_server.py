"""A server that hangs or dies under a request is reported within 30 s."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from milvus_server import Server

from milvise.adapter import Manifest, Store, connect
from milvise.errors import UnavailableError

ROWS = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)


def test_a_server_that_hangs_or_dies_is_reported_within_half_a_minute(
    own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(connect(own_server.uri))
    collection = store.build(Manifest("w", "words", 8, {"made": "here"}))
    collection.upsert({"word": str(rank), "rank": rank, "vector": vector} for rank, vector in enumerate(ROWS))
    collection.settle()
    requests: dict[str, Callable[[], object]] = {
        "search": lambda: collection.search(ROWS[:1], limit=3, fields=["word"]),
        "settle": collection.settle,
        "scan": lambda: list(collection.scan(["word", "vector"])),
    }
    with ThreadPoolExecutor() as pool:
        ends = {what: pool.submit(seconds_until_unavailable, request, own_server) for what, request in requests.items()}
        time.sleep(1)
        own_server.pause()
        waited = {what: end.result() for what, end in ends.items()}
    assert max(waited.values()) < 30, waited
    patient = store.patient()
    own_server.kill()
    assert seconds_until_unavailable(requests["search"], own_server) < 30
    own_server.start_again()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "milvise"):
        started = time.monotonic()
        assert patient.open(collection.manifest).settle() == len(ROWS)
    assert time.monotonic() - started < 120
    assert all("trying again for up to 120 s" in record.getMessage() for record in caplog.records)


def seconds_until_unavailable(request: Callable[[], object], server: Server) -> float:
    """Make a request again and again until it fails; return how long the last one took."""
    while True:
        started = time.monotonic()
        try:
            request()
        except UnavailableError as error:
            assert f"no answer from Milvus at {server.uri}" in str(error)
            return time.monotonic() - started
