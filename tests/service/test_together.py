"""Searches that come at the same time are made together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from milvise.core.records import Hit
from milvise.core.stages import Stage, stage, watched
from milvise.errors import FilterError, UnknownWordError
from milvise.operations.gallery import Gallery
from milvise.queries.search import Searched
from milvise.service.search_batch import Options, SearchThreads
from milvise.service.together import MOST_AT_ONCE, Together

PLAIN = Options(space=None, limit=3, filter="", fix=False, by="both")


class Waiting:
    """A gallery that answers when it is let, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.may_answer = threading.Event()

    def search_each(self, expressions: list[str], **options: Any) -> list[Searched]:
        self.asked.append(expressions)
        self.may_answer.wait(10)
        if options["filter"]:
            raise FilterError("not understood")
        with stage("milvus"):
            pass
        return [self._searched(one) for one in expressions]

    def _searched(self, words: str) -> Searched:
        if words == "dgo":
            return Searched(None, [], UnknownWordError(words, ("dog",), place="the words"))
        return Searched(None, [Hit(words, words, "", 0.5, 1.0, confidence=0.25)])


class Watched:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def stage(self, name: Stage, seconds: float) -> None:
        self.told.append(name)

    def confidence(self, best: float) -> None:
        self.told.append(best)

    def request(self, kind: str, *, hits: int | None, error: str) -> None:
        self.told.append((kind, hits, error))


async def all_of(together: Together, gallery: Waiting, words: list[str], options: Options = PLAIN) -> list[Any]:
    return await asyncio.gather(
        *(together.search(cast("Gallery", gallery), one, options) for one in words), return_exceptions=True
    )


def run(gallery: Waiting, request: Callable[[Together], Any]) -> Any:
    async def ran() -> Any:
        threading.Timer(0.2, gallery.may_answer.set).start()
        return await request(Together())

    # In a thread of its own: a browser of other tests may have left a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ran())).result()


def ids(answers: list[Any]) -> list[str]:
    return [one.hits[0].id if isinstance(one, Searched) else type(one).__name__ for one in answers]


def test_those_that_come_while_others_run_are_made_together() -> None:
    gallery, words = Waiting(), [f"w{number}" for number in range(SearchThreads.at_once + 2 * MOST_AT_ONCE)]
    assert ids(run(gallery, lambda together: all_of(together, gallery, words))) == words
    assert sorted(map(len, gallery.asked)) == [1] * SearchThreads.at_once + [MOST_AT_ONCE] * 2


def test_one_that_cannot_be_answered_harms_no_other() -> None:
    gallery = Waiting()
    answers = run(gallery, lambda together: all_of(together, gallery, ["a", "b", "cat", "dgo", "dog"]))
    assert ids(answers) == ["a", "b", "cat", "UnknownWordError", "dog"]


def test_what_differs_is_not_made_together() -> None:
    gallery = Waiting()

    async def both(together: Together) -> list[Any]:
        wrong = Options(space=None, limit=3, filter="x", fix=False, by="both")
        good, bad = await asyncio.gather(
            all_of(together, gallery, ["a"] * 4), all_of(together, gallery, ["b"] * 4, wrong)
        )
        return [*good, *bad]

    assert ids(run(gallery, both)) == ["a"] * 4 + ["FilterError"] * 4
    assert all(len(set(batch)) == 1 for batch in gallery.asked)


def test_who_goes_away_is_not_waited_for() -> None:
    gallery = Waiting()

    async def leaving(together: Together) -> list[Any]:
        gone = asyncio.create_task(together.search(cast("Gallery", gallery), "gone", PLAIN))
        rest = asyncio.create_task(all_of(together, gallery, ["a", "b", "c"]))
        await asyncio.sleep(0.05)
        gone.cancel()
        return await rest

    assert ids(run(gallery, leaving)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "ended"), [("cat", ("search", 1, "")), ("dgo", ("search", None, "UnknownWordError"))]
)
def test_each_is_measured_as_if_it_were_alone(words: str, ended: tuple[str, int | None, str]) -> None:
    gallery, watcher = Waiting(), Watched()

    async def one(together: Together) -> Any:
        with watched(watcher):
            mine = asyncio.create_task(together.search(cast("Gallery", gallery), words, PLAIN))
        return await asyncio.gather(mine, all_of(together, gallery, ["a", "b"]), return_exceptions=True)

    run(gallery, one)
    assert watcher.told == ["milvus", *([0.25] if words == "cat" else []), ended]
