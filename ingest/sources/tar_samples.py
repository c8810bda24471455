"""Samples of a WebDataset: members of a tar that follow each other and have the same key are one picture with what is said of it.

References
----------
The format: https://github.com/webdataset/webdataset (``base_plus_ext``). What img2dataset writes: ``KEY.jpg``, ``KEY.txt`` with the
caption, ``KEY.json`` with the metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from milvise.adapter.schema import TEXT_LENGTH
from milvise.core.json_data import parse_json
from milvise.embeddings.pictures.decode import extensions
from milvise.ingest.sources.label_and_meta import label_and_meta
from milvise.ingest.sources.tar_members import Member, members

MOST_TEXT = 2**20
"""Bytes of a text or a JSON document."""

_KEY = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)", re.DOTALL)
_TEXTS = ("txt", "cls", "json")
_PICTURES = extensions()


@dataclass(slots=True)
class Sample:
    """Members with the same key.

    Attributes
    ----------
    pictures : list of Member
        Mostly one; those that have a problem too.
    texts : dict
        By ``txt``, ``cls``, ``json``: the bytes.
    problem : str
        Why what is said of the pictures cannot be used, empty if it can.
    """

    key: str
    pictures: list[Member] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    problem: str = ""

    def said(self) -> tuple[str, Mapping[str, Any]]:
        """Return label and metadata: the text or the class is the label, the JSON object the metadata.

        Raises
        ------
        ValueError
            If the JSON document cannot be used; the message is the reason.
        """
        values = _parsed(self.texts["json"]) if "json" in self.texts else {}
        for name in ("txt", "cls"):
            if name in self.texts:
                values["label"] = _shortened(self.texts[name].decode("utf-8", "backslashreplace").strip())
                break
        return label_and_meta(values)


def samples(file: IO[bytes], size: int) -> Iterator[Sample]:
    """Yield the samples of a tar; see `milvise.ingest.sources.tar_members.members` for what it may hold, and for errors."""
    now = Sample("")
    kinds: set[str] = set()
    for member in members(file, size):
        found = _KEY.fullmatch(member.name)
        if found is None:
            continue
        key, kind = found[1], found[2].lower()
        if key != now.key or kind in kinds:
            yield now
            now, kinds = Sample(key), set()
        kinds.add(kind)
        if f".{kind}" in _PICTURES:
            now.pictures.append(member)
        elif kind in _TEXTS and not member.problem:
            if member.length > MOST_TEXT:
                now.problem = f"its {kind} file is longer than {MOST_TEXT:,} bytes"
            else:
                file.seek(member.start)
                now.texts[kind] = file.read(member.length)
    yield now


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except ValueError as error:
        raise ValueError(f"its json file is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("its json file holds no object")
    return value


def _shortened(text: str) -> str:
    """Return a text as long as a label may be: captions may be longer."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= TEXT_LENGTH:
        return text
    cut = data[: TEXT_LENGTH - 3].decode("utf-8", "ignore")
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"
