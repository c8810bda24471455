"""Commands that tests run in forks of a warm process end as they do in a new interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import milvise, milvise_anew
from small_world import VOCABULARY, paint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few words in Milvus."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "words.txt").write_text(VOCABULARY)
    assert milvise_anew(folder, "ingest", "words", "words.txt", "--remove-components", "0").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("arguments", "more", "code"),
    [
        (["search", "words", "cat"], {}, 0),
        (["--help"], {"COLUMNS": "60"}, 0),
        ([], {"_MILVISE_COMPLETE": "complete_bash", "COMP_WORDS": "milvise sear", "COMP_CWORD": "1"}, 0),
        (["search", "words"], {}, 2),
        (["search", "words", "été"], {"PYTHONIOENCODING": "ascii"}, 2),
        (["status", "--verbose"], {"MILVISE_URI": "nowhere.db"}, 1),
        (["search", "images", "cat", "--gallery", "nothing"], {}, 1),
        (["ingest", "images", "caf\udce9", "--gallery", "g"], {}, 1),
    ],
)
def test_a_command_ends_and_prints_the_same(
    folder: Path, arguments: list[str], more: dict[str, str], code: int
) -> None:
    forked, anew = (run(folder, *arguments, **more) for run in (milvise, milvise_anew))
    assert (forked.returncode, forked.stdout, forked.stderr) == (anew.returncode, anew.stdout, anew.stderr)
    assert forked.returncode == code, forked.stderr


@pytest.mark.parametrize(
    ("code", "ends_with", "how"),
    [
        (1, "NotForeseen: an end\n", "class NotForeseen(BaseException): pass\nraise NotForeseen('an end')"),
        (-9, "", "import os; os.kill(os.getpid(), 9)"),
    ],
)
def test_an_end_that_nobody_foresaw_is_the_same(tmp_path: Path, code: int, ends_with: str, how: str) -> None:
    """A package with an encoder, which stands in the working folder, ends the process that imports it."""
    paint(tmp_path / "noise.png", 0)
    (tmp_path / "ending.py").write_text(how)
    package = tmp_path / "ending-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: ending\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[milvise.encoders]\nending = ending:make\n")
    arguments = ["ingest", "images", ".", "--gallery", "g", "--encoder", "ending"]
    for run in (milvise, milvise_anew):
        done = run(tmp_path, *arguments)
        assert done.returncode == code, done.stderr
        assert done.stderr.endswith(ends_with)


def test_a_command_leaves_nothing_behind_for_the_next(folder: Path) -> None:
    assert milvise(folder, "status", MILVISE_URI="nowhere.db").returncode == 1
    assert milvise(folder, "status").returncode == 0
    assert milvise(folder.parent, "status").returncode == 1
