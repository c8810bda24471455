"""What a bias evaluation asks: word sets, neutral queries and unwanted tags, from a TOML file that users can edit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from milvise.errors import InputError

Side = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordTest:
    """Four word sets, to see whether x is nearer to a, and y nearer to b."""

    name: str
    source: str
    x: Side
    y: Side
    a: Side
    b: Side


@dataclass(frozen=True, slots=True)
class ImageTest:
    """Two sets that groups of pictures are compared with: words, or with `labels` the gallery's pictures of these labels."""

    name: str
    a: Side
    b: Side
    labels: bool


@dataclass(frozen=True, slots=True)
class BiasTests:
    """Everything that is asked.

    Attributes
    ----------
    queries, tags : mapping of str to tuple of str
        Named lists.
    """

    weat: tuple[WordTest, ...]
    image: tuple[ImageTest, ...]
    queries: Mapping[str, Side]
    tags: Mapping[str, Side]


def read_tests(path: Path | None = None) -> BiasTests:
    """Read the packaged tests, with the tables of a file of one's own in place of theirs.

    Raises
    ------
    InputError
        If the file cannot be read, or an entry is not what it should be.
    """
    values = tomllib.loads(files("milvise.evaluation.bias").joinpath("data/bias.toml").read_text("utf-8"))
    if path is not None:
        own = _load(path)
        if unknown := own.keys() - values.keys():
            raise _wrong(path, f"tables {', '.join(sorted(values))}", f"[{sorted(unknown)[0]}]")
        values |= own
    place = path or Path("bias.toml")
    return BiasTests(
        tuple(
            WordTest(
                _text(place, test, "name"), str(test.get("source", "")), *(_side(place, test, side) for side in "xyab")
            )
            for test in _tables(place, values, "weat")
        ),
        tuple(_image_test(place, test) for test in _tables(place, values, "image")),
        *(
            {name: _words(place, entry, f"{table}.{name}") for name, entry in values[table].items()}
            for table in ("queries", "tags")
        ),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the tests {path} cannot be read: {error}") from error


def _tables(path: Path, values: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = values[name]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(path, f"[[{name}]], once for each test", f"{name} = {entries!r}")
    return entries


def _image_test(path: Path, test: Mapping[str, Any]) -> ImageTest:
    sides = [test.get("a"), test.get("b")]
    labels = [isinstance(side, dict) for side in sides]
    if labels[0] != labels[1]:
        raise _wrong(path, 'a and b both lists of words, or both { labels = ["…"] }', f"{dict(test)}")
    a, b = (
        _words(path, side["labels"] if isinstance(side, dict) and "labels" in side else side, "a, b") for side in sides
    )
    return ImageTest(_text(path, test, "name"), a, b, labels[0])


def _text(path: Path, test: Mapping[str, Any], name: str) -> str:
    value = test.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(path, f"a {name} for each test", f"{dict(test)}")
    return value


def _side(path: Path, test: Mapping[str, Any], name: str) -> Side:
    return _words(path, test.get(name), f"{test.get('name')}.{name}")


def _words(path: Path, value: Any, name: str) -> Side:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise _wrong(path, f"{name}: a list of words that is not empty", repr(value))
    return tuple(dict.fromkeys(value))


def _wrong(path: Path, expected: str, received: str) -> InputError:
    return InputError(f"the tests in {path} are not what they should be.\nExpected: {expected}\nReceived: {received}")
