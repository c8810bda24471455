"""A folder of pictures under a random storm of changes, with an event for each, some of them repeated, out of order or broken."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

CREATED, UPDATED, DELETED = "picture.created", "picture.updated", "picture.deleted"
REPEATED, BROKEN, WINDOW = 0.1, 0.01, 20
"""Shares of events, and among how many neighbours they change places."""


class Storm:
    """Changes of pictures below a folder, the same ones for a seed.

    Attributes
    ----------
    broken : set of str
        The ids of the events that nobody can follow.
    """

    def __init__(self, root: Path, *, seed: int = 0, start: int = 0) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.broken: set[str] = set()
        self._number = 0
        self._known: list[str] = []
        for _ in range(start):
            self.create()

    def events(self, count: int, *, is_over: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Change pictures and yield so many events, or until it is over, each after the change that it is about."""
        waiting: list[bytes] = []
        for number in range(count):
            if is_over():
                break
            if waiting and self.random.random() < REPEATED:
                body = self.random.choice(waiting)
            elif self.random.random() < BROKEN:
                body = self._broken(number)
            else:
                body = self._told(*self.random.choices((self.create, self.change, self.delete), (4, 4, 2))[0]())
            waiting.append(body)
            if len(waiting) > WINDOW:
                yield waiting.pop(self.random.randrange(len(waiting)))
        self.random.shuffle(waiting)
        yield from waiting

    def create(self) -> tuple[str, str]:
        """Write a new picture, in one step."""
        self._number += 1
        uri = f"folder{self._number % 7}/{self._number}.png"
        self._write(uri)
        self._known.append(uri)
        return CREATED, uri

    def change(self) -> tuple[str, str]:
        """Write other content into a picture."""
        if not self._known:
            return self.create()
        uri = self.random.choice(self._known)
        self._write(uri)
        return UPDATED, uri

    def delete(self) -> tuple[str, str]:
        """Remove a picture."""
        if len(self._known) < 5:
            return self.create()
        uri = self._known.pop(self.random.randrange(len(self._known)))
        (self.root / uri).unlink()
        return DELETED, uri

    def write_slowly(self) -> None:
        """Write a new picture piece by piece, half a second long."""
        self._number += 1
        uri = f"folder{self._number % 7}/{self._number}.png"
        self._write(uri)
        path = self.root / uri
        data = path.read_bytes()
        with path.open("wb") as file:
            for start in range(0, len(data), len(data) // 5):
                file.write(data[start : start + len(data) // 5])
                file.flush()
                time.sleep(0.1)
        self._known.append(uri)

    def rename(self) -> None:
        """Give a picture another name."""
        if self._known:
            place = self.random.randrange(len(self._known))
            before, self._number = self._known[place], self._number + 1
            after = f"{before.partition('/')[0]}/{self._number}.png"
            (self.root / before).rename(self.root / after)
            self._known[place] = after

    def rename_folder(self) -> None:
        """Give a folder another name."""
        folders = sorted({uri.partition("/")[0] for uri in self._known})
        if folders:
            self._number += 1
            before, after = self.random.choice(folders), f"moved{self._number}"
            (self.root / before).rename(self.root / after)
            self._known = [after + uri[len(before) :] if uri.startswith(f"{before}/") else uri for uri in self._known]

    def unmount(self, away: Path, seconds: float) -> None:
        """Take the folder away and leave an empty one, as where a disk is not mounted, and bring it back."""
        self.root.rename(away)
        self.root.mkdir()
        time.sleep(seconds)
        self.root.rmdir()
        away.rename(self.root)

    def _write(self, uri: str) -> None:
        path = self.root / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(self.random.randrange(2**32)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        part = path.with_name(f".{path.name}.part")
        Image.fromarray(noise).save(part, "PNG")
        part.replace(path)

    def _told(self, kind: str, subject: str, **more: object) -> bytes:
        self._number += 1
        now = datetime.now(UTC).isoformat()
        fixed = {
            "specversion": "1.0",
            "id": f"e{self._number}",
            "source": "/storm",
            "type": kind,
            "subject": subject,
            "time": now,
        }
        return json.dumps({**fixed, **more}).encode()

    def _broken(self, number: int) -> bytes:
        """Return an event that nobody can follow, with its id somewhere in it."""
        kinds: list[Callable[[], bytes]] = [
            lambda: self._told(CREATED, "../outside.png"),
            lambda: self._told("picture.renamed", "folder0/1.png"),
            lambda: self._told(CREATED, "folder0/notes.txt"),
            lambda: self._told(CREATED, self._damaged()),
            lambda: self._told(CREATED, "folder0/x.png")[:-1],
        ]
        body = kinds[number % len(kinds)]()
        self.broken.add(f"e{self._number}")
        return body

    def _damaged(self) -> str:
        self._number += 1
        uri = f"folder0/damaged{self._number}.png"
        (self.root / "folder0").mkdir(parents=True, exist_ok=True)
        (self.root / uri).write_bytes(b"\x89PNG no picture")
        return uri
