"""Strings in expressions: whatever they hold, they are data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.adapter.escape import both, is_in, literal
from milvise.errors import FilterError

UTF8 = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(UTF8)
def test_a_literal_is_read_back_as_it_was(value: str) -> None:
    assert json.loads(literal(value)) == value


@given(UTF8)
def test_no_quote_ends_a_literal_before_its_end(value: str) -> None:
    body = literal(value)[1:-1]
    position = 0
    while position < len(body):
        assert body[position] != '"'
        position += 2 if body[position] == "\\" else 1
    assert position == len(body)


@given(st.lists(UTF8, max_size=5))
def test_a_list_holds_each_value_once(values: list[str]) -> None:
    assert json.loads(is_in("word", values).removeprefix("word in ")) == values


def test_characters_beyond_ascii_stay_as_they_are() -> None:
    assert literal("é日😀") == '"é日😀"'


@pytest.mark.parametrize("value", ["a\0b", "\udcff", "caf\udce9"])
def test_what_milvus_cannot_store_is_refused(value: str) -> None:
    with pytest.raises(FilterError, match="Received"):
        literal(value)


def test_filters_are_joined_so_that_neither_changes_the_other() -> None:
    assert both("", 'label == "a"') == 'label == "a"'
    assert both("a == 1 or b == 2", "c == 3") == "(a == 1 or b == 2) and (c == 3)"
