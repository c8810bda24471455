"""What people said of a report's answers, from the spreadsheets of its audit pack."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from milvise.errors import InputError
from milvise.evaluation.audit.pack import ANSWERS, COLUMNS, HELP, answers_of
from milvise.evaluation.report.document import Report
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.evaluation.report.section import Section

_YES, _NO = frozenset({"y", "yes", "1", "true", "x"}), frozenset({"n", "no", "0", "false"})


def read_ratings(report: Report, folder: Path) -> Section:
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
            f"nobody has rated anything in {folder} yet.\nExpected: files such as answers-anna.csv\n{HELP}"
        )
    known = {(query, key): (rank, uri) for query, rank, key, uri in answers_of(report)}
    foreign = sum((row["query"], row["id"]) not in known for row in rows)
    part = Section("ratings", facts={"raters": len(files), "answers": len(known)})
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
