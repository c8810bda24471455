"""Rows on their way into Milvus."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from milvise.adapter.rows import MESSAGE_BYTES, MESSAGE_ROWS, messages, row_problem
from milvise.adapter.schema import VISUAL, WORDS


def words(count: int, dim: int) -> list[dict[str, Any]]:
    return [{"word": str(rank), "rank": rank, "vector": np.ones(dim, np.float32)} for rank in range(count)]


@pytest.mark.parametrize("dim", [2, 1280, 4096, 16_384])
def test_messages_stay_under_the_limit_and_lose_nothing(dim: int) -> None:
    rows = words(6_000 if dim < 4096 else 2_000, dim)
    batches = list(messages(rows, room=WORDS, dim=dim))
    assert [row["word"] for batch in batches for row in batch] == [row["word"] for row in rows]
    for batch in batches:
        assert len(batch) <= MESSAGE_ROWS
        assert sum(row["vector"].nbytes for row in batch) <= MESSAGE_BYTES


def test_long_strings_count_too() -> None:
    row = dict.fromkeys(VISUAL.fields, "") | {"vector": np.ones(2, np.float32), "meta": {"text": "x" * 60_000}}
    assert len(list(messages([row] * 1_000, room=VISUAL, dim=2))) > 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"label": "x" * 2_000}, "label is 2000 bytes"),
        ({"label": "é" * 600}, "label is 1200 bytes"),
        ({"uri": "caf\udce9.jpg"}, "not valid UTF-8"),
        ({"label": "a\0b"}, "NUL"),
        ({"meta": {"text": "x" * 70_000}}, "metadata is longer"),
        ({}, None),
    ],
)
def test_what_cannot_be_stored_is_said_before_it_is_sent(change: dict[str, Any], problem: str | None) -> None:
    row = {"id": "0", "uri": "a.jpg", "label": "", "sha256": "", "width": 1, "height": 1, "meta": {}} | change
    found = row_problem(row, VISUAL)
    assert found == problem if problem is None else problem in str(found)
