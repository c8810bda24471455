"""Word vectors that gensim saved (``KeyedVectors.save``, ``.kv``), read without gensim and without running the file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Numbers
from milvise.embeddings.model_files.pickled import Attributes, Maker, Makers, StatefulStandIn, read_pickle
from milvise.embeddings.model_files.pickled_arrays import ARRAYS, ArrayPart
from milvise.embeddings.words.limits import require_width, word_problem
from milvise.embeddings.words.skipped import Skipped, shown
from milvise.errors import InputError

_MODULE = "gensim.models.keyedvectors"
_NEGLECTED = StatefulStandIn()
_KNOWN: Makers = {
    **ARRAYS,
    **{
        (_MODULE, name): Maker(Attributes) for name in ("KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors")
    },
    # How often each word occurred, which gensim 3 kept in an object for each.
    **{(_MODULE, name): Maker(lambda: _NEGLECTED) for name in ("Vocab", "CompatVocab")},
    # With which options the file was saved, in older protocols.
    **{(module, "frozenset"): Maker(lambda *_: _NEGLECTED) for module in ("builtins", "__builtin__")},
}
_ADVICE = (
    "Where the file can be trusted, save it as word2vec, in Python with gensim:\n"
    "  KeyedVectors.load({name!r}).save_word2vec_format('words.bin', binary=True)"
)


def read_gensim(path: Path, limit: int | None, skipped: Skipped) -> tuple[list[str], Numbers]:
    """Return words and vectors; large arrays, which gensim saves beside the file, are not read into memory.

    Raises
    ------
    InputError
        If the file holds anything but what ``KeyedVectors`` of gensim 3 or 4 are made of.
    """
    try:
        with path.open("rb") as file:
            root = read_pickle(file, _KNOWN)
        words, vectors = _parts(root, path)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is not read, because a pickle can run code, and this one is not plain word vectors: {error}.\n"
            + _ADVICE.format(name=path.name)
        ) from None
    return _usable(words[:limit], vectors[:limit], skipped)


def _parts(root: Any, path: Path) -> tuple[list[Any], Numbers]:
    values = root.values if isinstance(root, Attributes) else {}
    words = values.get("index_to_key", values.get("index2word"))
    if type(words) is not list:
        raise pickle.UnpicklingError("it holds no list of words")
    name = "vectors" if "vectors" in values or "vectors" in _beside(values) else "syn0"
    part = values.get(name)
    array = _saved_beside(path, name) if part is None and name in _beside(values) else getattr(part, "array", None)
    if not isinstance(part, ArrayPart | None) or array is None:
        raise pickle.UnpicklingError("it holds no array of vectors")
    if array.ndim != 2 or array.dtype.kind != "f" or array.dtype.itemsize > 8 or len(array) != len(words):
        raise pickle.UnpicklingError(
            f"to {len(words)} words it has an array of shape {array.shape} and type {array.dtype}"
        )
    require_width(array.shape[1], str(path))
    return words, array


def _beside(values: dict[str, Any]) -> list[Any]:
    names = values.get("__numpys")
    return names if type(names) is list else []


def _saved_beside(path: Path, name: str) -> Numbers:
    beside = Path(f"{path}.{name}.npy")
    if not beside.is_file():
        raise InputError(f"the vectors of {path} are in a file of their own, which is not there.\nExpected: {beside}")
    try:
        with beside.open("rb") as file:
            # Later versions of numpy's format are for arrays of other things than numbers, and for headers without end.
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("it is not of version 1.0 of numpy's format")
        # Mapped and not read; Python objects in it are refused.
        with np.errstate(over="ignore"):
            mapped: Numbers = np.lib.format.open_memmap(beside, mode="r")
            return mapped
    except Exception as error:  # numpy raises nearly anything on damaged files
        raise InputError(f"{beside} cannot be read as an array of numbers: {shown(str(error))}") from None


def _usable(words: list[Any], vectors: Numbers, skipped: Skipped) -> tuple[list[str], Numbers]:
    """Leave out what is no word, and what stood there before."""
    seen: set[str] = set()
    kept: list[int] = []
    for index, word in enumerate(words):
        problem = word_problem(word)
        if problem is not None:
            skipped.add("malformed", f"word {index + 1}: {problem}")
        elif word in seen:
            skipped.add("duplicates", f"word {index + 1}: {shown(word)}")
        else:
            seen.add(word)
            kept.append(index)
    if len(kept) == len(words):
        return words, vectors
    return [words[index] for index in kept], vectors[kept]
