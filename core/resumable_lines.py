"""A file of JSON lines that takes hours to write: whoever is killed over it goes on where it was.

FILE.part        the lines so far
FILE.progress    up to where they are settled, and what they are of
FILE             all lines; it is there whole or not at all
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from milvise.errors import InputError

NOTED_S = 2.0
"""So much work may have to be done again."""


class ResumableLines:
    """The lines of one request, in the order of keys.

    Parameters
    ----------
    out : Path
        Where they are to stand in the end.
    request : mapping
        What they are of, as JSON has it: what another request began is not gone on with.

    Attributes
    ----------
    after : str
        The key up to which lines are settled: an earlier run's, where it went on.
    lines : int
        How many there are.
    begun_with : int
        How many of them an earlier run wrote.

    Raises
    ------
    InputError
        If the file cannot be written, or another request began one there.
    """

    def __init__(self, out: Path, request: Mapping[str, Any]) -> None:
        self._out = out
        self._part, self._progress = (out.with_name(out.name + end) for end in (".part", ".progress"))
        self._request = json.loads(json.dumps(request))
        self.after, self.lines, self._size = self._found()
        self.begun_with = self.lines
        self._settled = (self.after, self.lines, self._size)
        self._noted_at = time.monotonic()
        self._file = self._opened()

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a line."""
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        with self._writing():
            self._file.write(line)
        self._size += len(line)
        self.lines += 1

    def settle(self, key: str) -> None:
        """Say that every line up to a key was added."""
        self.after = key
        self._settled = (key, self.lines, self._size)
        if time.monotonic() - self._noted_at >= NOTED_S:
            with self._writing():
                self._note()
            self._noted_at = time.monotonic()

    def finish(self) -> None:
        """Put the file in its place."""
        with self._writing():
            self._sync()
            self._file.close()
            self._part.replace(self._out)
            self._progress.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file.closed:
            return
        # On a full disk what was noted before stands.
        with suppress(OSError):
            self._note()
        with suppress(OSError):
            self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self._part} cannot be written: {error.strerror or error}. What was settled is kept; the same command goes on from there."
            ) from error

    def _found(self) -> tuple[str, int, int]:
        """Return the key, the lines and the bytes that an earlier run settled."""
        try:
            noted = json.loads(self._progress.read_text("utf-8"))
            if self._part.stat().st_size < noted["bytes"]:
                return "", 0, 0
        except (OSError, ValueError, KeyError, TypeError):
            return "", 0, 0
        if noted["request"] != self._request:
            raise InputError(
                f"{self._part} is what another request began.\nExpected: {json.dumps(self._request, ensure_ascii=False)}\nReceived:"
                f" {json.dumps(noted['request'], ensure_ascii=False)}\nMake that request again to end it, remove the file, or write to another one."
            )
        return str(noted["after"]), int(noted["lines"]), int(noted["bytes"])

    def _opened(self) -> BinaryIO:
        with self._writing():
            self._part.parent.mkdir(parents=True, exist_ok=True)
            file = self._part.open("r+b" if self._size else "wb")
            if self._size:
                file.truncate(self._size)
                file.seek(self._size)
        return file

    def _note(self) -> None:
        # What is noted must be on the disk before the note.
        self._sync()
        after, lines, size = self._settled
        beside = self._progress.with_name(self._progress.name + ".new")
        beside.write_text(
            json.dumps({"request": self._request, "after": after, "lines": lines, "bytes": size}), "utf-8"
        )
        beside.replace(self._progress)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
