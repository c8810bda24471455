"""A search by an ordinary vector imports no SciPy; one by a sparse matrix of SciPy goes on being seen as one."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("scipy", reason="SciPy is not installed, so that nothing could import it")

# In a process of its own: other tests have SciPy imported by now.
CODE = """
import sys
from pymilvus.client.entity_helper import entity_is_sparse_matrix
from milvise.adapter.dense_queries import spare_scipy

spare_scipy()
assert not entity_is_sparse_matrix([[0.5, 0.5]])
assert not any(name.startswith("scipy") for name in sys.modules)

from scipy.sparse import csr_array, csr_matrix

for matrix in (csr_matrix([[0.0, 1.0]]), csr_array([[0.0, 1.0]])):
    assert entity_is_sparse_matrix(matrix)
    assert entity_is_sparse_matrix([matrix])
assert not entity_is_sparse_matrix([[0.5, 0.5]])
print("as it was")
"""


def test_scipy_is_imported_only_where_somebody_has_a_sparse_matrix() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout == "as it was\n", done.stderr
