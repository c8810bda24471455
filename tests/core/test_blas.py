"""Within a block, products of matrices are computed in one thread; afterwards in as many as before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from milvise.core.blas import one_blas_thread


def threads() -> set[int]:
    """Return how many threads numpy's own library has; others may be loaded beside it, with a number for each thread."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {one["num_threads"] for one in threadpool_info() if "numpy" in one["filepath"]}


@pytest.fixture(autouse=True)
def before() -> set[int]:
    found = threads()
    if max(found, default=1) < 2:
        pytest.skip("numpy brings no BLAS with several threads here")
    return found


def test_one_thread_inside_and_as_many_as_before_afterwards(before: set[int]) -> None:
    with one_blas_thread():
        assert threads() == {1}
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == before
    with pytest.raises(ValueError, match="stop"), one_blas_thread():
        raise ValueError("stop")
    assert threads() == before


@pytest.mark.parametrize("ends_first", ["first", "second"])
def test_blocks_that_overlap_in_two_threads_leave_as_many_threads_as_before(before: set[int], ends_first: str) -> None:
    begun, other_has_left = Barrier(2, timeout=20), Barrier(2, timeout=20)
    inside = Barrier(2, timeout=20)

    def load(name: str) -> set[int]:
        if name == "second":
            begun.wait()
        with one_blas_thread():
            if name == "first":
                begun.wait()
            inside.wait()
            found = threads()
            inside.wait()
            if name != ends_first:
                other_has_left.wait()
        if name == ends_first:
            other_has_left.wait()
        return found

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(load, ["first", "second"])) == [{1}, {1}]
    assert threads() == before
