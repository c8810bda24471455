"""The folder of shards: which files lie where, and what each says.

    FOLDER/manifest.json           what the rows are, and how many shards there are; written when everything is listed
    FOLDER/model/                  the classes, the words of their names, and a trained head: what workers need beside the encoder
    FOLDER/list/00000.parquet      the pictures of shard 0: uri, place, label and metadata
    FOLDER/list/rejected.jsonl     entries of the sources that cannot be used
    FOLDER/visual/00000.parquet    the rows of shard 0 for the visual collection
    FOLDER/joint/00000.parquet     the same pictures in the same order, for the joint collection
    FOLDER/quarantine/00000.jsonl  its pictures that could not be read
    FOLDER/ledger/00000.json       what was done for it, written last: a shard without it is not done
    FOLDER/failed/00000.json       why it could not be done, until it is

Each file is written under another name first and then renamed. Any number of machines may write into a folder that they share.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from milvise.adapter import Manifest
from milvise.core.spaces import JOINT, VISUAL
from milvise.errors import InputError

_OWNER = re.compile(r"[^.]+\.[a-z]+\.(?P<node>.+)-(?P<process>\d+)\.part")

FORMAT = "milvise-shards-1"
SHARD_ROWS = 100_000
"""Half a gigabyte of vectors 1,280 wide: near the size of a segment in Milvus."""


@dataclass(frozen=True, slots=True)
class ShardsManifest:
    """What a folder of shards holds.

    Attributes
    ----------
    visual, joint : Manifest
        The collections of the gallery that `prepared` for; `milvise load` gives them the names of another one.
    shards : int
        How many there are.
    pictures : int
        How many they list, together.
    rejected : int
        Entries of the sources that cannot be used.
    shard_rows : int
        Pictures of each shard but the last one.
    sources : tuple of str
        Where the pictures are, as `milvise.ingest.sources.source.Source.location` says.
    listed_in : float
        Seconds that listing took.
    elsewhere : bool
        Whether pictures are read over a network.
    """

    visual: Manifest
    joint: Manifest | None
    shards: int
    pictures: int
    rejected: int
    shard_rows: int
    sources: tuple[str, ...]
    listed_in: float = 0.0
    notes: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def collections(self) -> dict[str, Manifest]:
        """The manifests of its collections, by space."""
        found: dict[str, Manifest] = {VISUAL: self.visual}
        if self.joint is not None:
            found[JOINT] = self.joint
        return found

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        spaces = {name: made.to_json() for name, made in self.collections.items()}
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in (VISUAL, JOINT)}
        return {"format": FORMAT, **plain, "collections": spaces}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ShardsManifest:
        """Read what `to_json` wrote."""
        plain = {name: values[name] for name in cls.__slots__ if name in values}
        for name in ("sources", "notes"):
            plain[name] = tuple(values.get(name, ()))
        for space in (VISUAL, JOINT):
            made = values["collections"].get(space)
            plain[space] = None if made is None else Manifest.from_json(made).checked()
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class ShardLedger:
    """What was done for one shard.

    Attributes
    ----------
    number : int
        Which one.
    rows : int
        Pictures with vectors.
    quarantined : int
        Pictures that could not be read.
    files : mapping of str to str
        The SHA-256 of its file for each space, in hexadecimal.
    versions : mapping of str to str
        Of the packages that its vectors depend on.
    worker : str
        The machine and the process that did it.
    seconds : float
        How long that took, without the start of the network.
    """

    number: int
    rows: int
    quarantined: int
    files: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    worker: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


class ShardFolder:
    """A folder of shards; see the module's description.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def model(self) -> Path:
        """What workers need beside the encoder."""
        return self.path / "model"

    @property
    def rejected(self) -> Path:
        """The entries of the sources that cannot be used."""
        return self.path / "list" / "rejected.jsonl"

    def listing(self, number: int) -> Path:
        """Return the file that lists the pictures of a shard."""
        return self.path / "list" / f"{number:05d}.parquet"

    def rows(self, space: str, number: int) -> Path:
        """Return the file with the rows of a shard in a space."""
        return self.path / space / f"{number:05d}.parquet"

    def quarantine(self, number: int) -> Path:
        """Return the report of the pictures of a shard that could not be read."""
        return self.path / "quarantine" / f"{number:05d}.jsonl"

    def is_prepared(self) -> bool:
        """Return whether everything is listed."""
        return (self.path / "manifest.json").exists()

    def manifest(self) -> ShardsManifest:
        """Return what the folder says of itself.

        Raises
        ------
        InputError
            If there is no such manifest, or it is of another format.
        """
        place = self.path / "manifest.json"
        try:
            values = json.loads(place.read_text("utf-8"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{self.path} is no folder of shards: {place} cannot be read: {reason}. Make one: milvise embed SOURCE --out"
                f" {self.path}"
            ) from error
        received = values.get("format") if isinstance(values, dict) else type(values).__name__
        if received != FORMAT:
            raise InputError(f"{place} is of another format.\nExpected: {FORMAT}\nReceived: {received}")
        try:
            return ShardsManifest.from_json(values)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{place} is damaged: {error!r}. List the pictures again into another folder.") from error

    def write_manifest(self, manifest: ShardsManifest) -> None:
        """Say what the folder holds; from then on it is prepared."""
        write_json(self.path / "manifest.json", manifest.to_json())

    def ledger(self, number: int) -> ShardLedger | None:
        """Return what was done for a shard, None if it is not done."""
        found = _read_json(self.path / "ledger" / f"{number:05d}.json")
        return None if found is None else ShardLedger(**found)

    def note_done(self, ledger: ShardLedger) -> None:
        """Note that a shard is done."""
        write_json(self.path / "ledger" / f"{ledger.number:05d}.json", ledger.to_json())
        self._failed(ledger.number).unlink(missing_ok=True)

    def failure(self, number: int) -> str | None:
        """Return why a shard could not be done, None if nobody noted that."""
        found = _read_json(self._failed(number))
        return None if found is None else str(found["reason"])

    def note_failed(self, number: int, reason: str) -> None:
        """Note why a shard could not be done."""
        write_json(self._failed(number), {"number": number, "reason": reason})

    def remove_leftovers(self) -> None:
        """Remove what processes of this machine were writing when they were killed."""
        node = platform.node()
        for path in self.path.rglob("*.part"):
            owner = _OWNER.fullmatch(path.name)
            if owner is not None and owner["node"] == node and not _runs(int(owner["process"])):
                path.unlink(missing_ok=True)

    def _failed(self, number: int) -> Path:
        return self.path / "failed" / f"{number:05d}.json"


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file of JSON, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_name(path)
        partial.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def partial_name(path: Path) -> Path:
    """Return the name under which a file is written before it is renamed: another one for each process and machine."""
    return path.with_name(f"{path.name}.{platform.node()}-{os.getpid()}.part")


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged. Remove it, and run the same command again.")
    return found
