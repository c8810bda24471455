"""Columns that say how words found a picture, or how sure a tag is, stand only where they say something."""

from __future__ import annotations

import json

import pytest

from milvise.cli.console import Output
from milvise.core.records import Hit, WordHit


def printed(capsys: pytest.CaptureFixture[str], *reasons: tuple[str, ...]) -> list[list[str]]:
    hits = [Hit(str(n), f"{n}.jpg", "", 0.5, 1.0, reasons=each) for n, each in enumerate(reasons)]
    Output().hits({}, {}, hits)
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_a_table_says_which_texts_hold_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(capsys, ("meaning", "label"), ("meaning",), ("meta.caption", "file name"))
    assert [row[-1] for row in rows] == ["meaning, label", "meaning", "meta.caption, file name"]


@pytest.mark.parametrize("reasons", [(), ("meaning",)])
def test_a_table_of_meaning_alone_is_as_it_was(capsys: pytest.CaptureFixture[str], reasons: tuple[str, ...]) -> None:
    (row,) = printed(capsys, reasons)
    assert row == ["1", "0.jpg", "", "0.500000", "1.000000"]


def test_a_table_of_tags_says_how_sure_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Output().hits({}, {}, [WordHit("dog", 0.5, 1.0, 0.9), WordHit("pet", 0.5, 1.0)])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [["1", "dog", "0.500000", "1.000000", "0.900"], ["2", "pet", "0.500000", "1.000000", ""]]


def test_a_table_of_words_that_are_only_close_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    Output().hits({}, {}, [WordHit("pet", 0.5, 1.0)])
    assert capsys.readouterr().out.splitlines() == ["1\tpet\t0.500000\t1.000000"]


def test_json_has_a_probability_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).hits({}, {}, [WordHit("dog", 0.5, 1.0, 0.9), WordHit("pet", 0.5, 1.0)])
    first, second = json.loads(capsys.readouterr().out)["hits"]
    assert first["probability"] == 0.9
    assert "probability" not in second
