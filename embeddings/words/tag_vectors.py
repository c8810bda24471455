"""Word vectors of one's own, trained on tag lists: words that stand together on many pictures get close vectors."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from heapq import nlargest
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from milvise.core.lines import MOST_LINE_BYTES, bounded_lines
from milvise.embeddings.words.bounded_text import is_file, open_text
from milvise.embeddings.words.load import Words, prepared
from milvise.embeddings.words.skipped import Skipped
from milvise.errors import InputError, MissingExtraError, UsageError

_NEGATIVE = 5
_RATIO = 50
"""Tag lists repeat themselves, and unfold to more than word vectors do."""

_MOST_TAGS = 5_000_000
"""Where more tags than this occur, gensim forgets the rarest while it counts: so many take about half a gigabyte."""


@dataclass(frozen=True, slots=True)
class TagTraining:
    """How words are trained.

    Attributes
    ----------
    dim : int
        Width of the vectors.
    window : int
        How far apart two tags may stand in a list to count as standing together. The order of tags says little, so that
        it is best no smaller than most lists are long.
    min_count : int
        Tags that occur less often are left out.
    epochs : int
        Passes over the lists.
    """

    dim: int = 200
    window: int = 10
    min_count: int = 5
    epochs: int = 5
    seed: int = 0

    def require_sound(self) -> None:
        """Check the numbers.

        Raises
        ------
        UsageError
            If one is less than 1.
        """
        for name in ("dim", "window", "min_count", "epochs"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1.\nReceived: {getattr(self, name)}")


class TagLists:
    """The tag lists in a text file, one a line, read anew for each pass.

    Where a line has commas, semicolons or tabs, tags stand between them and may be several words (``dining table`` becomes
    ``dining_table``); else each word is a tag. Tags are lower-cased, and count once a line.

    Raises
    ------
    InputError
        If the file is not there, is no regular file, is not text in UTF-8, has a line of more than a megabyte, or unfolds to
        far more than its size.
    """

    def __init__(self, path: Path) -> None:
        if not is_file(path):
            raise InputError(f"there is no file of tag lists at {path}.")
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        try:
            with open_text(str(self._path), self._path, ratio=_RATIO) as file:
                for number, line in enumerate(bounded_lines(file), start=1):
                    if line is None:
                        raise InputError(
                            f"line {number} of {self._path} is longer than {MOST_LINE_BYTES} bytes: it is no tag list."
                        )
                    if tags := split_tags(line.decode("utf-8")):
                        yield tags
        except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, BadZipFile) as error:
            raise InputError(f"{self._path} cannot be read as tag lists: {error}") from error


def split_tags(line: str) -> list[str]:
    """Return the tags in a line; see `TagLists`."""
    parts = re.split(r"[,;\t]", line) if re.search(r"[,;\t]", line.strip()) else line.split()
    tags = ("_".join(part.split()).lower().strip("#") for part in parts)
    return list(dict.fromkeys(tag for tag in tags if tag))


def train_words(
    path: Path,
    training: TagTraining = TagTraining(),
    *,
    limit: int | None = None,
    components: int = 0,
    progress: Callable[[str], None] = lambda remark: None,
) -> Words:
    """Train word vectors on tag lists: skip-gram with five negative samples, one thread, so that it can be repeated.

    Parameters
    ----------
    path : Path
        A text file (``.gz`` and ``.zip`` too), see `TagLists`.
    limit : int, optional
        Only so many of the most frequent tags.
    components : int
        Principal components to remove. In a vocabulary of a few subjects the first ones are what tells these apart, so
        that none is removed by default.

    Raises
    ------
    InputError
        If the file cannot be read, or no tags occur often enough.
    UsageError
        If the training's numbers cannot be.
    MissingExtraError
        If gensim is not installed.

    References
    ----------
    Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", section 2.2.
    """
    training.require_sound()
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise MissingExtraError("training words", "ingest") from None
    lists = TagLists(path)
    model = Word2Vec(
        vector_size=training.dim, window=training.window, min_count=training.min_count, epochs=training.epochs,
        sg=1, hs=0, negative=_NEGATIVE, shrink_windows=False, seed=training.seed, workers=1, max_vocab_size=_MOST_TAGS,
    )  # fmt: skip
    model.build_vocab(lists, keep_raw_vocab=True)
    counts, model.raw_vocab = model.raw_vocab, {}
    if len(model.wv) < 2:
        most = nlargest(3, counts.items(), key=lambda item: item[1])
        listed = ", ".join(f"{tag} {count}" for tag, count in most)
        raise InputError(
            f"{path} has {len(model.wv)} tags that occur {training.min_count} times or more, and words are trained on two"
            f" at least.\nReceived, the most frequent: {listed or 'no tags'}\nGive more lists, or a smaller --min-count."
        )
    del counts
    progress(f"Training {len(model.wv):,} words on {model.corpus_count:,} tag lists …")
    model.train(lists, total_examples=model.corpus_count, epochs=model.epochs)
    words, vectors = list(model.wv.index_to_key)[:limit], np.asarray(model.wv.vectors[:limit], dtype=np.float32)
    return prepared(path.name, words, vectors, components, Skipped(), trained=asdict(training))
