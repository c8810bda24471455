"""Where a server finds the files that it is to import: on a disk that it shares, or in its object store, to which they are copied first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from milvise.errors import InputError, MissingExtraError


class Staging(Protocol):
    """The way of a file to the server."""

    def place(self, path: Path) -> str:
        """Return where the server finds it."""

    def bring(self, path: Path) -> None:
        """Have it lie there."""

    def drop(self, path: Path) -> None:
        """Take it away again, once it is imported."""


class SharedDisk:
    """The server reads the disk that the files lie on."""

    def place(self, path: Path) -> str:
        """Return its absolute path."""
        return str(path.resolve())

    def bring(self, path: Path) -> None:
        """Nothing has to be done."""

    def drop(self, path: Path) -> None:
        """Nothing has to be done."""


class Bucket:
    """Files are copied to a place that the server reads: from Milvus 2.4 on, into the bucket that it keeps its own data in.

    Parameters
    ----------
    url : str
        Such as ``s3://milvus-bucket/staging`` or ``file:///mnt/shared``, as fsspec has them; credentials come from the environment.
    folder : Path
        What the names of files are relative to.

    Raises
    ------
    InputError
        If it is no such address, or cannot be written to.
    MissingExtraError
        If the package for it is not installed.
    """

    def __init__(self, url: str, folder: Path) -> None:
        try:
            import fsspec
        except ImportError:
            raise MissingExtraError("copying files to an object store", "remote") from None
        try:
            self._system, self._root = fsspec.core.url_to_fs(url.rstrip("/"))
        except ImportError as error:
            raise MissingExtraError(f"reaching {url.partition('://')[0]}:// ({error})", "remote") from None
        except (ValueError, OSError) as error:
            raise InputError(f"{url} is no place that files can be copied to: {error}") from error
        self._url = url
        self._folder = folder.resolve()
        self._is_local = "file" in _protocols(self._system)

    def place(self, path: Path) -> str:
        """Return its key, without the bucket; on a disk, its absolute path."""
        there = self._there(path)
        return there if self._is_local else there.partition("/")[2]

    def bring(self, path: Path) -> None:
        """Copy it, unless it lies there in its size."""
        there = self._there(path)
        try:
            if self._system.exists(there) and self._system.size(there) == path.stat().st_size:
                return
            if self._is_local:
                self._system.makedirs(there.rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(path), there)
        except OSError as error:
            raise InputError(f"{path} cannot be copied to {self._url}: {error}") from error

    def drop(self, path: Path) -> None:
        """Remove the copy."""
        try:
            self._system.rm_file(self._there(path))
        except OSError as error:
            raise InputError(f"the copy of {path} cannot be removed from {self._url}: {error}") from error

    def _there(self, path: Path) -> str:
        return f"{self._root}/{path.resolve().relative_to(self._folder).as_posix()}"


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)
