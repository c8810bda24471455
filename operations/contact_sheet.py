"""A page of search results: one self-contained HTML file, pictures inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from typing import IO, Protocol

from PIL import Image

from milvise.core.records import Hit, WordHit
from milvise.embeddings.pictures.decode import decode_opened
from milvise.errors import ImageError, NoFileError

_SIDE = 240
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0 .75rem; } code { font-size: .95em; overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem;
     grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
li { border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
li img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; }
li div { padding: .35rem .5rem; font-size: .85rem; overflow-wrap: anywhere; }
li small { opacity: .8; display: block; }
.query { max-width: 10rem; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One request and what it found.

    Attributes
    ----------
    title : str
        The kind of request.
    command : str
        What to type for it.
    hits : sequence of Hit or WordHit
    picture : Hit, optional
        The picture that was asked about.
    """

    title: str
    command: str
    hits: Sequence[Hit | WordHit]
    picture: Hit | None = None


class Opens(Protocol):
    """A file that can be opened, such as `milvise.operations.files.StoredFile`."""

    def opened(self) -> AbstractContextManager[tuple[IO[bytes], int]]:
        """Open it; yields a file that can be sought in, and its length in bytes."""


Locate = Callable[[Hit], Opens | None]


def contact_sheet(title: str, sections: Sequence[Section], locate: Locate) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        Its heading.
    sections : sequence of Section
    locate : callable
        From a hit to its file; a picture without one is shown by its name alone.
    """
    body = "".join(_section(section, locate) for section in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )


def _section(section: Section, locate: Locate) -> str:
    asked = ""
    if section.picture is not None:
        asked = f'<ol><li class="query">{_picture(section.picture, locate)}<div>asked for</div></li></ol><p></p>'
    cards = "".join(f"<li>{_card(hit, locate)}</li>" for hit in section.hits)
    return (
        f"<section><h2>{escape(section.title)}</h2><p><code>{escape(section.command)}</code></p>{asked}"
        f"<ol>{cards}</ol></section>"
    )


def _card(hit: Hit | WordHit, locate: Locate) -> str:
    score = f"<small>similarity {hit.similarity:.3f}</small>"
    if isinstance(hit, WordHit):
        return f"<div>{escape(hit.word)}{score}</div>"
    return f"{_picture(hit, locate)}<div>{escape(hit.label or hit.uri)}{score}</div>"


def _picture(hit: Hit, locate: Locate) -> str:
    found = locate(hit)
    if found is None:
        return ""
    try:
        with found.opened() as (file, length):
            thumbnail = Image.fromarray(decode_opened(file, length, size=_SIDE, rule="crop")[0].pixels)
    except (ImageError, NoFileError):  # it was changed after it was loaded
        return ""
    buffer = io.BytesIO()
    thumbnail.save(buffer, "JPEG", quality=82)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(hit.label or hit.uri)}" src="data:image/jpeg;base64,{data}">'
