"""Hostile word files: no code is run, memory and time are bounded, and each is refused, or loaded with counts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hostile.case import Case
from hostile.words import make

from milvise.embeddings.words.load import load_words
from milvise.embeddings.words.tag_vectors import train_words
from milvise.errors import InputError

SECONDS, MEGABYTES = 30, 300
"""What each may take, beside the process as it stands."""


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("canary") / "ran"
    before = os.environ.get("MILVISE_CANARY")
    os.environ["MILVISE_CANARY"] = str(path)
    yield path
    os.environ.pop("MILVISE_CANARY")
    if before is not None:
        os.environ["MILVISE_CANARY"] = before


@pytest.fixture(scope="module")
def cases(canary: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return make(tmp_path_factory.mktemp("hostile"))


def memory(name: str) -> float:
    """Return a figure of this process in megabytes, 0 where the system has none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def forget_peak() -> float:
    """Let the peak of memory start anew; return what is taken now."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")
    return memory("VmRSS")


def meet(case: Case) -> str:
    source = Path(case.arguments[2])
    try:
        if "--train" in case.arguments:
            loaded = train_words(source)
        else:
            loaded = load_words(str(source), components=0 if "--remove-components" in case.arguments else None)
    except InputError as error:
        assert str(error).splitlines()[0].isprintable(), "the message would act on a terminal"
        assert len(str(error)) < 7_000
        return "refused"
    assert len(loaded.words) == len(loaded.vectors) > 0
    np.testing.assert_allclose(np.linalg.norm(loaded.vectors, axis=1), 1, rtol=1e-4)
    return "loaded"


@pytest.mark.timeout(200)
def test_hostile_files_run_no_code_and_take_little_memory_and_time(cases: list[Case], canary: Path) -> None:
    found = []
    for case in cases:
        before, started = forget_peak(), time.monotonic()
        ends = meet(case)
        seconds, grown = time.monotonic() - started, memory("VmHWM") - before
        if ends != case.ends or seconds > SECONDS or grown > MEGABYTES or canary.exists():
            found.append(f"{case.name}: {ends}, {seconds:.1f} s, {grown:.0f} MB, code run: {canary.exists()}")
    assert found == []
    assert len(cases) >= 40
