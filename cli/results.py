"""What a search does with the pictures it found, beside printing them: ``--sheet``, ``--open``, ``--paths`` and ``--copy-to``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from milvise.cli.state import state
from milvise.cli.terminal import print_line, visible
from milvise.core.records import Hit
from milvise.errors import UsageError

if TYPE_CHECKING:
    from milvise.operations.files import StoredFile
    from milvise.operations.gallery import Gallery

PANEL = "What to do with the pictures"

SheetOption = Annotated[
    Path | None,
    typer.Option("--sheet", metavar="FILE.html", help="Write a page that shows the pictures.", rich_help_panel=PANEL),
]
OpenOption = Annotated[
    bool,
    typer.Option(
        "--open", help="Show that page in the browser; without --sheet it is a temporary file.", rich_help_panel=PANEL
    ),
]
PathsOption = Annotated[
    bool,
    typer.Option("--paths", help="Print the paths of the files, one a line, and nothing else.", rich_help_panel=PANEL),
]
CopyOption = Annotated[
    Path | None,
    typer.Option(
        "--copy-to", metavar="FOLDER", help="Copy the files into a folder, best first.", rich_help_panel=PANEL
    ),
]

MOST_ON_A_SHEET = 2_000
"""A page of more pictures takes a browser's memory; further ones are left out."""

Titled = tuple[str, Sequence[Hit]]

_ASKED = ("expression", "picture", "pictures", "words", "ids", "liked", "disliked", "focus", "filter", "kind")


@dataclass(frozen=True, slots=True)
class Results:
    """What is to be done with the pictures; checked before anything is searched for.

    Attributes
    ----------
    sheet : Path, optional
    open : bool
    paths : bool
    copy_to : Path, optional
    """

    sheet: Path | None = None
    open: bool = False
    paths: bool = False
    copy_to: Path | None = None

    def __post_init__(self) -> None:
        if self.paths and state.output.as_json:
            raise UsageError("--paths prints paths, and --json one document: leave one of them out.")
        if self.sheet is not None:
            from milvise.operations.results import require_new

            require_new(self.sheet)

    def print_instead(self, gallery: Callable[[], Gallery], hits: Sequence[Hit]) -> bool:
        """Print the paths of the pictures, where that is asked for; return whether it was."""
        if not self.paths:
            return False
        found = [file.path() for file in _files(gallery, hits)]
        for path in found:
            if path is not None:
                print_line(visible(path))
        _note_missing(sum(path is None for path in found), len(found))
        return True

    def act(self, gallery: Callable[[], Gallery], request: Mapping[str, Any], found: Sequence[Titled]) -> None:
        """Write the page, show it, and copy the pictures, as far as that is asked for.

        Parameters
        ----------
        gallery : callable
            Returns the gallery that was searched.
        request : mapping
            What was asked for.
        found : sequence of (str, sequence of Hit)
            Pictures under titles.
        """
        hits = [hit for _, some in found for hit in some]
        if not hits:
            return
        if self.copy_to is not None:
            from milvise.operations.results import copy_pictures

            files = _files(gallery, hits)
            copied = copy_pictures(files, self.copy_to)
            state.output.note(f"Copied {len(copied.paths)} pictures into {self.copy_to}")
            _note_missing(len(copied.missing), len(files))
        if self.sheet is not None or self.open:
            self._show(gallery, asked(request), found)

    def _show(self, gallery: Callable[[], Gallery], title: str, found: Sequence[Titled]) -> None:
        import tempfile

        from milvise.operations.contact_sheet import Section
        from milvise.operations.results import write_sheet

        sections = [Section(name, f"{len(hits):,} pictures", hits) for name, hits in found]
        sheet = self.sheet or Path(tempfile.mkdtemp(prefix="milvise-")) / "found.html"
        left_out = write_sheet(gallery(), f"milvise: {title}", sections, sheet, most=MOST_ON_A_SHEET)
        state.output.note(f"Wrote {sheet}" + (f", without the last {left_out:,} pictures" if left_out else ""))
        if self.open:
            # Only here: it looks for browsers as soon as it is imported.
            import webbrowser

            if not webbrowser.open(sheet.resolve().as_uri()):
                state.output.note(f"No browser could be opened. Open this file in one: {sheet}")


_OPTIONS = {
    "sheet": inspect.Parameter("sheet", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=SheetOption),
    "open": inspect.Parameter("open", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=OpenOption),
    "paths": inspect.Parameter("paths", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=PathsOption),
    "copy_to": inspect.Parameter("copy_to", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=CopyOption),
}

Command = Callable[..., None]


def finds_pictures(*options: str) -> Callable[[Command], Command]:
    """Return a decorator: the command also takes these options, by default all, and gets them as ``results``."""
    takes = [_OPTIONS[name] for name in options or _OPTIONS]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            wanted = {one.name: given.pop(one.name) for one in takes}
            command(**given, results=Results(**wanted))

        hints = get_type_hints(command, include_extras=True)
        own = [one for one in inspect.signature(command).parameters.values() if one.name != "results"]
        parameters = [
            *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own),
            *takes,
        ]
        # What makes the command reads its parameters from here.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        del run.__wrapped__
        return run

    return decorate


def asked(request: Mapping[str, Any]) -> str:
    """Return in a few words what was asked for."""
    told: list[str] = []
    for name in _ASKED:
        value = request.get(name)
        if value and not (name == "kind" and told):
            text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            told.append(text if name in ("expression", "picture", "pictures", "words") else f"{name} {text}")
    return ", ".join(told)


def _files(gallery: Callable[[], Gallery], hits: Sequence[Hit]) -> list[StoredFile]:
    return gallery().files([hit.id for hit in hits])


def _note_missing(missing: int, of: int) -> None:
    if missing:
        state.output.note(f"{missing} of {of} pictures have no file on this machine as it was loaded.")
