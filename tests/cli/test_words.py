"""The command line's ways to replace words and to remove them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import answer, milvise
from small_world import VOCABULARY

from milvise.adapter import Manifest, Store, connect


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with words, joint vectors that were made with them, and what a load left that was cut off."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.txt").write_text(VOCABULARY)
    (folder / "few.txt").write_text("cat 1 2 3\nsea 3 1 2\n")
    answer(milvise(folder, "--json", "ingest", "words", "words.txt", "--remove-components", "0"))
    connection = connect(str(folder / "milvise.db"))
    store = Store(connection)
    words = store.live("words")
    assert words is not None
    joint = Manifest("holiday_joint", "joint", 4, {"words": dict(words.manifest.fingerprint), "visual": {}})
    store.publish(store.build(joint))
    store.build(Manifest("words", "words", 4, {"words": "cut off"}))
    connection.close()
    return folder


def test_words_are_replaced_and_removed_only_where_that_is_said(world: Path) -> None:
    refused = milvise(world, "ingest", "words", "few.txt", "--remove-components", "0")
    assert refused.returncode == 2
    assert re.search(r"made with: holiday(.|\n)*--replace(.|\n)*project --gallery holiday", refused.stderr)
    left = answer(milvise(world, "--json", "drop", "--words", "--kept", "--yes"))
    assert len(left["dropped"]) == 1
    asked = subprocess.run(
        [sys.executable, "-m", "milvise", "drop", "--words"],
        cwd=world, input="n\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 1
    assert "which these galleries are searched with: holiday" in asked.stderr
    loaded = answer(milvise(world, "--json", "ingest", "words", "few.txt", "--remove-components", "0", "--replace"))
    assert loaded["words"] == 2
    assert len(answer(milvise(world, "--json", "drop", "--words", "--yes"))["dropped"]) == 1
    assert milvise(world, "drop", "--words", "--yes").returncode == 1


@pytest.mark.parametrize("arguments", [[], ["--gallery", "g", "--words"], ["--kept"]])
def test_drop_wants_a_gallery_or_the_words(arguments: list[str], tmp_path: Path) -> None:
    done = milvise(tmp_path, "drop", *arguments)
    assert done.returncode == 2
    assert "Expected: --gallery NAME, or --words" in done.stderr
