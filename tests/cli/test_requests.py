"""The further requests as a process: each answers as documented, in JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import schemas
from jsonschema import validate
from processes import answer, milvise, on_a_terminal


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, photos: list[Path]) -> Path:
    """A folder with a database of 10,000 words and a gallery of real photos, each of which has an owner."""
    folder = tmp_path_factory.mktemp("world")
    chosen = [path for path in photos if path.name.startswith(("imagenet_", "chelsea"))][:12]
    rows = [f"{path},{'ann' if number % 2 else 'bob'}" for number, path in enumerate(chosen)]
    (folder / "photos.csv").write_text("\n".join(["uri,owner", *rows, f"{chosen[0]},copy"]).replace(",copy", ",ann"))
    milvise(folder, "ingest", "words", "glove-6b-50d", "--limit", "10000", "--index", "flat")
    answer(milvise(folder, "--json", "ingest", "images", "photos.csv", "--gallery", "g"))
    return folder


@pytest.fixture(scope="module")
def stored(world: Path) -> list[str]:
    """The URIs in the gallery."""
    hits = answer(milvise(world, "--json", "search", "images", "cat", "--gallery", "g", "--limit", "50"))["hits"]
    return [hit["uri"] for hit in hits]


def test_words_with_a_space_and_a_confidence(world: Path) -> None:
    for space in ("joint", "visual", "fused", "ranked"):
        document = answer(milvise(world, "--json", "search", "images", "cat", "--gallery", "g", "--space", space))
        validate(document, schemas.PICTURES)
    trusted = answer(milvise(world, "--json", "search", "images", "cat", "--gallery", "g", "--min-confidence", "0"))
    validate(trusted, schemas.TRUSTED_PICTURES)
    assert trusted["hits"]
    nothing = milvise(world, "search", "images", "because", "--gallery", "g", "--min-confidence", "1")
    assert nothing.returncode == 0
    assert "No good match: nothing has a confidence of 1.0" in nothing.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["mixed", "{0}", "{1}^0.5", "--words", "+night -day"],
        ["complete", "{0}", "{1}", "--to", "any"],
        ["complete", "{0}", "{1}", "--space", "fused"],
        ["rank", "{0}", "{1}", "{2}", "--words", "cat"],
        ["rank", "--picture", "{0}", "--filter", "width > 1", "--limit", "3"],
        ["refine", "--words", "cat", "--like", "{0}", "--dislike", "{1}", "--weights", "1", "0.5", "0.5"],
        ["similar", "{0}", "--focus", "fur - grass"],
        ["images", "cat", "--focus", "fur - grass"],
    ],
)
def test_requests_answer_with_pictures(world: Path, stored: list[str], arguments: list[str]) -> None:
    document = answer(milvise(world, "--json", "search", *(one.format(*stored) for one in arguments), "--gallery", "g"))
    validate(document, schemas.PICTURES)
    assert document["request"]["kind"] == arguments[0]
    assert document["hits"]


def test_owners_come_with_their_evidence(world: Path) -> None:
    asked = ["search", "owners", "--words", "cat", "--gallery", "g", "--evidence", "2"]
    document = answer(milvise(world, "--json", *asked))
    validate(document, schemas.OWNERS)
    assert {one["name"] for one in document["owners"]} == {"ann", "bob"}
    assert all(len(one["evidence"]) == 2 for one in document["owners"])
    assert "bob" in milvise(world, *asked).stdout


def test_an_explanation_in_both_forms(world: Path, stored: list[str]) -> None:
    asked = ["explain", stored[0], "--words", "cat qqxzz", "--gallery", "g"]
    document = answer(milvise(world, "--json", *asked))
    validate(document, schemas.EXPLANATION)
    shown = on_a_terminal(world, *asked)
    for part in ("contribution", "name and words", "unknown: qqxzz", "visual index"):
        assert part in shown


def test_duplicates_in_both_forms(world: Path) -> None:
    for kind in (["--kind", "exact"], ["--kind", "visual", "--similarity", "0.99"]):
        document = answer(milvise(world, "--json", "duplicates", "--gallery", "g", *kind))
        validate(document, schemas.DUPLICATES)
    assert "No duplicates were found" in milvise(world, "duplicates", "--gallery", "g").stderr
    refused = milvise(world, "duplicates", "--gallery", "g", "--similarity", "0.9")
    assert refused.returncode == 2
    assert "add --kind visual" in refused.stderr


@pytest.mark.parametrize("log", ["log.jsonl", "milvus"])
def test_feedback_becomes_pairs(world: Path, stored: list[str], log: str) -> None:
    asked = ["--words", "cat", "--like", stored[0], "--dislike", stored[1], "--log", log, "--gallery", "g"]
    answer(milvise(world, "--json", "search", "refine", *asked))
    out = world / f"pairs-{log}.jsonl"
    written = answer(milvise(world, "--json", "export", "pairs", "--log", log, "--out", str(out), "--gallery", "g"))
    assert written["pairs"] == 2
    pairs = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(pair["words"], pair["relevant"]) for pair in pairs] == [("cat", True), ("cat", False)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "rank", "--gallery", "g"], "nothing to search for"),
        (["search", "owners", "--words", "cat", "--by", "shop", "--gallery", "g"], "Expected: one of owner"),
        (["search", "refine", "--words", "cat", "--gallery", "g"], "there is no feedback"),
        (["search", "images", "cat", "--space", "both", "--gallery", "g"], "Expected: joint, visual, fused"),
        (["export", "pairs", "--log", "none.jsonl", "--out", "x.jsonl", "--gallery", "g"], "no feedback log"),
        (["train", "--gallery", "g", "--out", "x.keras", "--pairs", "photos.csv"], "is no pair of words and a picture"),
    ],
)
def test_errors_say_what_to_do(world: Path, arguments: list[str], message: str) -> None:
    done = milvise(world, *arguments)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert message in done.stderr.replace("\n", " ")


def test_what_was_typed_is_said_and_corrected(world: Path) -> None:
    asked = ["search", "images", "a photo of a CAT, without gitar", "--gallery", "g"]
    refused = milvise(world, *asked)
    assert refused.returncode == 2
    assert "Close spellings: guitar" in refused.stderr
    assert "--fix" in refused.stderr
    document = answer(milvise(world, "--json", *asked, "--fix"))
    validate(document, schemas.PICTURES)
    assert document["request"]["read_as"] == '"cat" - "guitar"'
    fixed = milvise(world, *asked, "--fix")
    assert fixed.returncode == 0
    assert all(remark in fixed.stderr for remark in document["request"]["remarks"])
    assert '"gitar" was corrected to "guitar".' in document["request"]["remarks"]
    assert "corrected" not in milvise(world, "--quiet", *asked, "--fix").stderr
    owners = answer(milvise(world, "--json", "search", "owners", "--words", "the kat", "--gallery", "g", "--fix"))
    assert owners["request"]["remarks"][0] == "Left out: the."


def test_words_among_words_are_corrected_where_that_is_asked(world: Path) -> None:
    document = answer(milvise(world, "--json", "search", "words", "gitar!", "--fix"))
    validate(document, schemas.WORDS)
    assert document["request"]["read_as"] == '"guitar"'
    assert document["hits"][0]["word"] == "guitar"
    assert answer(milvise(world, "--json", "search", "words", "guitar!"))["hits"] == document["hits"]


def test_pictures_are_found_by_text_and_say_so(world: Path) -> None:
    search = ("--json", "search", "images", "bob", "--gallery", "g", "--limit", "4")
    document = answer(milvise(world, *search, "--by", "text"))
    validate(document, schemas.PICTURES)
    assert document["request"]["by"] == "text"
    assert [hit["reasons"][0] for hit in document["hits"]] == ["meta.owner"] * 4
    alone = answer(milvise(world, *search, "--by", "meaning"))
    assert {tuple(hit["reasons"]) for hit in alone["hits"]} == {("meaning",)}
    refused = milvise(world, "search", "images", "bob", "--gallery", "g", "--by", "name")
    assert refused.returncode == 2
    assert "Expected: meaning, text, both" in refused.stderr
