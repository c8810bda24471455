"""What people do with the pictures that a search found: look at them on a page, or have them in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from milvise.core.records import Hit
from milvise.errors import ImageError, NoFileError, UsageError
from milvise.operations.contact_sheet import Section, contact_sheet
from milvise.operations.files import StoredFile, safe_names
from milvise.operations.gallery import Gallery


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied into a folder.

    Attributes
    ----------
    paths : tuple of Path
        The new files, best picture first.
    missing : tuple of str
        URIs of pictures whose file is not on this machine as it was loaded.
    """

    paths: tuple[Path, ...]
    missing: tuple[str, ...]


def write_sheet(gallery: Gallery, title: str, sections: Sequence[Section], out: Path, *, most: int) -> int:
    """Write a page with the pictures of some searches, which needs no other file; return how many it leaves out.

    Parameters
    ----------
    out : Path
        A file that is not there yet.
    most : int
        So many pictures are shown; further ones are left out.

    Raises
    ------
    UsageError
        If it is there, or cannot be written.
    """
    require_new(out)
    shown, left = [], most
    for section in sections:
        shown.append(Section(section.title, section.command, section.hits[:left], section.picture))
        left -= len(shown[-1].hits)
    keys = {hit.id for section in shown for hit in section.hits if isinstance(hit, Hit)}
    files = {file.picture.id: file for file in gallery.files(sorted(keys))}
    page = contact_sheet(title, shown, lambda hit: files.get(hit.id))
    try:
        with out.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(page)
    except FileExistsError:
        require_new(out)
    except OSError as error:
        raise UsageError(f"the page cannot be written: {error.strerror}.\nReceived: {out}") from error
    return sum(len(section.hits) for section in sections) - (most - left)


def copy_pictures(files: Sequence[StoredFile], folder: Path) -> Copied:
    """Copy pictures into a folder, each with its place in front of its name; no file that is there is changed.

    Parameters
    ----------
    folder : Path
        Is made where it is not there.

    Raises
    ------
    UsageError
        If one of the names is taken, in which case nothing is copied, or the folder cannot be written to.
    """
    digits = len(str(len(files)))
    names = safe_names(file.picture.uri for file in files)
    targets = [folder / f"{place:0{digits}d} {name}" for place, name in enumerate(names, start=1)]
    copied, missing = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target in targets:
            require_new(target)
        for file, target in zip(files, targets, strict=True):
            try:
                _copy(file, target)
                copied.append(target)
            except (NoFileError, ImageError):
                missing.append(file.picture.uri)
    except OSError as error:
        raise UsageError(
            f"the pictures cannot be copied: {error.strerror}.\nReceived: {error.filename or folder}"
        ) from error
    return Copied(tuple(copied), tuple(missing))


def require_new(path: Path) -> None:
    """Check that nothing is at a path yet.

    Raises
    ------
    UsageError
        If something is.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(
            f"there is something already, and nothing is overwritten. Give another name, or remove it.\nReceived: {path}"
        )


def _copy(file: StoredFile, target: Path) -> None:
    with file.opened() as (opened, _):
        try:
            with target.open("xb") as copy:
                shutil.copyfileobj(opened, copy)
        except FileExistsError:
            raise
        except BaseException:
            # Half a picture is worse than none.
            target.unlink(missing_ok=True)
            raise
