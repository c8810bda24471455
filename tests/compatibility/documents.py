"""What the JSON documents of two versions are compared by: their schema, and their values where these do not depend on the hour.

Left out of a comparison are how long something took, how fast it was, and when it was made: the keys of `_TIMES`, and the
figures of an evaluation that `_TIMED` names. Folders are written as ``{inputs}`` and ``{here}``. All else is compared as it is: the
names of collections end in a hash of what they were made with, and ids are a hash of a picture's URI.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TIMES = {"took_ms", "seconds", "images_per_second", "made"}
_TIMED = re.compile(r"index\..*\.(qps_\d+|p\d+_ms)")
_ALIKE = 6
"""From so many properties on, those of one schema are written once."""

TOLERANCE = 1e-6
LOADED_TOLERANCE = 1e-4
"""For pictures that each version loads itself: it is chosen, and wider.

A probability is stored in steps of 1/65,535 (`milvise.embeddings.devise.top_classes`). One that lies halfway between two steps is rounded up by
one version and down by another whose sums have another order. A score has logarithms of such probabilities in it.
"""


def settled(value: Any, folders: Mapping[str, str] | None = None, key: str = "") -> Any:
    """Return a document without what differs from run to run; the types of everything are kept.

    Parameters
    ----------
    folders : mapping of str to str, optional
        Paths, and what is written in their place.
    """
    if isinstance(value, dict):
        return {name: settled(one, folders, f"{key}/{name}") for name, one in value.items()}
    if isinstance(value, list):
        return [settled(one, folders, key) for one in value]
    timed = _TIMES & set(key.split("/")) or (_TIMED.search(key) and key.endswith("/value"))
    if isinstance(value, str):
        for path, name in (folders or {}).items():
            value = value.replace(path, name)
        return "" if timed else value
    return type(value)(0) if timed and value is not None else value


def differences(before: Any, now: Any, tolerance: float = TOLERANCE, at: str = "") -> Iterator[str]:
    """Yield where two settled documents differ: keys, order, texts, and numbers by more than `tolerance`."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in before | now:
            if key in before and key in now:
                yield from differences(before[key], now[key], tolerance, f"{at}/{key}")
            else:
                yield f"{at}/{key}: {'new' if key in now else 'gone'}"
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for place, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, tolerance, f"{at}/{place}")
    elif _is_number(before) and _is_number(now):
        # A distance is sqrt(2 - 2 * similarity), which turns 1e-6 into 1.4e-3 where the similarity is 1.
        allowed = 2 * math.sqrt(tolerance) if at.endswith("/distance") else tolerance
        if not math.isclose(before, now, rel_tol=0, abs_tol=allowed):
            yield f"{at}: {before} is {now}"
    elif before != now:
        yield f"{at}: {str(before)[:80]!r} is {str(now)[:80]!r}"


def hits_of(value: Any) -> Iterator[tuple[str, float]]:
    """Yield all that a document says to be similar, in order: an id, word or name, and its similarity."""
    if isinstance(value, dict):
        if "similarity" in value and (name := value.get("id") or value.get("word") or value.get("name")):
            yield name, value["similarity"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from hits_of(one)


def shortened(value: Any) -> Any:
    """Return an example of a document: of long lists and of many alike entries only the first."""
    if isinstance(value, dict):
        few = list(value.items())[: 2 if _is_table(value) else None]
        return {name: shortened(one) for name, one in few}
    return [shortened(one) for one in value[:2]] if isinstance(value, list) else value


def _is_table(value: dict[str, Any]) -> bool:
    return "propertyNames" in schema_of(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def schema_of(value: Any) -> dict[str, Any]:
    """Return the JSON Schema of a document: all keys, nesting and types, and no key beside them.

    The entries of a list have one schema, in which a key is required that all of them have.
    """
    if isinstance(value, dict):
        properties = {name: schema_of(one) for name, one in value.items()}
        made = {"type": "object", "required": sorted(value)}
        kinds = list(properties.values())
        if len(kinds) >= _ALIKE and (shared := _merged(kinds)).get("type") == "object":
            return made | {"propertyNames": {"enum": sorted(value)}, "additionalProperties": shared}
        return made | {"properties": properties, "additionalProperties": False}
    if isinstance(value, list):
        return {"type": "array", "items": _merged([schema_of(one) for one in value])} if value else {"type": "array"}
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return {"type": names[type(value)]}


def _merged(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one schema that the values of all of them have."""
    kinds = sorted({kind for one in schemas for kind in _types(one)})
    if kinds == ["integer", "number"]:
        return {"type": "number"}
    if kinds not in (["object"], ["array"]) or any("propertyNames" in one for one in schemas):
        distinct = [one for place, one in enumerate(schemas) if one not in schemas[:place]]
        if len(distinct) == 1:
            return distinct[0]
        plain = not {"object", "array"} & set(kinds)
        return {"type": kinds} if plain else {"anyOf": distinct}
    if kinds == ["array"]:
        items = [one["items"] for one in schemas if "items" in one]
        return {"type": "array", "items": _merged(items)} if items else {"type": "array"}
    names = {name: None for one in schemas for name in one["properties"]}
    return {
        "type": "object",
        "required": sorted(set.intersection(*(set(one["required"]) for one in schemas))),
        "properties": {
            name: _merged([one["properties"][name] for one in schemas if name in one["properties"]]) for name in names
        },
        "additionalProperties": False,
    }


def _types(schema: dict[str, Any]) -> list[str]:
    if "anyOf" in schema:
        return [kind for one in schema["anyOf"] for kind in _types(one)]
    return schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
