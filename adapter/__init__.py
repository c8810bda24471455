"""Milvus: connect, name, create, index, upsert, search, alias, escape. Nothing here knows Keras."""

from milvise.adapter.catalog import Manifest
from milvise.adapter.collection import Collection
from milvise.adapter.connection import Connection, connect
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.store import Store

__all__ = ["Collection", "Connection", "IndexSpec", "Manifest", "Store", "connect"]
