"""How many threads numpy's products of matrices (BLAS) are computed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_taken = Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have products of matrices computed in the thread that asks for them, within a ``with`` block.

    The threads of BLAS wait for the next product in a busy loop, OpenBLAS for some 30 ms. Where other threads have work, a short product then
    costs more than it saves.

    With the OpenBLAS of numpy's wheels this holds for all threads of the process. A BLAS that runs on OpenMP has such a number for each
    thread; it stays as it is. A block within another one, or beside it in another thread, changes nothing: what was set is put back by
    who set it, after which a second block goes on without it.
    """
    if not _taken.acquire(blocking=False):
        yield
        return
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        _taken.release()
