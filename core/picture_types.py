"""The three ways to name a picture that leave nothing to guess.

A plain text can mean a stored picture or a file. These types say which one is meant: a `StoredPicture` is never opened as a
file, and a `PictureFile` is never looked up in Milvus. A door that takes text from strangers makes `StoredPicture` and
`PictureBytes` alone, so that no text of theirs is a path on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from milvise.errors import UsageError


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of the gallery; never a file.

    Parameters
    ----------
    id_or_uri : str
        Its id (32 hexadecimal digits), or the URI that it was loaded with.

    Raises
    ------
    UsageError
        If it is no text.

    Examples
    --------
    >>> gallery.similar(milvise.StoredPicture("beach/cat.jpg"))    # doctest: +SKIP
    """

    id_or_uri: str

    def __post_init__(self) -> None:
        if not isinstance(self.id_or_uri, str):
            raise _wrong("a stored picture is named by a text", "StoredPicture(id or URI)", self.id_or_uri)


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file on this machine; never looked up in Milvus.

    Parameters
    ----------
    path : str or Path
        Where it is.

    Raises
    ------
    UsageError
        If it is no path.

    Examples
    --------
    >>> gallery.similar(milvise.PictureFile("cat.jpg"))    # doctest: +SKIP
    """

    path: str | Path

    def __post_init__(self) -> None:
        if not isinstance(self.path, (str, Path)):
            raise _wrong("a picture file is named by its path", "PictureFile(path)", self.path)


@dataclass(frozen=True, slots=True)
class PictureBytes:
    """A picture by the bytes of its file, such as those of an upload.

    Parameters
    ----------
    data : bytes
        Of a JPEG, PNG or another format that `milvise` reads.

    Raises
    ------
    UsageError
        If they are no bytes.

    Examples
    --------
    >>> gallery.similar(milvise.PictureBytes(upload.read()))    # doctest: +SKIP
    """

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):
            raise _wrong("a picture is given by the bytes of its file", "PictureBytes(bytes)", self.data)


def _wrong(what: str, expected: str, received: object) -> UsageError:
    return UsageError(f"{what}.\nExpected: {expected}\nReceived: {type(received).__name__}")
