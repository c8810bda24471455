"""The column that says how words found a picture stands only where it says something."""

from __future__ import annotations

import pytest

from milvise.console import Output
from milvise.records import Hit


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
