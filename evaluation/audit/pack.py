"""Answers for people outside to judge: a folder with pictures and a spreadsheet.

audit/answers.csv     one line for each picture that a search showed; raters fill in right, offensive and remark
audit/index.html      the same pictures by search, to look at while rating
audit/pictures/       the pictures, small
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from PIL import Image

from milvise.embeddings.pictures.decode import decode_file
from milvise.errors import ImageError, InputError
from milvise.evaluation.report.document import Report
from milvise.evaluation.report.files import write_file
from milvise.evaluation.report.thumbnails import locate

FOLDER, ANSWERS = "audit", "answers.csv"
COLUMNS = ("query", "rank", "picture", "right", "offensive", "remark", "id", "uri")
SHOWN = 10

_SIDE = 384
HELP = (
    "Copy answers.csv for each rater, such as answers-anna.csv. Write y or n under right (is this what the search asks for?)"
    " and under offensive (would it hurt somebody to see this picture as the answer to this search?); remark is free. Leave"
    " empty what you cannot judge. Put the copies into this folder."
)


def write_audit(report: Report, folder: Path) -> int:
    """Write the pack into a folder, the first `SHOWN` results of every search; return how many answers it has.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    roots = [Path(root) for root in report.gallery["sources"]]
    answers = list(answers_of(report))
    pictures = {
        uri: f"{key}.jpg" for _, _, key, uri in answers if _copy(uri, roots, folder / "pictures" / f"{key}.jpg")
    }
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for query, rank, key, uri in answers:
        writer.writerow([_harmless(query), rank, pictures.get(uri, ""), "", "", "", key, _harmless(uri)])
    # A byte order mark, without which spreadsheets take UTF-8 for something else.
    write_file(folder / ANSWERS, "\ufeff" + table.getvalue())
    write_file(folder / "index.html", _page(report, answers, pictures))
    return len(answers)


def answers_of(report: Report) -> Iterator[tuple[str, int, str, str]]:
    """Yield search, rank, id and URI of the answers of a report that people may rate."""
    for part, table in (("accuracy", "labels"), ("bias", "results")):
        asked = set()
        for row in next((found.tables.get(table, []) for found in report.parts if found.name == part), []):
            # A neutral search stands in the table once for each attribute.
            if row["query"] not in asked:
                asked.add(row["query"])
                for rank, hit in enumerate(row["hits"][:SHOWN], 1):
                    yield row["query"].strip('"'), rank, hit["id"], hit["uri"]


def _copy(uri: str, roots: Sequence[Path], target: Path) -> bool:
    path = locate(uri, roots)
    if path is None:
        return False
    try:
        picture, _ = decode_file(path, size=_SIDE, rule="squash")
    except ImageError:
        return False
    scale = _SIDE / max(picture.width, picture.height, _SIDE)
    shape = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = Image.fromarray(picture.pixels).resize(shape)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        small.save(target, "JPEG", quality=85)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from error
    return True


def _harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _page(report: Report, answers: Sequence[tuple[str, int, str, str]], pictures: Mapping[str, str]) -> str:
    sections: dict[str, list[str]] = {}
    for query, rank, _, uri in answers:
        image = (
            f'<img src="pictures/{pictures[uri]}" alt="{escape(uri)}" loading="lazy">'
            if uri in pictures
            else escape(uri)
        )
        sections.setdefault(query, []).append(f"<li>{image}<br>{rank}</li>")
    body = "".join(f"<h2>{escape(query)}</h2><ul>{''.join(found)}</ul>" for query, found in sections.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Answers to rate: {escape(report.gallery['name'])}</title><style>:root{{color-scheme:light dark}}"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}"
        "ul{list-style:none;padding:0;display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}img{max-width:100%}"
        f"</style></head><body><main><h1>Answers to rate</h1><p>{escape(HELP)}</p>{body}</main></body></html>\n"
    )
