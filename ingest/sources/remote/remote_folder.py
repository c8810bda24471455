"""The pictures below a prefix of a store."""

from __future__ import annotations

from collections.abc import Iterator

from milvise.errors import InputError
from milvise.ingest.sources.folder import extension_of, is_read
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.remote.remote_object import RemoteObject
from milvise.ingest.sources.skipped import Skipped, looks_like_a_picture


class RemoteFolder:
    """The pictures below a prefix, read as those of a `milvise.ingest.sources.folder.Folder`.

    Parameters
    ----------
    url : str
        A bucket or a folder in it, without a slash at the end.
    labels : bool
        Whether the folder in which a picture lies is its label.

    Attributes
    ----------
    skipped : Skipped
        What the last reading passed over.
    """

    def __init__(self, url: str, *, labels: bool = True) -> None:
        self.location = url
        self.skipped = Skipped()
        self._labels = labels

    def __str__(self) -> str:
        return self.location

    def __iter__(self) -> Iterator[Item | Rejected]:
        """Yield the pictures, while the store lists them.

        Raises
        ------
        InputError
            If the listing breaks off: what came until then is not all that there is.
        """
        self.skipped = Skipped()
        count = 0
        try:
            for entry in stores.listing(self.location):
                count += 1
                uri = entry.url.removeprefix(f"{self.location}/")
                if is_read(uri):
                    parts = uri.split("/")
                    label = parts[-2] if self._labels and len(parts) > 1 else ""
                    yield Item(uri, RemoteObject(entry.url, entry.size, entry.version), label)
                elif not any(part.startswith(".") for part in uri.split("/")):
                    extension = extension_of(uri.rpartition("/")[2])
                    if looks_like_a_picture(extension):
                        self.skipped.passed_over[extension] += 1
        except RemoteError as error:
            broken = f"broke off after {count:,} objects" if count else "cannot be read"
            raise InputError(
                f"the listing of {self.location} {broken}: {error.reason}. What is stored stays; run the command again."
            ) from error
