"""How many threads numpy's products of matrices (BLAS) are computed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_inside = 0
_limits: threadpool_limits | None = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have products of matrices computed in the thread that asks for them, in the whole process, until no such block is open.

    The threads of BLAS wait for the next product by trying again and again, OpenBLAS for some 30 ms. Where other threads have work, a short
    product then costs more than it saves.
    """
    global _inside, _limits
    with _lock:
        _inside += 1
        if _limits is None:
            _limits = threadpool_limits(1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _limits is not None:
                _limits.restore_original_limits()
                _limits = None
