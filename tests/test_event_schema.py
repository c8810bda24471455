"""The JSON Schema of events says of a document what the reader of events says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from milvise.ingest.follow.event import KINDS, MOST_BYTES, EventError, PictureEvent, read_event

DOCS = Path(__file__).parents[1] / "docs"
SCHEMA = json.loads((DOCS / "picture-event.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/camera",
    "type": "picture.created",
    "subject": "beach/1.jpg",
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in EVENT.items() if key != name}


GOOD: list[Any] = [
    EVENT,
    *({**EVENT, "type": kind} for kind in KINDS),
    *SCHEMA["examples"],
    {**EVENT, "subject": "Été à la mer/ö 1.JPG"},
    {**EVENT, "time": None},
    {**EVENT, "time": "2026-05-01T12:00:00Z"},
    {**EVENT, "time": "2026-05-01T12:00:00.123456789Z"},
    {**EVENT, "time": "2026-05-01T12:00:00-07:30"},
    {**EVENT, "time": "1969-12-31T23:59:59+00:00"},
    {**EVENT, "data": None},
    {**EVENT, "data": {}},
    {**EVENT, "data": {"label": "dog", "owner": "ann", "likes": 3, "tags": ["a", "b"], "place": {"lat": 52.5}}},
    {**EVENT, "data": {"label": None}},
    {**EVENT, "data": {"label": 7}},
    {**EVENT, "datacontenttype": "application/json", "dataschema": "https://pictures.example/1", "camera": "7"},
]
BAD: list[Any] = [
    [],
    [EVENT],
    "picture.created",
    7,
    None,
    {},
    *(without(name) for name in EVENT),
    *({**EVENT, name: None} for name in EVENT),
    *({**EVENT, name: ""} for name in EVENT),
    *({**EVENT, name: 1} for name in EVENT),
    {**EVENT, "specversion": "0.3"},
    {**EVENT, "specversion": 1.0},
    {**EVENT, "type": "picture.renamed"},
    {**EVENT, "type": "Picture.Created"},
    {**EVENT, "subject": ["beach/1.jpg"]},
    {**EVENT, "time": ""},
    {**EVENT, "time": 1_777_636_800},
    {**EVENT, "time": "yesterday"},
    {**EVENT, "time": "2026-05-01"},
    {**EVENT, "time": "2026-05-01T12:00:00"},
    {**EVENT, "time": "2026-13-01T12:00:00Z"},
    {**EVENT, "time": "2026-05-01T12:60:00Z"},
    {**EVENT, "time": "2026-05-01T12:00:60Z"},
    {**EVENT, "time": "2026-05-01T12:00:00+24:00"},
    {**EVENT, "time": "0000-05-01T12:00:00Z"},
    {**EVENT, "data": []},
    {**EVENT, "data": "beach"},
    {**EVENT, "data": 3},
]


def reads(document: Any) -> bool:
    try:
        return isinstance(read_event(json.dumps(document).encode()), PictureEvent)
    except EventError:
        return False


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("document", GOOD, ids=json.dumps)
def test_a_good_event_is_one_for_the_schema_and_for_the_reader(document: Any) -> None:
    assert list(VALIDATOR.iter_errors(document)) == []
    assert reads(document)


@pytest.mark.parametrize("document", BAD, ids=json.dumps)
def test_a_bad_event_is_none_for_the_schema_nor_for_the_reader(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)
    assert not reads(document)


def test_the_schema_says_the_limits_that_it_cannot_check() -> None:
    assert f"{MOST_BYTES:,}" in SCHEMA["description"]
    nested: Any = 1
    for _ in range(32):
        nested = [nested]
    assert reads({**EVENT, "data": {"deep": nested}})
    assert not reads({**EVENT, "data": {"deep": [nested]}})


def test_the_events_of_the_page_are_good() -> None:
    page = (DOCS / "following.md").read_text("utf-8")
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    typed = [json.loads(text) for text in re.findall(r"'(\{\"specversion\".*?\})'", page)]
    assert shown
    assert typed
    for document in [*shown, *typed]:
        assert list(VALIDATOR.iter_errors(document)) == []
        assert reads(document)
