"""Evaluating and tuning as processes: documents, files, gates, comparisons and ratings."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import schemas
from evaluation_world import GALLERY, POOR, TESTS, put_evaluation_world
from jsonschema import validate
from processes import answer, milvise, on_a_terminal

from milvise.adapter import Store, connect

EVALUATE = ["--json", "-q", "evaluate"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, and a report on its gallery in `report`."""
    folder = tmp_path_factory.mktemp("evaluate")
    connection = connect(str(folder / "milvise.db"), create=True)
    put_evaluation_world(Store(connection), folder / "pictures")
    connection.close()
    (folder / "own.toml").write_text(TESTS)
    options = ["--tests", "own.toml", "--attribute", "side", "--queries", "20", "--tagged", "100", "--similar", "5"]
    limits = ["--fail-under", "zero_shot.p@10=0.01", "--fail-over", "bias.max_skew=0.1", "--audit"]
    done = milvise(folder, *EVALUATE, "all", "--gallery", GALLERY, "--out", "report", *options, *limits)
    document = answer(done, code=1)
    validate(document, schemas.EVALUATE)
    assert [gate["kept"] for gate in document["gates"]] == [True, False]
    return folder


class Page(HTMLParser):
    """What stands in a page: addresses, ids, what anchors point at, pictures without a name, headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.unnamed: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]
        if "id" in values and tag in ("h2", "main"):
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.anchors.append(str(values["href"]).removeprefix("#"))
        if values.get("role") == "img" and not values.get("aria-label"):
            self.unnamed.append(tag)
        if tag == "script":
            self.addresses.append("a script")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)


def test_the_page_needs_no_network_and_every_picture_and_anchor_has_a_name(folder: Path) -> None:
    text = (folder / "report/report.html").read_text()
    page = Page(text)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"url\((?!data:|#)", text)
    assert set(page.anchors) <= set(page.ids)
    assert {"findings", "accuracy", "index", "bias", "absent", "made-of"} <= set(page.ids)
    assert page.unnamed == []
    assert page.headings[:2] == ["h1", "h2"]
    assert "data:image/jpeg;base64," in text
    assert "Not all limits are kept." in text


def test_the_terminal_shows_what_stands_out_and_a_comparison_with_itself_is_noise(folder: Path) -> None:
    options = ["--tagged", "100", "--similar", "5", "--compare", "report/report.json"]
    seen = on_a_terminal(folder, "evaluate", "accuracy", "--gallery", GALLERY, "--out", "again", *options).splitlines()
    assert "0 figures are worse, 0 better" in " ".join(seen)
    assert any(line.startswith("zero_shot.p@10") for line in seen)
    assert "Report: again/report.html" in seen
    assert max(len(line) for line in seen) <= 80


def test_ratings_come_back_into_the_report(folder: Path) -> None:
    audit = folder / "report/audit"
    with (audit / "answers.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["rank"] == "1"
    assert {row["picture"] for row in rows if row["picture"]} <= {path.name for path in (audit / "pictures").iterdir()}
    empty = milvise(folder, "evaluate", "ratings", "report")
    assert empty.returncode == 1
    assert "nobody has rated anything" in empty.stderr
    for name, judged in (("anna", "y"), ("bela", "n")):
        with (audit / f"answers-{name}.csv").open("w", newline="", encoding="utf-8-sig") as file:
            # As a spreadsheet writes it where the comma is the decimal mark.
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(row | {"right": "y" if number % 2 else judged} for number, row in enumerate(rows))
    # The limit that was not kept before still is not.
    found = answer(milvise(folder, *EVALUATE, "ratings", "report", "--fail-under", "rated.right=0.7"), code=1)
    assert {gate["figure"]: gate["kept"] for gate in found["gates"]} == {
        "zero_shot.p@10": True, "bias.max_skew": False, "rated.right": True,
    }  # fmt: skip
    assert found["figures"]["rated.agreement"]["value"] == pytest.approx(0.5)
    assert found["figures"]["rated.right"]["value"] == pytest.approx(0.75)
    assert "Answers that people judged" in (folder / "report/report.html").read_text()
    wrong = (audit / "answers-anna.csv").read_text("utf-8-sig").replace(";y;", ";perhaps;", 1)
    (audit / "answers-anna.csv").write_text(wrong)
    done = milvise(folder, "evaluate", "ratings", "report")
    assert done.returncode == 1
    assert "Received: perhaps" in done.stderr


def test_tuning_is_stored_for_the_next_client(folder: Path) -> None:
    tuned = answer(milvise(folder, "--json", "-q", "tune", "--gallery", GALLERY, "--recall", "0.9", "--queries", "60"))
    validate(tuned, schemas.TUNE)
    assert tuned["chosen"][0]["before"] == POOR
    status = answer(milvise(folder, "--json", "status", "--gallery", GALLERY))
    indexes = {entry["room"]: entry["index"] for entry in status["collections"]}
    assert indexes["joint"] == tuned["chosen"][0]["index"] != POOR


def test_evaluating_needs_no_neural_network(folder: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "milvise", "-q", "evaluate", "bias", "--gallery", GALLERY]
    done = subprocess.run([*command, "--out", "bias"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "pymilvus" in imported
    assert not imported & {"tensorflow", "keras", "openvino", "gensim", "torch", "jax"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["evaluate", "accuracy", "--gallery", "nothing", "--out", "x"], 1, "there is no gallery 'nothing'"),
        (["evaluate", "accuracy", "--gallery", GALLERY, "--out", "own.toml/x"], 1, "the folder own.toml/x cannot be made"),
        (["evaluate", "bias", "--gallery", GALLERY, "--out", "x", "--attribute", "sex"], 1, "pictures with side, things"),
        (["evaluate", "index", "--gallery", GALLERY, "--out", "x", "--kind", "scann"], 1, "does not have the index scann"),
        (["evaluate", "index", "--gallery", GALLERY, "--out", "x", "--compare", "own.toml"], 1, "report own.toml cannot be"),
        (["evaluate", "index", "--gallery", GALLERY, "--out", "x", "--fail-under", "a"], 2, "takes a figure's name and a number"),
        (["evaluate", "accuracy", "--gallery", GALLERY, "--out", "x", "--taxonomy", "no.csv"], 1, "taxonomy no.csv cannot be read"),
    ],
)  # fmt: skip
def test_errors_are_messages(folder: Path, arguments: list[str], code: int, message: str) -> None:
    done = milvise(folder, *arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert re.search(message, done.stderr.replace("\n", " "))
