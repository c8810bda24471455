"""How much memory the nodes of a Milvus server have that answer searches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from pymilvus.exceptions import MilvusException
from pymilvus.grpc_gen import milvus_pb2

from milvise.adapter.connection import Connection

_TIMEOUT_S = 5.0
_ASKED = json.dumps({"metric_type": "system_info"})


def query_memory(connection: Connection) -> int | None:
    """Return the bytes of memory of all query nodes together, None where the server does not tell.

    Milvus Lite has no nodes, and who may not see a server's metrics is not told.
    """
    if connection.is_lite:
        return None
    try:
        # pymilvus has no method for it.
        stub = connection.client._get_connection()._stub
        answer = stub.GetMetrics(milvus_pb2.GetMetricsRequest(request=_ASKED), timeout=_TIMEOUT_S)
        return memory_of(json.loads(answer.response)["nodes_info"])
    except (AttributeError, grpc.RpcError, KeyError, MilvusException, TypeError, ValueError):
        return None


def memory_of(nodes: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the memory of the query nodes among the nodes of a server's ``system_info``, None where none tells its own."""
    found = [
        int(infos["hardware_infos"]["memory"])
        for infos in (node.get("infos") or {} for node in nodes)
        if infos.get("type") == "querynode" and infos.get("hardware_infos", {}).get("memory")
    ]
    return sum(found) or None
