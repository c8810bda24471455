"""The index of the words of pictures' texts: it tells what a look at every text tells."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.core.records import Row
from milvise.queries.recent import Recent
from milvise.queries.text.tiers import Tier, tiers
from milvise.queries.text.word_index import WordIndex
from milvise.queries.text.words import phrases
from milvise.queries.vocabulary.expression import Term

WORDS = ("dog", "dogs", "hotdog", "traffic", "light", "TrafficLight", "café", "12", "black")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("_".join)
TERMS = st.lists(
    st.tuples(st.sampled_from(("dog", "traffic light", "black dog", "café", "light", "absent")), st.sampled_from((1.0, 0.5, -1.0))),
    min_size=1, max_size=3,
).map(lambda terms: [Term(phrase, weight) for phrase, weight in terms])  # fmt: skip


def pictures(texts: list[tuple[str, str, str]]) -> list[Row]:
    return [
        {"id": f"{place}", "label": label, "uri": f"{name}/{name}.jpg", "meta": {"caption": caption, "tags": [label]}}
        for place, (label, name, caption) in enumerate(texts)
    ]


def told(found: list[Tier]) -> list[tuple[float, dict[str, int], list[str]]]:
    return [(pytest.approx(tier.share), dict(tier.labelled), tier.others) for tier in found]


@given(st.lists(st.tuples(TEXTS, NAMES, TEXTS), max_size=12).map(pictures), TERMS)
def test_it_tells_what_a_look_at_every_text_tells(rows: list[Row], terms: list[Term]) -> None:
    wanted = phrases(terms)
    assert told(WordIndex(rows).tiers(wanted)) == told(tiers(wanted, rows))


def test_the_rest_of_a_tier_is_what_is_not_known() -> None:
    rows = pictures([("dog", "a", ""), ("dog", "b", ""), ("", "dog", ""), ("", "c", "a dog")])
    (tier,) = WordIndex(rows).tiers(phrases([Term("dog")]))
    assert tier.rest({}) == ('label in ["dog"] or id in ["2", "3"]', 4)
    assert tier.rest({"0": rows[0], "2": rows[2]}) == ('label in ["dog"] or id in ["3"]', 3)
    assert tier.rest({row["id"]: row for row in rows}) == ("", 0)


def test_an_answer_that_is_not_worth_keeping_is_made_again() -> None:
    recent: Recent[str] = Recent(2)
    made = iter(string.ascii_letters)
    assert [recent.of(("x",), lambda: next(made), worth_keeping=lambda one: one != "a") for _ in range(3)] == [
        "a",
        "b",
        "b",
    ]
