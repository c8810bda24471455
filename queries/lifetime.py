"""What this process keeps for all its databases, and when it is released: networks, heads, and threads.

They are shared, because two databases are often searched with the same network. The last database that is closed releases
them. Who searches after that, or opens another database, has them made again.
"""

from __future__ import annotations

from threading import Lock
from weakref import WeakSet

from milvise.gallery.models import close_models
from milvise.queries.at_once import close_threads

_lock = Lock()
_open: WeakSet[object] = WeakSet()
"""Weak, so that a database that nobody closed holds nothing for ever."""


def opened(database: object) -> None:
    """Note that a database is in use."""
    with _lock:
        _open.add(database)


def closed(database: object) -> None:
    """Note that a database is not in use any more; with the last one what is shared is released, and its threads end."""
    with _lock:
        _open.discard(database)
        if _open:
            return
    close_models()
    close_threads()
