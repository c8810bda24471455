"""Searches by words in other processes answer as those in threads, outlive a lost process, and end with the service."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from milvise import errors
from milvise.adapter import Store
from milvise.cli.main import main
from milvise.operations.database import Database
from milvise.service.search_batch import Batch, Options, SearchThreads
from milvise.service.search_processes import Opening, SearchProcesses

ON_A_SERVER = pytest.mark.milvus("server", "compose")
"""One process alone can open Milvus Lite."""

PLAIN = Options(space=None, limit=3, filter="", fix=False, by="both")


def waited_for(is_so: Callable[[], bool], seconds: float = 60) -> bool:
    ends = time.monotonic() + seconds
    while not is_so() and time.monotonic() < ends:
        time.sleep(0.05)
    return is_so()


def started_by(processes: SearchProcesses) -> list[int]:
    return list(processes._pool._processes)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def served(store: Store, db: Database) -> Iterator[SearchProcesses]:
    processes = SearchProcesses(Opening(store.connection.uri, None, quiet=True), 1)
    assert waited_for(lambda: all(one.done() for one in processes._beginning))
    yield processes
    processes.close()


def asked(searcher: Any, db: Database, expressions: list[str], options: Options = PLAIN, name: str = "r") -> Batch:
    # In a thread of its own: a browser of other tests may have left a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(searcher.search(db.gallery(name), options, expressions))).result()


def told(batch: Batch) -> list[Any]:
    return [
        (one.read, [(hit.id, hit.label, round(hit.similarity, 6)) for hit in one.hits], str(one.error or ""))
        for one in batch.answers
    ]


@ON_A_SERVER
def test_other_processes_find_the_same(served: SearchProcesses, db: Database) -> None:
    words = ["cat", "dog", "cat, without dog", "nosuchword"]
    here, there = asked(SearchThreads(), db, words), asked(served, db, words)
    assert there.error is None
    assert told(there) == told(here)
    assert told(there)[0][1] and not told(there)[3][1]
    assert isinstance(there.answers[3].error, errors.UnknownWordError)
    assert there.stages.keys() == here.stages.keys()


@ON_A_SERVER
def test_what_is_wrong_with_a_search_is_said_as_if_it_were_made_here(served: SearchProcesses, db: Database) -> None:
    wrong = asked(served, db, ["cat"], replace(PLAIN, filter="label =="))
    assert isinstance(wrong.error, errors.FilterError)
    assert isinstance(asked(served, db, ["cat"], name="nosuch").error, errors.NotFoundError)


@ON_A_SERVER
def test_a_lost_process_costs_no_answer_and_is_replaced(
    served: SearchProcesses, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.service.search_processes.RESTART_S", 0.0)
    (lost,) = started_by(served)
    os.kill(lost, signal.SIGKILL)
    for _ in range(20):
        assert told(asked(served, db, ["cat"]))[0][1]
    assert waited_for(lambda: all(one.done() for one in served._beginning))
    assert lost not in started_by(served)
    assert told(asked(served, db, ["cat"]))[0][1]


@ON_A_SERVER
def test_they_end_when_nothing_is_to_be_made_any_more(store: Store) -> None:
    processes = SearchProcesses(Opening(store.connection.uri, None), 1)
    assert waited_for(lambda: all(one.done() for one in processes._beginning))
    (pid,) = started_by(processes)
    processes.close()
    assert not is_running(pid)


@ON_A_SERVER
def test_a_service_that_cannot_start_leaves_no_process(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = multiprocessing.active_children()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as end:
        port = str(taken.getsockname()[1])
        main(["--uri", store.connection.uri, "serve", "--search-processes", "1", "--port", port])
    assert (end.value.code, multiprocessing.active_children()) == (2, before)
    assert "cannot listen there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownWordError("dgo", ("dog",), place="the words"),
        errors.MissingEncoderError("clip", ["devise"]),
        errors.UnavailableError("no answer"),
    ],
)
def test_errors_go_from_one_process_to_another_as_they_are(error: errors.MilviseError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))
