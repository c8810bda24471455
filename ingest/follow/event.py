"""What a stream says of a picture: a CloudEvents document (version 1.0, structured JSON), read with care because strangers write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from milvise.core.json_data import parse_json
from milvise.ingest.sources.label_and_meta import label_and_meta

CREATED, UPDATED, DELETED = KINDS = ("picture.created", "picture.updated", "picture.deleted")

MOST_BYTES = 2**20
"""Of one event."""


class EventError(ValueError):
    """An event cannot be read; the message is the reason."""


@dataclass(frozen=True, slots=True)
class PictureEvent:
    """One picture was created, changed or deleted.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    uri : str
        The event's ``subject``: the picture, relative to the root.
    time : float
        When it happened, in seconds since 1970; 0 where the event does not say.
    said : tuple of (str, dict), optional
        The picture's label and metadata, from ``data``; None where the event says nothing of them.
    """

    kind: str
    uri: str
    time: float = 0.0
    said: tuple[str, dict[str, Any]] | None = None


def read_event(body: bytes) -> PictureEvent:
    """Read one document.

    Raises
    ------
    EventError
        If it is none.
    """
    if len(body) > MOST_BYTES:
        raise EventError(f"the event has {len(body):,} bytes, and at most {MOST_BYTES:,} are read")
    try:
        values = parse_json(body)
    except ValueError as error:
        raise EventError(f"the event is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise EventError("the event is no JSON object")
    if values.get("specversion") != "1.0":
        raise EventError(f"specversion is not '1.0': {_shown(values.get('specversion'))}")
    for name in ("id", "source", "type", "subject"):
        if not isinstance(values.get(name), str) or not values[name]:
            raise EventError(f"{name} is not a text: {_shown(values.get(name))}")
    if values["type"] not in KINDS:
        raise EventError(f"type is not one of {', '.join(KINDS)}: {_shown(values['type'])}")
    return PictureEvent(values["type"], values["subject"], _time(values.get("time")), _said(values))


def _time(value: Any) -> float:
    if value is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo is None:
            raise ValueError("it names no time zone")
        return moment.timestamp()
    except (AttributeError, ValueError, OverflowError) as error:
        raise EventError(f"time is not one of RFC 3339, such as 2026-05-01T12:00:00Z: {_shown(value)}") from error


def _said(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    data = values.get("data")
    if data is None:
        return None
    if not isinstance(data, dict):
        raise EventError(f"data is no object of metadata: {_shown(data)}")
    try:
        return label_and_meta(data)
    except ValueError as error:
        raise EventError(str(error)) from error


def _shown(value: Any) -> str:
    return repr(value)[:100]
