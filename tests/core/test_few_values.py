"""Few values of many keys: as a dictionary, and in a small part of its memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.core.few_values import FewValues
from milvise.core.records import record_id

KEYS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=5)
ITEMS = st.lists(st.tuples(KEYS, st.sampled_from(["cat", "dog", ""])), max_size=40)


@given(items=ITEMS, absent=KEYS)
def test_it_is_what_a_dictionary_is(items: list[tuple[str, str]], absent: str) -> None:
    kept, known = FewValues(items), dict(items)
    in_order = sorted(known, key=lambda key: key.encode("utf-8", "surrogatepass"))
    assert list(kept) == in_order
    assert {key: kept[key] for key in kept} == known
    assert (absent in kept) == (absent in known)
    assert kept.get(absent) == known.get(absent)
    assert kept.counts() == {value: list(known.values()).count(value) for value in set(known.values())}
    cats = [key for key in in_order if known[key] == "cat"]
    assert kept.first(2, where=lambda value: value == "cat") == cats[:2]
    assert dict(kept.only({"cat"})) == dict.fromkeys(cats, "cat")
    assert kept.places(in_order).tolist() == list(range(len(in_order)))


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        FewValues([("a", 1)])["b"]
    assert 3 not in FewValues([("a", 1)])
    assert list(FewValues(())) == []


def test_it_takes_a_part_of_what_a_dictionary_takes() -> None:
    keys = sorted(record_id(str(number)) for number in range(20_000))

    def grown(make: object) -> int:
        tracemalloc.start()
        kept = make((str(bytes(key, "ascii"), "ascii"), ("a", "b")) for key in keys)  # type: ignore[operator]
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(kept) == len(keys)
        return size

    assert 5 * grown(FewValues) < 2 * grown(dict)
    assert grown(FewValues) < 60 * len(keys)
