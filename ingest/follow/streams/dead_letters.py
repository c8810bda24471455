"""Dead letters of a stream that has no place of its own for them: a file of JSON lines, which grows."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

from milvise.ingest.quarantine import printable


class DeadLetters:
    """A JSONL file of ``{"event", "reason"}``, made when the first one comes, and never emptied.

    Parameters
    ----------
    path : Path
        Where the file is, or would be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def add(self, event: bytes, reason: str) -> None:
        """Add one; when this returns it is in the file."""
        text = event.decode("utf-8", "backslashreplace")
        line = json.dumps({"event": text, "reason": printable(reason)}, ensure_ascii=False)
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
