"""What people liked and disliked in answers: kept in a file or in Milvus, and replayed as pairs to train on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from milvise.adapter import Store
from milvise.adapter.escape import is_in
from milvise.core.json_data import parse_json
from milvise.core.lines import bounded_lines
from milvise.errors import InputError, NotFoundError
from milvise.queries.vocabulary.expression import parse

IN_MILVUS = "milvus"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of one answer.

    Attributes
    ----------
    gallery, words : str
    pictures : tuple of str
        Pictures that were searched with: URIs of stored ones, paths of others.
    liked, disliked : tuple of str
        Primary keys.
    at : str
        When, in UTC (ISO 8601); by default now.
    """

    gallery: str
    words: str
    pictures: tuple[str, ...]
    liked: tuple[str, ...]
    disliked: tuple[str, ...]
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


_PAIR = {"words": str, "id": str, "relevant": bool, "at": str}
_FEEDBACK = {"gallery": str, "words": str, "pictures": list, "liked": list, "disliked": list, "at": str}


def log_feedback(store: Store, log: str | Path, feedback: Feedback) -> None:
    """Append feedback to a log.

    Parameters
    ----------
    log : path or "milvus"
        A ``.jsonl`` file, or the collection ``milvise_feedback``, which all clients of this Milvus share.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    if str(log) == IN_MILVUS:
        entry = {"id": uuid.uuid4().hex, "gallery": feedback.gallery, "entry": asdict(feedback), "vector": [1.0, 0.0]}
        store.feedback(create=True).upsert([entry])
        return
    try:
        # One write at the end of the file: two processes do not mix their lines.
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(feedback), ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"cannot write the feedback to {log}: {error.strerror}") from error


def read_feedback(store: Store, log: str | Path, *, gallery: str) -> Iterator[Feedback]:
    """Yield what a log holds of one gallery, oldest first.

    Raises
    ------
    InputError
        If the file cannot be read, or a line of it is no feedback.
    NotFoundError
        If no feedback was ever logged to this Milvus.
    """
    entries = _in_milvus(store, gallery) if str(log) == IN_MILVUS else _in_file(Path(log))
    yield from (entry for entry in entries if entry.gallery == gallery)


def training_pairs(feedback: Iterable[Feedback]) -> Iterator[dict[str, Any]]:
    """Yield a pair of words and a picture, and whether they belong together, for each picture that was judged.

    Feedback on answers to pictures alone has no words, and gives none.
    """
    for entry in feedback:
        for keys, relevant in ((entry.liked, True), (entry.disliked, False)):
            for key in keys if entry.words else ():
                yield {"words": entry.words, "id": key, "relevant": relevant, "at": entry.at}


def labels_of(pairs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what liked pictures were searched by, by primary key: a label where it is one word or phrase.

    Of several the latest counts; pairs that do not belong together teach no label.
    """
    found: dict[str, str] = {}
    for pair in sorted(pairs, key=lambda pair: str(pair["at"])):
        terms = parse(pair["words"])
        if pair["relevant"] and len(terms) == 1 and terms[0].weight > 0:
            found[pair["id"]] = terms[0].phrase
    return found


def write_pairs(path: Path, pairs: Iterable[Mapping[str, Any]]) -> int:
    """Write pairs to a ``.jsonl`` file, one a line, and return how many.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    lines = [json.dumps(dict(pair), ensure_ascii=False) + "\n" for pair in pairs]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    return len(lines)


def read_pairs(path: Path) -> list[dict[str, Any]]:
    """Return the pairs in a ``.jsonl`` file that ``milvise export pairs`` wrote.

    Raises
    ------
    InputError
        If it cannot be read, or a line of it is no pair.
    """
    pairs: list[dict[str, Any]] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(bounded_lines(file), start=1):
                try:
                    pairs.append(_checked(parse_json(line or ""), _PAIR))
                except (ValueError, TypeError, KeyError) as error:
                    raise InputError(f"line {number} of {path} is no pair of words and a picture: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return pairs


def _in_milvus(store: Store, gallery: str) -> list[Feedback]:
    rows = store.feedback().scan(["id", "entry"], filter=is_in("gallery", [gallery]))
    entries = []
    for row in rows:
        try:
            entries.append(_entry(row["entry"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"the entry {row['id']!r} of the log in Milvus is no feedback: {error}") from error
    return sorted(entries, key=lambda entry: entry.at)


def _in_file(path: Path) -> Iterator[Feedback]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(bounded_lines(file), start=1):
                try:
                    yield _entry(parse_json(line or ""))
                except (ValueError, TypeError, KeyError) as error:
                    raise InputError(f"line {number} of {path} is no feedback: {error}") from error
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no feedback log {path}. Write one: milvise search refine … --log {path}"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _entry(values: Any) -> Feedback:
    known = _checked(values, _FEEDBACK)
    lists = {name: tuple(map(str, known[name])) for name in ("pictures", "liked", "disliked")}
    return Feedback(**{**known, **lists})


def _checked(values: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return those values that are known, each of its kind."""
    for name, kind in kinds.items():
        if not isinstance(values[name], kind):
            raise TypeError(f"{name} must be a {kind.__name__}")
    return {name: values[name] for name in kinds}
