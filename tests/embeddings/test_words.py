"""Word vectors in every format."""

from __future__ import annotations

import gzip
import pickle
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors

from milvise.embeddings.words.load import load_words
from milvise.embeddings.words.skipped import Skipped
from milvise.embeddings.words.text_files import read_text
from milvise.embeddings.words.values import all_but_the_top
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


# -- files that are not to be trusted; see also tests/hostile/words.py ------------------------------------------------------


def refuse_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every way in which Python or numpy loads a pickle fail."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was loaded")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, fail)


@pytest.mark.parametrize("separately", [[], ["vectors"]], ids=["in the file", "beside it"])
def test_what_gensim_saves_is_read_without_running_it(
    separately: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed().save(str(tmp_path / "words.kv"), separately=separately)
    assert (tmp_path / "words.kv.vectors.npy").exists() == bool(separately)
    refuse_code(monkeypatch)
    assert load_words(str(tmp_path / "words.kv"), components=0).words == WORDS
    assert load_words(str(tmp_path / "words.kv"), limit=2, components=0).words == WORDS[:2]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
def test_every_protocol_and_type_of_number_is_read(protocol: int, kind: str, tmp_path: Path) -> None:
    vectors = keyed()
    vectors.vectors = np.asfortranarray(VECTORS.astype(kind))
    vectors.save(str(tmp_path / "words.kv"), separately=[], pickle_protocol=protocol)
    loaded = load_words(str(tmp_path / "words.kv"), components=0)
    expected = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    np.testing.assert_allclose(loaded.vectors, expected, rtol=1e-2 if kind == "<f2" else 1e-5)


def test_a_file_of_gensim_3_is_read(tmp_path: Path) -> None:
    from hostile.word_pickles import GOOD, PROTO_4, text, words

    entry = text("gensim.models.keyedvectors") + text("Vocab") + b"\x93)\x81}" + text("count") + b"K\x05sb"
    vocab = b"}(" + text("a") + entry + text("b") + entry + b"u"
    made = text("gensim.models.keyedvectors") + text("Word2VecKeyedVectors") + b"\x93)\x81}("
    values = {"vectors": GOOD, "vocab": vocab, "vector_size": b"K\x02", "index2word": words("a", "b")}
    made += b"".join(text(name) + value for name, value in values.items()) + b"ub."
    (tmp_path / "old.kv").write_bytes(PROTO_4 + made)
    loaded = load_words(str(tmp_path / "old.kv"), components=0)
    assert loaded.words == ["a", "b"]
    np.testing.assert_allclose(loaded.vectors, np.array([[1, 2], [3, 4]]) / np.sqrt([[5], [25]]), rtol=1e-6)


def test_another_object_of_gensim_is_refused_with_the_way_to_save_it(tmp_path: Path) -> None:
    model = FastText([["cat", "dog"]] * 9, vector_size=4, bucket=10, min_count=1)
    model.wv.save(str(tmp_path / "ft.kv"))
    with pytest.raises(InputError) as refused:
        load_words(str(tmp_path / "ft.kv"))
    for part in ("ft.kv", "gensim.models.fasttext.FastTextKeyedVectors has no place", "save_word2vec_format"):
        assert part in str(refused.value)


@pytest.mark.timeout(60)
def test_a_line_that_could_be_read_in_many_ways_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.txt"
    path.write_text("1 50\ngood" + " 1" * 50 + "\nbad" + " 11" * 49 + " x\nbad" + " 11" * 50 + "x\n")
    started = time.monotonic()
    loaded = load_words(str(path), components=0)
    assert (loaded.words, loaded.skipped.malformed) == (["good"], 2)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("number", ["1", "-1", "+1.", ".5", "1.5e3", "1E-3", "1.e+2", "-.5e0"])
def test_numbers_are_read_as_gensim_reads_them(number: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text(f"2 2\na {number} 1\nb 1 {number}\n")
    expected = KeyedVectors.load_word2vec_format(str(path)).vectors
    np.testing.assert_array_equal(read_text(str(path), path, None, Skipped())[1], expected)


@pytest.mark.parametrize("number", ["1e", "e1", ".", "1..2", "--1", "1_0", "0x1", "nan", "inf", "1,5", "١"])
def test_what_is_no_number_makes_a_line_malformed(number: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text(f"1 2\na {number} 1\n")
    assert read_text(str(path), path, None, skipped := Skipped())[0] == []
    assert skipped.malformed == 1


@pytest.mark.parametrize("bad", ["1e200 1 1 1 1", "1e38 1 1 1 1", "-1e999 1 1 1 1", "0 0 0 0 0"])
@pytest.mark.parametrize("components", [0, 1])
def test_a_vector_out_of_range_costs_its_word_and_no_other(bad: str, components: int, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(TEXT)
    good = load_words(str(path), components=components)
    path.write_text(f"bad {bad}\n{TEXT}")
    loaded = load_words(str(path), components=components)
    assert (loaded.words, loaded.skipped.malformed) == (WORDS, 1)
    assert loaded.skipped.examples[0].startswith("malformed: the vector of 'bad' is ")
    np.testing.assert_array_equal(loaded.vectors, good.vectors)
    assert loaded.fingerprint == good.fingerprint


def test_the_content_of_sound_files_stays_what_it_was(tmp_path: Path) -> None:
    """Fingerprints stand in Milvus: these are those of version 0.1.0."""
    path = tmp_path / "words.txt"
    path.write_text("".join(f"w{n} {n % 7 + 1} {n % 5}.25 -{n % 3}e-2\n" for n in range(50)))
    assert load_words(str(path)).fingerprint["content"] == "f5957c65afd0eb15"
    assert load_words("glove-6b-50d", limit=500).fingerprint["content"] == "4a5a84433c395991"


def test_processing_in_pieces_is_processing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(1).normal(size=(1_000, 12)).astype(np.float32) + 3
    whole = all_but_the_top(vectors, 2)
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    top = directions[:, -2:].astype(np.float32)
    np.testing.assert_allclose(whole, centred - centred @ top @ top.T, atol=1e-5)
    monkeypatch.setattr("milvise.embeddings.words.values._NUMBERS", 100)
    np.testing.assert_allclose(all_but_the_top(vectors, 2), whole, atol=1e-6)


def test_too_wide_vectors_keep_their_components(tmp_path: Path) -> None:
    path = tmp_path / "wide.txt"
    path.write_text("".join(f"w{n} " + " ".join(str(n * i % 17) for i in range(5_000)) + "\n" for n in range(1, 4)))
    with pytest.raises(InputError, match="--remove-components 0"):
        load_words(str(path))
    assert load_words(str(path), components=0).vectors.shape == (3, 5_000)


def test_loading_takes_little_more_memory_than_the_vectors(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(200_000, 50)).astype(np.float32)
    with (tmp_path / "big.bin").open("wb") as file:
        file.write(b"200000 50\n")
        for number, vector in enumerate(vectors):
            file.write(b"w%d " % number + vector.tobytes())
    tracemalloc.start()
    load_words(str(tmp_path / "big.bin"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Raw and processed vectors, 200,000 words twice, and the pieces that are worked on.
    assert peak < 2.2 * vectors.nbytes + 100 * 2**20
