"""Words of one's own, from tag lists."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from milvise.embeddings.words.tag_vectors import TagLists, TagTraining, split_tags, train_words
from milvise.errors import InputError, UsageError

GROUPS = (["sea", "beach", "sand", "wave", "surf"], ["city", "street", "neon", "taxi", "crowd"])


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tags") / "tags.txt"
    draw = random.Random(0)
    lines = [", ".join(draw.sample(draw.choice(GROUPS), 3)) for _ in range(800)]
    path.write_text("\n".join([*lines, "rare", ""]))
    return path


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("Sea beach  sand", ["sea", "beach", "sand"]),
        ("dining table, Sofa ,, #home", ["dining_table", "sofa", "home"]),
        ("a\tb c;d", ["a", "b_c", "d"]),
        ("cat cat Cat", ["cat"]),
        (" \n", []),
        ("#", []),
    ],
)
def test_a_line_is_split_into_tags(line: str, tags: list[str]) -> None:
    assert split_tags(line) == tags


def test_tags_that_stand_together_get_close_vectors(tags: Path) -> None:
    words = train_words(tags, TagTraining(dim=16, epochs=80))
    assert sorted(words.words) == sorted(GROUPS[0] + GROUPS[1])
    assert words.vectors.shape == (10, 16)
    np.testing.assert_allclose(np.linalg.norm(words.vectors, axis=1), 1, rtol=1e-5)
    vector = dict(zip(words.words, words.vectors, strict=True))
    own = min(float(vector["sea"] @ vector[word]) for word in GROUPS[0])
    other = max(float(vector["sea"] @ vector[word]) for word in GROUPS[1])
    assert own > other
    assert words.fingerprint["trained"] == {"dim": 16, "window": 10, "min_count": 5, "epochs": 80, "seed": 0}


def test_the_same_lists_and_seed_give_the_same_words_in_another_process(tags: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from milvise.embeddings.words.tag_vectors import *;"
        "print(train_words(Path(sys.argv[1]), TagTraining(dim=8, seed=int(sys.argv[2]))).fingerprint['content'])"
    )

    def content(seed: int, hashes: str) -> str:
        command = [sys.executable, "-c", code, str(tags), str(seed)]
        return subprocess.run(
            command, env={"PYTHONHASHSEED": hashes}, capture_output=True, text=True, check=True
        ).stdout

    assert content(0, "1") == content(0, "2")
    assert content(0, "1") != content(1, "1")


def test_limits_and_gzip(tags: Path, tmp_path: Path) -> None:
    packed = tmp_path / "tags.txt.gz"
    packed.write_bytes(gzip.compress(tags.read_bytes()))
    assert list(TagLists(packed)) == list(TagLists(tags))
    assert len(train_words(packed, TagTraining(dim=8), limit=4).words) == 4
    assert "rare" in train_words(tags, TagTraining(dim=8, min_count=1)).words


def test_what_cannot_be_trained_on_is_refused(tags: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file of tag lists"):
        train_words(tmp_path / "nothing.txt")
    with pytest.raises(InputError, match=r"has 0 tags that occur 1000 times or more(.|\n)*the most frequent: \w+ \d+"):
        train_words(tags, TagTraining(min_count=1_000))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as tag lists"):
        train_words(tmp_path / "binary.txt")
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(InputError, match="no tags"):
        train_words(tmp_path / "empty.txt")
    with pytest.raises(UsageError, match="window must be at least 1"):
        train_words(tags, TagTraining(window=0))


def test_a_line_without_an_end_and_a_bomb_are_refused_while_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_bytes(b"cat dog\n" + b"tag " * 500_000)
    with pytest.raises(InputError, match=r"line 2 of .*long\.txt is longer than 1048576 bytes"):
        train_words(tmp_path / "long.txt")
    line = b"cat dog bird " * 1_000 + b"\n"
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(line * 100) * 20)
    with pytest.raises(InputError, match="unfolds to far more than its size"):
        train_words(tmp_path / "bomb.txt.gz")
    with pytest.raises(InputError, match="no file of tag lists"):
        train_words(Path("/dev/zero"))


def test_lists_that_repeat_themselves_are_no_bomb(tmp_path: Path) -> None:
    (tmp_path / "same.txt.gz").write_bytes(gzip.compress(b"cat dog bird\n" * 100_000))
    assert len(list(TagLists(tmp_path / "same.txt.gz"))) == 100_000
