"""Sizes and counts as people write them."""

from __future__ import annotations

import pytest

from milvise.core.sizes import exact_size, read_count, read_size, shown_size
from milvise.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GiB", 8 * 2**30), ("512 MB", 512 * 10**6), ("1.5TiB", 3 * 2**39), ("1000", 1000), ("64gib", 2**36), ("1B", 1)],
)
def test_a_size_is_bytes(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(("text", "count"), [("100M", 10**8), ("2.5k", 2500), ("20,000", 20_000), ("1B", 10**9)])
def test_a_count_is_whole(text: str, count: int) -> None:
    assert read_count(text) == count


@pytest.mark.parametrize("text", ["", "0", "-1", "GiB", "8 gibs", "8GiB8", "nan", "100M pictures"])
def test_what_is_neither_is_refused_with_what_was_expected(text: str) -> None:
    for read in (read_size, read_count):
        with pytest.raises(UsageError, match="Expected: such as"):
            read(text)


@pytest.mark.parametrize("size", [1, 1000, 2**10, 2**30, 8 * 2**30, 10**9, 5 * 2**40])
def test_a_size_is_written_so_that_it_is_read_back(size: int) -> None:
    assert read_size(exact_size(size)) == size


def test_sizes_are_shown_with_three_digits() -> None:
    assert [shown_size(size) for size in (12, 1_234, 526e9, 7.5e15)] == ["12 B", "1.23 kB", "526 GB", "7,500 TB"]
