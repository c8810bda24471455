"""The fields of each kind of collection: one vector field each, because older servers allow no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pymilvus import CollectionSchema, DataType, MilvusClient

from milvise.adapter.partition import FIELD, LENGTH

METRIC = "COSINE"
ID_LENGTH = 64
URI_LENGTH = 4096
TEXT_LENGTH = 1024
META_BYTES = 65_536
PART_LENGTH = 65_535

TOP_CLASSES, SKETCH = "top_classes", "sketch"
TOP_CLASSES_LENGTH, SKETCH_LENGTH = 160, 256
"""See `milvise.embeddings.devise.top_classes` and `milvise.embeddings.devise.sketches`, which make these texts."""

MAY_LACK = (TOP_CLASSES, SKETCH)
"""Rows may come without these; empty texts stand there then, and searches read the vectors."""


@dataclass(frozen=True, slots=True)
class Room:
    """One kind of collection.

    Attributes
    ----------
    name : str
        What it is called in the catalog.
    key : str
        The primary key's field.
    scalars : tuple of (str, DataType, int)
        The other fields but ``vector``, with the greatest length of strings in bytes.
    partition : str
        The metadata column whose value stands in the field `milvise.adapter.partition.FIELD` too; empty where there is none.
    """

    name: str
    key: str
    key_length: int
    scalars: tuple[tuple[str, DataType, int], ...]
    partition: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All field names but ``vector``, the primary key first."""
        return (self.key, *(name for name, _, _ in self.scalars))


_PICTURE_SCALARS = (
    ("uri", DataType.VARCHAR, URI_LENGTH),
    ("label", DataType.VARCHAR, TEXT_LENGTH),
    ("sha256", DataType.VARCHAR, ID_LENGTH),
    ("width", DataType.INT64, 0),
    ("height", DataType.INT64, 0),
    ("meta", DataType.JSON, 0),
)

WORDS = Room("words", "word", TEXT_LENGTH, (("rank", DataType.INT64, 0),))
CLASSES = Room("classes", "name", TEXT_LENGTH, (("index", DataType.INT64, 0), ("bias", DataType.FLOAT, 0)))
# Text in parts, each as long as a server takes; the vector means nothing.
HIERARCHY = Room("hierarchy", "part", ID_LENGTH, (("text", DataType.VARCHAR, PART_LENGTH),))
VISUAL = Room("visual", "id", ID_LENGTH, _PICTURE_SCALARS)
JOINT = Room("joint", "id", ID_LENGTH, _PICTURE_SCALARS)
CATALOG = Room("catalog", "name", TEXT_LENGTH, (("manifest", DataType.JSON, 0),))
FEEDBACK = Room("feedback", "id", ID_LENGTH, (("gallery", DataType.VARCHAR, TEXT_LENGTH), ("entry", DataType.JSON, 0)))

# Galleries that were made before these texts were kept go on without them.
_SEEN = replace(
    VISUAL,
    scalars=(
        *_PICTURE_SCALARS,
        (TOP_CLASSES, DataType.VARCHAR, TOP_CLASSES_LENGTH),
        (SKETCH, DataType.VARCHAR, SKETCH_LENGTH),
    ),
)

ROOMS = {room.name: room for room in (WORDS, CLASSES, HIERARCHY, VISUAL, JOINT, CATALOG, FEEDBACK)}


def room_of(name: str, *, top_classes: bool = False, partition: str = "") -> Room:
    """Return the room of this name, with `TOP_CLASSES` and `SKETCH` where its rows hold them, and a field for the partition."""
    room = _SEEN if top_classes and name == VISUAL.name else ROOMS[name]
    if not partition or name not in (VISUAL.name, JOINT.name):
        return room
    return replace(room, scalars=(*room.scalars, (FIELD, DataType.VARCHAR, LENGTH)), partition=partition)


def holds_top_classes(described: Mapping[str, Any]) -> bool:
    """Return whether the rows of a collection that Milvus describes hold `TOP_CLASSES`, and with it `SKETCH`."""
    return any(given.get("name") == TOP_CLASSES for given in described.get("fields", ()))


def holds_partition(described: Mapping[str, Any]) -> bool:
    """Return whether the rows of a collection that Milvus describes hold the partition that they are in."""
    return any(given.get("name") == FIELD for given in described.get("fields", ()))


def schema(room: Room, dim: int, *, description: str = "", partitions: bool = True) -> CollectionSchema:
    """Return the schema of a collection of this kind with vectors of width `dim`.

    Parameters
    ----------
    partitions : bool
        Whether the field for the partition is the partition key.
    """
    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, description=description)
    made.add_field(room.key, DataType.VARCHAR, is_primary=True, max_length=room.key_length)
    for name, kind, length in room.scalars:
        if kind is DataType.VARCHAR:
            made.add_field(
                name, kind, max_length=length, **({"is_partition_key": True} if partitions and name == FIELD else {})
            )
        else:
            made.add_field(name, kind)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    return made


def width(described: Mapping[str, Any]) -> int | None:
    """Return the width of the vectors of a collection that Milvus describes, None where it has no such field."""
    for given in described.get("fields", ()):
        if given.get("name") == "vector":
            dim = given.get("params", {}).get("dim")
            return None if dim is None else int(dim)
    return None


def fits(described: Mapping[str, Any], room: Room) -> bool:
    """Return whether a collection that Milvus describes has the fields of this room, and no others."""
    return {given.get("name") for given in described.get("fields", ())} == {*room.fields, "vector"}
