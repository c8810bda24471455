"""On which Milvus a suite runs.

Most suites are about milvise, and run on a Milvus in memory, which the contract (``adapter/test_store_contract.py``) holds
equal to the real ones. What is about Milvus itself names the real ones: ``pytest.mark.milvus(*REAL)``. With
``MILVISE_TEST_THOROUGH=1`` every suite runs on every Milvus.
"""

from __future__ import annotations

import os

import pytest

MEMORY = "memory"
REAL = ("lite", "server", "compose", *(("uri",) if "MILVISE_TEST_URI" in os.environ else ()))
EVERY = (MEMORY, *REAL)
IN_PROCESS = (MEMORY, "lite")
THOROUGH = "MILVISE_TEST_THOROUGH" in os.environ


def backends_of(item: pytest.Function) -> tuple[str, ...]:
    """Return where a test runs that asks for a Milvus."""
    named = item.get_closest_marker("milvus")
    if THOROUGH:
        return EVERY
    return (MEMORY,) if named is None else tuple(named.args)
