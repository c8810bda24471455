"""docs/capacity.md shows what benchmarks/capacity.py prints."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_tables_of_the_page_are_those_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    capacity = importlib.import_module("capacity")
    page = (ROOT / "docs/capacity.md").read_text("utf-8")
    shown = re.findall(r"<!-- benchmarks/capacity\.py -->\n\n((?:\|.*\n)+)", page)
    made = ["\n".join(table) + "\n" for table in (capacity.sizes(), capacity.indexes(), capacity.times())]
    sys.modules.pop("capacity", None)
    assert shown == made
