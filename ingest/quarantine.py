"""The report of what could not be loaded: one JSON line for each, written as it happens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import IO


class Quarantine:
    """A JSONL file of ``{"uri", "reason"}``, made when the first entry comes.

    Attributes
    ----------
    path : Path
        Where the file is, or would be.
    count : int
        How many entries there are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        self._lock = Lock()

    def add(self, uri: str, reason: str) -> None:
        """Report one picture; several threads may."""
        line = json.dumps({"uri": printable(uri), "reason": printable(reason)}, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(line + "\n")
            self._file.flush()
            self.count += 1

    def close(self) -> None:
        """Close the file; one that an earlier run left is removed where this run had nothing to report."""
        if self._file is not None:
            self._file.close()
        else:
            self.path.unlink(missing_ok=True)


def printable(name: str) -> str:
    r"""Return a file name that may not be UTF-8 as text, its odd bytes written as ``\xNN``."""
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold and no file name
        return name.encode("utf-8", "backslashreplace").decode()
