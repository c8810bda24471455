"""The language of word expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.errors import ExpressionError
from milvise.queries.vocabulary.expression import Term, parse, render


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("dog", [("dog", 1)]),
        ("cat sofa", [("cat", 1), ("sofa", 1)]),
        ("  cat\tsofa ", [("cat", 1), ("sofa", 1)]),
        ("king - man + woman", [("king", 1), ("man", -1), ("woman", 1)]),
        ("+night -day", [("night", 1), ("day", -1)]),
        ("- day", [("day", -1)]),
        ("cat^2 sofa", [("cat", 2), ("sofa", 1)]),
        ("cat^0.5 -sofa^.25", [("cat", 0.5), ("sofa", -0.25)]),
        ('"dining table"', [("dining table", 1)]),
        ('"dining table"^3 lamp', [("dining table", 3), ("lamp", 1)]),
        ("dining_table", [("dining_table", 1)]),
        ("c++", [("c++", 1)]),
        ("t-shirt", [("t-shirt", 1)]),
        ("'s", [("'s", 1)]),
        ("it's", [("it's", 1)]),
        ("\\", [("\\", 1)]),
        ('"\\""', [('"', 1)]),
        ('"\\\\"', [("\\", 1)]),
        ('"-"', [("-", 1)]),
        ('"+" - "^"', [("+", 1), ("^", -1)]),
        ("x^", [("x^", 1)]),
        ("x^y", [("x^y", 1)]),
        ('"x^2"', [("x^2", 1)]),
        ("--", [("-", -1)]),
        ("été 日本", [("été", 1), ("日本", 1)]),
    ],
)
def test_expressions_are_read_as_terms(text: str, terms: list[tuple[str, float]]) -> None:
    assert [(term.phrase, term.weight) for term in parse(text)] == terms


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("cat -", "nothing follows"),
        ("+", "nothing follows"),
        ('"cat', "not closed"),
        ('"', "not closed"),
        ('""', "nothing between"),
        ('" "', "nothing between"),
        ('"cat"dog', "must follow a closing quote"),
        ("cat^0", "a weight cannot be used"),
        ("cat^" + "9" * 400, "a weight cannot be used"),
        ("cat " * 257, "at most 256 terms"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        terms = parse(text)
    except ExpressionError:
        return
    assert terms
    assert all(term.phrase.strip() and term.weight for term in terms)


PHRASES = st.text(min_size=1, max_size=12).filter(str.strip)
WEIGHTS = st.decimals(min_value="0.01", max_value="99", places=2).map(float).flatmap(lambda w: st.sampled_from([w, -w]))


@given(st.lists(st.builds(Term, PHRASES, WEIGHTS), min_size=1, max_size=4).map(tuple))
def test_what_is_rendered_is_read_back(terms: tuple[Term, ...]) -> None:
    assert parse(render(terms)) == terms


@given(st.lists(st.sampled_from(["cat", "sofa", "c++", "'s", "\\", "t-shirt", "日本"]), min_size=1, max_size=5))
def test_plain_words_need_no_quotes(words: list[str]) -> None:
    assert [term.phrase for term in parse(" ".join(words))] == words
