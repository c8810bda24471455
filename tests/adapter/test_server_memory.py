"""What a server says of its memory."""

from __future__ import annotations

import pytest

from milvise.adapter import Store
from milvise.adapter.server_memory import memory_of, query_memory


def node(kind: str, memory: int) -> dict[str, object]:
    return {"infos": {"type": kind, "hardware_infos": {"memory": memory}}}


def test_the_query_nodes_are_counted_together() -> None:
    assert memory_of([node("querynode", 8), node("datanode", 64), node("querynode", 4)]) == 12


@pytest.mark.parametrize("nodes", [[], [node("proxy", 8)], [node("querynode", 0)], [{}], [{"infos": None}]])
def test_a_server_that_does_not_tell_has_no_known_memory(nodes: list[dict[str, object]]) -> None:
    assert memory_of(nodes) is None


@pytest.mark.milvus("memory", "lite", "server")
def test_a_server_tells_what_its_machine_has_and_others_tell_nothing(store: Store) -> None:
    found = query_memory(store.connection)
    if store.connection.uri.startswith("http://127"):
        assert found is not None
        assert 2**28 < found < 2**46
    else:
        assert found is None
