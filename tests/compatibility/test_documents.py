"""The comparison itself: what it passes over, and what it sees."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from compatibility.documents import LOADED_TOLERANCE, differences, hits_of, schema_of, settled
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError, validate

HIT = {"rank": 1, "id": "a", "similarity": 0.5, "distance": 1.0, "reasons": []}
DOCUMENT = {
    "request": {"kind": "images"},
    "took_ms": {"total": 3.2},
    "hits": [HIT, {**HIT, "id": "b", "confidence": 0.9}],
}
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=8)
)


@given(JSON)
def test_a_document_has_its_own_schema_and_differs_not_from_itself(document: Any) -> None:
    validate(document, schema_of(document))
    assert list(differences(settled(document), settled(copy.deepcopy(document)))) == []


def changed(**entries: Any) -> Any:
    """Return the document with other entries in its first hit; None removes one."""
    hit = {name: value for name, value in (HIT | entries).items() if value is not None}
    return {**DOCUMENT, "hits": [hit, DOCUMENT["hits"][1]]}


@pytest.mark.parametrize(
    "entry", [{"id": 7}, {"similarity": "0.5"}, {"similarity": None}, {"new": 1}, {"reasons": "label"}]
)
def test_a_schema_sees_what_is_gone_new_or_of_another_type(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validate(changed(**entry), schema_of(DOCUMENT))


def test_a_key_that_not_all_entries_have_is_optional() -> None:
    validate(changed(confidence=0.1), schema_of(DOCUMENT))


def test_times_alone_are_passed_over() -> None:
    later = {**DOCUMENT, "took_ms": {"total": 9.9}}
    assert list(differences(settled(DOCUMENT), settled(later))) == []
    assert list(differences(settled(DOCUMENT), settled({**DOCUMENT, "took_ms": {}}))) == ["/took_ms/total: gone"]
    timed, other = ({"index.joint.qps_1": {"value": value, "n": value}} for value in (1.5, 2.5))
    assert list(differences(settled(timed), settled(other))) == ["/index.joint.qps_1/n: 1.5 is 2.5"]


def test_numbers_differ_from_a_millionth_on() -> None:
    assert list(differences(DOCUMENT, changed(similarity=0.5 + 5e-7))) == []
    assert list(differences(DOCUMENT, changed(similarity=0.5 + 2e-6))) == ["/hits/0/similarity: 0.5 is 0.500002"]
    assert list(differences(DOCUMENT, changed(similarity=0.5 + 2e-6), LOADED_TOLERANCE)) == []
    assert list(differences(DOCUMENT, changed(similarity=0.5 + 2e-4), LOADED_TOLERANCE)) == [
        "/hits/0/similarity: 0.5 is 0.5002"
    ]
    assert list(differences(DOCUMENT, changed(id="b"))) == ["/hits/0/id: 'a' is 'b'"]


def test_hits_are_found_wherever_they_stand() -> None:
    assert list(hits_of({"owners": [{"name": "ann", "similarity": 0.7, "evidence": DOCUMENT["hits"]}]})) == [
        ("ann", 0.7), ("a", 0.5), ("b", 0.5)
    ]  # fmt: skip
