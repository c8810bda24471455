"""Word vectors in every format."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from milvise.embeddings.words import all_but_the_top, load_words
from milvise.errors import InputError

WORDS = ["the", "cat", "'s", '"', "\\", "c++", "été", "x^2"]
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)
LINES = [f"{word} {' '.join(str(value) for value in vector)}" for word, vector in zip(WORDS, VECTORS, strict=True)]
TEXT = "\n".join(LINES) + "\n"


def keyed() -> KeyedVectors:
    vectors = KeyedVectors(5)
    vectors.add_vectors(WORDS, VECTORS)
    return vectors


def as_glove(folder: Path) -> str:
    (folder / "glove.txt").write_text(TEXT)
    return str(folder / "glove.txt")


def as_gzip(folder: Path) -> str:
    (folder / "glove.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    return str(folder / "glove.txt.gz")


def as_zip(folder: Path) -> str:
    with zipfile.ZipFile(folder / "glove.zip", "w") as archive:
        archive.writestr("inside/glove.5d.txt", TEXT)
    return str(folder / "glove.zip")


def as_zip_member(folder: Path) -> str:
    with zipfile.ZipFile(folder / "glove.zip", "w") as archive:
        archive.writestr("glove.3d.txt", "a 1 2 3\n")
        archive.writestr("glove.5d.txt", TEXT)
    return f"{folder / 'glove.zip'}:glove.5d.txt"


def as_word2vec_text(folder: Path) -> str:
    keyed().save_word2vec_format(str(folder / "w2v.txt"))
    return str(folder / "w2v.txt")


def as_word2vec_binary(folder: Path) -> str:
    keyed().save_word2vec_format(str(folder / "w2v.bin"), binary=True)
    return str(folder / "w2v.bin")


def as_fasttext(folder: Path) -> str:
    (folder / "ft.vec").write_text(f"{len(WORDS)} 5\n{TEXT}")
    return str(folder / "ft.vec")


def as_gensim(folder: Path) -> str:
    keyed().save(str(folder / "words.kv"))
    return str(folder / "words.kv")


FORMATS = [
    as_glove, as_gzip, as_zip, as_zip_member, as_word2vec_text, as_word2vec_binary, as_fasttext, as_gensim,
]  # fmt: skip


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_every_format_gives_the_same_words_at_unit_length(write: Callable[[Path], str], tmp_path: Path) -> None:
    loaded = load_words(write(tmp_path), components=0)
    assert loaded.words == WORDS
    np.testing.assert_allclose(loaded.vectors, VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), rtol=1e-5)
    assert (loaded.skipped.malformed, loaded.skipped.duplicates) == (0, 0)


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_a_limit_keeps_the_most_frequent(write: Callable[[Path], str], tmp_path: Path) -> None:
    loaded = load_words(write(tmp_path), limit=3, components=0)
    assert loaded.words == WORDS[:3]
    assert loaded.fingerprint["count"] == 3


def test_bad_lines_are_skipped_counted_and_shown(tmp_path: Path) -> None:
    bad = ["short 1 2", "text a b c d e", "nan nan nan nan nan nan", ". . . 1 2 3 4 5", "", "cat 1 2 3 4 5"]
    path = tmp_path / "bad.txt"
    path.write_bytes("\n".join([*LINES, *bad]).encode() + b"\n\xff\xfe 1 2 3 4 5\nzero 0 0 0 0 0\n")
    loaded = load_words(str(path), components=0)
    assert loaded.words == WORDS
    assert loaded.skipped.duplicates == 1
    assert loaded.skipped.malformed == 7
    assert loaded.skipped.examples[0] == "malformed: line 9: short 1 2…"


def test_the_packaged_glove_vectors_are_those_of_glove() -> None:
    loaded = load_words("glove-6b-50d", limit=1_000, components=0)
    assert loaded.words[:3] == ["the", ",", "."]
    assert loaded.vectors.shape == (1_000, 50)
    cosines = loaded.vectors @ loaded.vectors[loaded.words.index("said")]
    assert loaded.words[int(np.argsort(-cosines)[1])] == "told"


def test_all_but_the_top_removes_mean_and_principal_components() -> None:
    random = np.random.default_rng(0)
    shared = random.normal(size=8)
    vectors = (random.normal(size=(500, 8)) * 0.1 + random.normal(size=(500, 1)) * shared + 5).astype(np.float32)
    processed = all_but_the_top(vectors, 1)
    np.testing.assert_allclose(processed.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(processed @ shared / np.linalg.norm(shared), 0, atol=0.1)
    assert np.linalg.matrix_rank(processed, tol=1e-2) == 7


def test_the_fingerprint_tells_what_was_read_and_done(tmp_path: Path) -> None:
    path = as_glove(tmp_path)
    plain, processed = load_words(path, components=0), load_words(path)
    assert processed.fingerprint["components_removed"] == 1
    assert plain.fingerprint != processed.fingerprint
    assert plain.fingerprint["content"] == processed.fingerprint["content"]
    assert load_words(path, components=0).fingerprint == plain.fingerprint


@pytest.mark.parametrize("content", ["", "\n", "word\n", "1 2 3 4 5\n6 7\n"])
def test_a_file_without_words_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    path.write_text(content)
    with pytest.raises(InputError):
        load_words(str(path), components=5)


@pytest.mark.parametrize(
    ("name", "data"), [("x.bin", b"\0\1"), ("x.kv", b"no pickle"), ("x.txt.gz", b"no gzip"), ("x.zip", b"no zip")]
)
def test_a_damaged_file_is_an_error_that_names_it(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=name):
        load_words(str(tmp_path / name))


def test_an_archive_of_several_members_asks_which(tmp_path: Path) -> None:
    source = as_zip_member(tmp_path).rpartition(":")[0]
    with pytest.raises(InputError, match=r"glove\.zip:glove\.3d\.txt"):
        load_words(source)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"no file of word vectors at nowhere\.txt"):
        load_words("nowhere.txt")
