"""Partitions: filters on the column name them and mean what they did, and rows move between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from backends import EVERY, MEMORY
from hypothesis import given
from hypothesis import strategies as st
from memory_client import connect_to_memory

from milvise.adapter import Collection, Connection, Manifest, Store
from milvise.adapter.catalog import essence_of
from milvise.adapter.pages import KeyRange
from milvise.adapter.partition import FIELD, PARTITIONS, narrowed, partition_of
from milvise.core.records import record_id

DIM = 8
OWNERS = ("anna", "bert", 'c"\\d', "é", "", 5, 5.0, 7.5, True, None, ["anna"], "x" * 2_000)
ROWS = 60


def row(number: int, owner: Any, seed: int = 0) -> dict[str, Any]:
    uri = f"{number}.jpg"
    meta = {"number": number} if owner is None else {"number": number, "owner": owner}
    vector = np.random.default_rng([seed, number]).normal(size=DIM)
    return {
        "id": record_id(uri), "uri": uri, "label": "even" if number % 2 == 0 else "odd", "sha256": f"{number:064x}",
        "width": number, "height": 1, "meta": meta, "vector": vector,
    }  # fmt: skip


def build(store: Store, name: str, partition: str) -> Collection:
    made = store.build(Manifest(f"{name}_visual", "visual", DIM, {"made": name}, partition=partition))
    made.upsert(row(number, OWNERS[number % len(OWNERS)]) for number in range(ROWS))
    made.settle()
    return made


@pytest.mark.parametrize(
    ("filter", "values"),
    [
        ('meta["owner"] == "anna"', ["anna"]),
        ('"anna" == meta["owner"]', ["anna"]),
        ("meta['owner'] == 'anna' and width > 3", ["anna"]),
        ('meta["owner"] in ["anna", "bert"]', ["anna", "bert"]),
        ('meta["owner"] == "anna" or meta["owner"] == "bert"', ["anna", "bert"]),
        ('(meta["owner"] == "anna" || meta["owner"] == 5.0) && (label == "x" or width > 3)', ["5", "anna"]),
        ('width > 3 and ((meta["owner"] in ["a", "b"]) and meta["owner"] == "b")', ["b"]),
        ('meta["owner"] == -5 and (width + 3) > 4', ["-5"]),
        ('meta["owner"] == "q\\"\\\\"', ['q"\\']),
        ('meta["owner"] == 7.5', [""]),
    ],
)
def test_filters_on_the_column_name_its_partitions(filter: str, values: list[str]) -> None:
    from milvise.adapter.escape import is_in

    assert narrowed(filter, "owner") == f"({is_in(FIELD, values)}) and ({filter})"


@pytest.mark.parametrize(
    "filter",
    [
        "",
        "width > 3",
        'meta["owner"] != "anna"',
        'not (meta["owner"] == "anna")',
        'not meta["owner"] == "anna"',
        'meta["owner"] not in ["anna"]',
        'meta["owner"] == "anna" or width > 3',
        'meta["owner"] like "anna%"',
        'meta["owner"] == "a" == true',
        'meta["owner"]["first"] == "anna"',
        'meta["other"] == "owner"',
        'label == "meta[\\"owner\\"] == \\"anna\\""',
        'meta["owner"] == "a\\n"',
        "meta['owner'] == 'a\\'b'",
        'meta["owner"] == "anna" and',
        'meta["owner"] == "anna")',
        '(meta["owner"] == "anna"',
        'meta["owner"] == "anna" and meta["owner"] == "bert"',
        'json_contains(meta["owner"], "anna")',
        'meta["owner"] == true',
        'meta["owner"] in []',
        'meta["owner"] in ["a" "b"]',
        'meta["owner"] == meta["owner"]',
    ],
)
def test_other_filters_stay_as_they_are(filter: str) -> None:
    assert narrowed(filter, "owner") == filter


COMPARED = st.sampled_from([
    'meta["owner"] == "anna"', 'meta["owner"] == "bert"', 'meta["owner"] == 5', 'meta["owner"] == 7.5', 'meta["owner"] == ""',
    'meta["owner"] == "é"', '"anna" == meta["owner"]', 'meta["owner"] != "anna"', "width > 20", 'label == "odd"', 'meta["number"] == 3',
])  # fmt: skip
FILTERS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "&&", "||"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("not ({})".format),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def two() -> tuple[Collection, Collection]:
    store = Store(connect_to_memory())
    return build(store, "plain", ""), build(store, "kept", "owner")


@given(filter=FILTERS)
def test_a_filter_selects_the_same_rows(filter: str, two: tuple[Collection, Collection]) -> None:
    plain, kept = ({found["width"] for found in one.query(filter, fields=["width"])} for one in two)
    assert plain == kept


@given(values=st.tuples(*[st.one_of(st.integers(), st.floats(), st.booleans(), st.text())] * 2))
def test_equal_values_have_the_same_partition(values: tuple[Any, Any]) -> None:
    one, other = values
    if one == other:
        assert partition_of({"owner": one}, "owner") == partition_of({"owner": other}, "owner")


@pytest.fixture(scope="module")
def owned(store: Store) -> Iterator[Collection]:
    yield build(store, "owned", "owner")
    store.discard(Manifest("owned_visual", "visual", DIM, {"made": "owned"}))


@pytest.mark.milvus(*EVERY)
def test_rows_stand_in_the_partition_of_their_column(owned: Collection) -> None:
    for owner, text in (("anna", '"anna"'), ('c"\\d', '"c\\"\\\\d"'), (5, "5"), ("", '""')):
        wanted = {number for number in range(ROWS) if OWNERS[number % len(OWNERS)] == owner}
        asked = f'meta["owner"] == {text}'
        assert {found["width"] for found in owned.query(asked, fields=["width"])} == wanted
        assert owned.count(asked) == len(wanted)
        hits = owned.search(np.ones((1, DIM)), limit=ROWS, fields=["width", FIELD], filter=asked)[0]
        assert {found["width"] for found, _ in hits} == wanted
        assert {found[FIELD] for found, _ in hits} == {partition_of({"owner": owner}, "owner")}
        assert {found["width"] for found in owned.scan(["width"], filter=asked)} == wanted
    assert len(list(owned.scan(["id"]))) == ROWS
    keys = KeyRange(after=record_id("1.jpg"))
    assert all(found["id"] > keys.after for found in owned.scan(["id"], filter='meta["owner"] == "anna"', keys=keys))


@pytest.mark.milvus(*EVERY)
def test_a_row_that_is_written_again_is_in_one_partition(owned: Collection) -> None:
    number = 12
    for owner in ("bert", "anna", "zoe", OWNERS[0]):
        owned.upsert([row(number, owner, seed=1), row(number, owner)])
        owned.settle()
        assert owned.count() == ROWS
        assert {found["width"] for found in owned.query(f'meta["owner"] == "{owner}"', fields=["width"])} >= {number}
        others = owned.query(f'meta["owner"] != "{owner}"', fields=["width"])
        assert number not in {found["width"] for found in others}
        (found,) = owned.get([record_id(f"{number}.jpg")], fields=["meta", "vector"]).values()
        assert found["meta"]["owner"] == owner
        np.testing.assert_allclose(found["vector"], row(number, owner)["vector"], rtol=1e-5)
    owned.delete([record_id(f"{number}.jpg")])
    assert owned.count() == ROWS - 1
    assert owned.get([record_id(f"{number}.jpg")], fields=["width"], own_writes=True) == {}
    owned.upsert([row(number, OWNERS[0])])
    owned.settle()


@pytest.mark.milvus(*EVERY)
def test_a_server_is_told_and_partitions_by_it(
    store: Store, owned: Collection, milvus_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = store.describe(owned.name)
    kept = essence_of(described)
    assert kept is not None
    assert kept.partition == "owner"
    assert store.restored(owned.manifest.changed(partition="")).partition == "owner"
    sent: list[str] = []
    client = store.connection.client
    search = client.search

    def noted(*args: Any, **asked: Any) -> Any:
        sent.append(asked["filter"])
        return search(*args, **asked)

    monkeypatch.setattr(client, "search", noted)
    owned.search(np.ones((1, DIM)), limit=3, fields=["id"], filter='meta["owner"] == "anna"')
    plain = 'meta["owner"] == "anna"'
    assert sent == [plain if store.connection.is_lite else f'({FIELD} in ["anna"]) and ({plain})']
    if milvus_uri == MEMORY:
        return
    keyed = {field["name"] for field in described["fields"] if field.get("is_partition_key")}
    assert keyed == (set() if store.connection.is_lite else {FIELD})
    if not store.connection.is_lite:
        assert len(client.list_partitions(owned.name)) == PARTITIONS


def test_what_stands_without_a_partition_is_as_it_was() -> None:
    store = Store(connect_to_memory())
    plain = build(store, "plain", "")
    assert [field["name"] for field in store.describe(plain.name)["fields"]] == [
        "id", "uri", "label", "sha256", "width", "height", "meta", "vector",
    ]  # fmt: skip
    assert "partition" not in plain.manifest.essence()
    kept = plain.manifest.changed(partition="owner")
    assert kept.collection == plain.manifest.collection


def test_a_server_that_upserts_into_partitions_is_asked_to() -> None:
    from memory_client import MemoryClient

    class Counting(MemoryClient):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []

        def upsert(self, name: str, rows: Any, **asked: Any) -> None:
            self.calls.append("upsert")
            super().upsert(name, rows, **asked)

        def insert(self, name: str, rows: Any, **asked: Any) -> None:
            self.calls.append("insert")
            super().upsert(name, rows, **asked)

    for version, wanted in (("2.3.5", "insert"), ("v2.4.0", "upsert"), ("3.0.1", "upsert")):
        client = Counting()
        store = Store(Connection(client, uri="http://memory-v", is_lite=False, version=version))  # type: ignore[arg-type]
        made = store.build(Manifest("v_visual", "visual", DIM, {"made": "v"}, partition="owner"))
        client.calls.clear()
        made.upsert([row(1, "anna"), row(2, "bert")])
        assert client.calls == [wanted]
