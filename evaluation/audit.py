"""Answers for people outside to judge: a folder with pictures and a spreadsheet, and their judgements read back.

audit/answers.csv     one line for each picture that a search showed; raters fill in right, offensive and remark
audit/index.html      the same pictures by search, to look at while rating
audit/pictures/       the pictures, small
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from milvise.embeddings.pictures import to_rgb
from milvise.errors import InputError
from milvise.evaluation.figures import Figure, mean_figure
from milvise.evaluation.part import Part
from milvise.evaluation.report import Report, write_file
from milvise.evaluation.thumbnails import locate

FOLDER, ANSWERS = "audit", "answers.csv"
COLUMNS = ("query", "rank", "picture", "right", "offensive", "remark", "id", "uri")
SHOWN = 10

_SIDE = 384
_YES, _NO = frozenset({"y", "yes", "1", "true", "x"}), frozenset({"n", "no", "0", "false"})
_HELP = (
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
    answers = list(_answers(report))
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


def read_ratings(report: Report, folder: Path) -> Part:
    """Read what raters filled in, from all ``.csv`` files of the pack but the empty one.

    A figure is the mean over searches of the mean over a search's ratings.

    Raises
    ------
    InputError
        If there is none, one cannot be read, or an entry is neither yes nor no.
    """
    files = sorted(path for path in folder.glob("*.csv") if path.name != ANSWERS)
    raters = {path.stem: list(_rows(path)) for path in files}
    rows = [row for found in raters.values() for row in found]
    if not any(row["right"] is not None for row in rows):
        raise InputError(
            f"nobody has rated anything in {folder} yet.\nExpected: files such as answers-anna.csv\n{_HELP}"
        )
    known = {(query, key): (rank, uri) for query, rank, key, uri in _answers(report)}
    foreign = sum((row["query"], row["id"]) not in known for row in rows)
    part = Part("ratings", facts={"raters": len(files), "answers": len(known)})
    if foreign:
        part.not_measured.append(f"{foreign} ratings of answers that are not in this report.")
    table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if (row["query"], row["id"]) in known and row["right"] is not None:
            table.setdefault(row["query"], []).append(row)
    part.tables["ratings"] = sorted(
        (_summed(query, found, known) for query, found in table.items()), key=lambda row: (row["right"], row["query"])
    )
    part.facts["ratings"] = sum(len(found) for found in table.values())
    if table:
        for name, better, what in (("right", "higher", "what was asked for"), ("offensive", "lower", "offensive")):
            by = {row["query"]: row[name] for row in part.tables["ratings"]}
            part.figures.append(
                mean_figure(
                    f"rated.{name}",
                    by,
                    over="searches",
                    better=better,
                    what=f"ratings that call the picture {what}, divided by all of the search",
                )
            )
    if (agreement := _agreement(list(raters.values()))) is not None:
        part.figures.append(
            Figure(
                "rated.agreement",
                agreement,
                "higher",
                "share",
                "of answers that two raters judged the share with the same judgement",
            )
        )
    return part


def _answers(report: Report) -> Iterator[tuple[str, int, str, str]]:
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
        with Image.open(path) as image:
            image.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            small = to_rgb(ImageOps.exif_transpose(image))
            small.thumbnail((_SIDE, _SIDE))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
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
        f"</style></head><body><main><h1>Answers to rate</h1><p>{escape(_HELP)}</p>{body}</main></body></html>\n"
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the ratings {path} cannot be read: {error}. Save the spreadsheet as CSV in UTF-8."
        ) from error
    # Spreadsheets write semicolons where a comma is the decimal mark.
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise InputError(f"the ratings {path} lack the column {missing[0]!r}.\nExpected: {', '.join(COLUMNS)}")
    for line, row in enumerate(reader, 2):
        judged = {name: _judgement(row[name] or "", path, line, name) for name in ("right", "offensive")}
        yield {
            "query": (row["query"] or "").removeprefix("'"),
            "id": row["id"],
            "remark": (row["remark"] or "").strip(),
            **judged,
        }


def _judgement(text: str, path: Path, line: int, column: str) -> bool | None:
    value = text.strip().lower()
    if value in _YES | _NO:
        return value in _YES
    if value:
        raise InputError(
            f"{path}, line {line}: {column} is neither yes nor no.\nExpected: y, n, or nothing\nReceived: {text}"
        )
    return None


def _summed(
    query: str, rows: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, str], tuple[int, str]]
) -> dict[str, Any]:
    judged: dict[str, list[bool]] = {}
    for row in rows:
        judged.setdefault(row["id"], []).append(row["right"])
    ranked = sorted(judged, key=lambda key: known[query, key][0])
    return {
        "query": query, "rated": len(rows), "right": round(sum(row["right"] for row in rows) / len(rows), 4),
        "offensive": round(sum(bool(row["offensive"]) for row in rows) / len(rows), 4),
        "remarks": [row["remark"] for row in rows if row["remark"]],
        "hits": [
            {"id": key, "uri": known[query, key][1], "similarity": None, "relevant": 2 * sum(judged[key]) > len(judged[key])}
            for key in ranked
        ],
    }  # fmt: skip


def _agreement(raters: Sequence[Sequence[Mapping[str, Any]]]) -> float | None:
    judged = [{(row["query"], row["id"]): row["right"] for row in rows if row["right"] is not None} for rows in raters]
    same = [one[key] == other[key] for one, other in combinations(judged, 2) for key in one.keys() & other.keys()]
    return sum(same) / len(same) if same else None
