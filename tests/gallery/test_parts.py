"""A gallery that is projected in parts, by processes that need not know of each other."""

from __future__ import annotations

from typing import Any

import pytest
from trained_world import put_trained_world

from milvise.adapter import Store
from milvise.errors import UsageError
from milvise.gallery.parts import Part
from milvise.gallery.project import project, project_part


@pytest.mark.parametrize("of", [1, 3])
def test_parts_that_several_make_are_what_one_run_makes(own_store: Store, of: int) -> None:
    put_trained_world(own_store)
    whole = vectors_of(own_store, project(own_store, gallery="t", head="conse").collection)
    own_store.drop("t_joint")
    made = [project_part(own_store, gallery="t", head="conse", part=Part(number + 1, of)) for number in range(of)]
    assert own_store.live("t_joint") is None, "nothing goes live"
    assert sum(part.projected for part in made) == sum(part.looked_at for part in made) == len(whole)
    again = project_part(own_store, gallery="t", head="conse", part=Part(1, of))
    assert (again.looked_at, again.projected) == (made[0].looked_at, 0)
    ended = project(own_store, gallery="t", head="conse")
    assert (ended.projected, ended.rows, ended.collection) == (0, len(whole), made[0].collection)
    assert vectors_of(own_store, ended.collection) == whole


def test_what_one_has_not_made_the_end_makes(own_store: Store) -> None:
    put_trained_world(own_store)
    part = project_part(own_store, gallery="t", head="conse", part=Part(2, 4))
    ended = project(own_store, gallery="t", head="conse")
    assert 0 < part.projected < ended.rows
    assert ended.projected == ended.rows - part.projected


def test_a_run_that_goes_on_reads_the_vectors_of_what_is_left_alone(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_trained_world(own_store)
    project_part(own_store, gallery="t", head="conse", part=Part(1, 2))
    read: list[dict[str, Any]] = []
    client = own_store.connection.client
    query = client.query

    def noted(name: str, **asked: Any) -> Any:
        found = query(name, **asked)
        if name.startswith("t_visual") and "vector" in asked["output_fields"]:
            read.extend(found)
        return found

    monkeypatch.setattr(client, "query", noted)
    left = project_part(own_store, gallery="t", head="conse", part=Part(2, 2)).projected
    assert len({row["id"] for row in read}) == len(read) == left > 0


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "a/b", "1/99999", "-1/3"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no part of a gallery"):
        Part.parse(text)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 10_000])
def test_every_id_lies_in_one_part(of: int) -> None:
    edges = [Part(number, of).keys for number in range(1, of + 1)]
    assert edges[0].after == edges[-1].until == ""
    assert [one.until for one in edges[:-1]] == [one.after for one in edges[1:]]
    assert sorted(one.after for one in edges) == [one.after for one in edges]


def vectors_of(store: Store, name: str) -> dict[str, list[float]]:
    rows = store.bare(name, "joint").scan(["id", "vector"])
    return {row["id"]: [round(float(value), 5) for value in row["vector"]] for row in rows}
