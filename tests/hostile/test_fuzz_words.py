"""Any bytes as a word file: words with finite vectors of unit length, or one kind of error."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hostile.fuzzing import fuzzed
from hostile.word_pickles import GOOD, array, keyed, words
from hypothesis import given
from hypothesis import strategies as st

from milvise.embeddings.words.load import load_words
from milvise.embeddings.words.tag_vectors import TagLists
from milvise.errors import InputError

NUMBER = st.floats(width=32).map(str) | st.floats().map("{:.3g}".format) | st.sampled_from(["1", "0", "-.5", "1e", "x"])
LINE = st.builds(
    lambda word, row: f"{word} {' '.join(row)}", st.text(max_size=4), st.lists(NUMBER, min_size=2, max_size=3)
)
TEXT = st.lists(LINE, max_size=6).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass"))
BINARY = st.builds(
    lambda count, width, body: b"%d %d\n" % (count, width) + body, st.integers(0, 4), st.integers(0, 3), st.binary()
)
SOUND = keyed(index_to_key=words("a", "b"), vectors=GOOD, count=array((2,), bytes(16), "i8"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound gensim file in which some bytes are others, or are missing."""
    data = bytearray(SOUND)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
        data = data or bytearray(b".")
    return bytes(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def meet(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    for components in (0, None):
        try:
            loaded = load_words(str(path), components=components)
        except InputError:
            continue
        assert len(loaded.words) == len(loaded.vectors) == len(set(loaded.words)) > 0
        np.testing.assert_allclose(np.linalg.norm(loaded.vectors, axis=1), 1, rtol=1e-4)


@fuzzed
@given(data=st.binary() | TEXT | BINARY | damaged(), suffix=st.sampled_from(["txt", "bin", "kv", "zip", "txt.gz"]))
def test_any_bytes_are_words_or_an_input_error(folder: Path, data: bytes, suffix: str) -> None:
    meet(folder / f"any.{suffix}", data)


@fuzzed
@given(data=TEXT)
def test_any_lines_are_words_or_an_input_error(folder: Path, data: bytes) -> None:
    meet(folder / "lines.txt", data)
    meet(folder / "lines.txt.gz", gzip.compress(data, 1))


@fuzzed
@given(data=BINARY)
def test_any_entries_are_words_or_an_input_error(folder: Path, data: bytes) -> None:
    meet(folder / "entries.bin", data)


@fuzzed
@given(data=damaged())
def test_any_damage_to_a_gensim_file_is_words_or_an_input_error(folder: Path, data: bytes) -> None:
    meet(folder / "damaged.kv", data)


@fuzzed
@given(data=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_tag_lists_or_an_input_error(folder: Path, data: bytes) -> None:
    path = folder / "tags.txt"
    path.write_bytes(data)
    try:
        lists = list(TagLists(path))
    except InputError:
        return
    assert all(tags and all(tags) for tags in lists)
