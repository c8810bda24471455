"""Word vectors from text files (GloVe, word2vec, fastText) and from word2vec's binary files.

Both are read by loops of our own, which hold no more than a line or an entry beside what they return: gensim takes the
number and width of the vectors from the file's first line as they are, and reads words and lines of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from milvise.core.arrays import Numbers
from milvise.core.lines import MOST_LINE_BYTES, bounded_lines
from milvise.embeddings.words.bounded_text import open_text
from milvise.embeddings.words.limits import MOST_WORD_BYTES, require_width, word_problem
from milvise.embeddings.words.skipped import Skipped, shown
from milvise.errors import InputError

# Possessive throughout: there is one way to read a number, so that a line that does not fit is left at once.
_NUMBER = rb"[-+]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+"
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,18})\s*")
_BINARY_HEADER = re.compile(rb"\s*(\d{1,18})\s+(\d{1,18})\s*\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE = 2**20
_RATIO = 20
"""Files of word vectors unfold to 2 to 4 times their size."""


def read_text(source: str, path: Path, limit: int | None, skipped: Skipped) -> tuple[list[str], Numbers]:
    """Return the words and vectors of a text file, which may be gzipped or stand in a ``.zip``.

    A line that holds no word and its numbers is counted and left out. The first line tells the width.

    Raises
    ------
    InputError
        If the first line holds no word vector, most lines hold none, or the file unfolds to far more than its size.
    """
    with open_text(source, path, ratio=_RATIO) as file:
        lines = enumerate(bounded_lines(file), start=1)
        first = next(lines, (0, b""))[1]
        if first is None:
            raise InputError(
                f"the first line of {path} is longer than {MOST_LINE_BYTES} bytes: it holds no word vector."
            )
        first = first.removeprefix(_BYTE_ORDER_MARK)
        header = _HEADER.fullmatch(first)
        width = int(header[2]) if header else len(first.rstrip().split(b" ")) - 1
        if width < 1:
            raise InputError(f"the first line of {path} holds no word vector.\nReceived: {shown(first)!r}")
        require_width(width, str(path))
        return _entries(lines if header else chain([(1, first)], lines), path, width, limit, skipped)


def _entries(
    lines: Iterator[tuple[int, bytes | None]], path: Path, width: int, limit: int | None, skipped: Skipped
) -> tuple[list[str], Numbers]:
    good = re.compile(rb"([^ \n]+)((?: " + _NUMBER + rb"){%d})[ \r\n]*" % width)
    words: dict[str, None] = {}
    numbers = bytearray()
    while len(words) != limit:
        number, line = next(lines, (0, None))
        if not number:
            break
        match = None if line is None else good.fullmatch(line)
        word = None if match is None else _text(match[1])
        if match is None or word is None:
            start = f"longer than {MOST_LINE_BYTES} bytes" if line is None else f"{shown(line[:40])}…"
            skipped.add("malformed", f"line {number}: {start}")
        elif word in words:
            skipped.add("duplicates", f"line {number}: {shown(word)}")
        else:
            words[word] = None
            numbers += np.fromstring(match[2], np.float32, sep=" ").tobytes()
            continue
        skipped.require_mostly_words(path, len(words))
    return list(words), np.frombuffer(numbers, np.float32).reshape(len(words), width)


def _text(word: bytes) -> str | None:
    try:
        text = word.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if word_problem(text) else text


def read_binary(path: Path, limit: int | None, skipped: Skipped) -> tuple[list[str], Numbers]:
    """Return the words and vectors of a file in word2vec's binary format, which may be gzipped.

    Raises
    ------
    InputError
        If the first line tells no number and width, or the entries are not as many as it tells.
    """
    with open_text(str(path), path, ratio=_RATIO) as file:
        header = _BINARY_HEADER.fullmatch(file.readline(80))
        if header is None:
            raise InputError(
                f"{path} does not begin as a binary file of word2vec does.\nExpected: a line with the number of words and"
                " the width of their vectors"
            )
        count, width = int(header[1]), int(header[2])
        require_width(width, str(path))
        wanted = count if limit is None else min(count, limit)
        words, vectors, rest = _binary_entries(file, path, wanted, width, skipped)
        if wanted == count and rest.strip():
            skipped.add("malformed", f"what follows the {count} entries that the first line announces")
    return words, vectors


def _binary_entries(
    file: IO[bytes], path: Path, wanted: int, width: int, skipped: Skipped
) -> tuple[list[str], Numbers, bytes]:
    words: dict[str, None] = {}
    numbers = bytearray()
    longest, size = MOST_WORD_BYTES + 2, 4 * width
    piece, at = b"", 0
    for number in range(1, wanted + 1):
        if len(piece) - at < longest + size:
            piece, at = piece[at:] + file.read(max(_PIECE, longest + size)), 0
        end = piece.find(b" ", at, at + longest)
        if end < 0 and len(piece) - at >= longest:
            raise InputError(
                f"{path} is no sound binary file of word2vec: entry {number} has a word longer than {MOST_WORD_BYTES} bytes."
            )
        if end < 0 or len(piece) <= end + size:
            raise InputError(f"{path} ends in entry {number} of the {wanted} that were to be read.")
        word = piece[at:end].decode("utf-8", "replace").lstrip("\n")
        problem = word_problem(word)
        if problem is not None:
            skipped.add("malformed", f"entry {number}: {problem}")
        elif word in words:
            skipped.add("duplicates", f"entry {number}: {shown(word)}")
        else:
            words[word] = None
            numbers += piece[end + 1 : end + 1 + size]
        skipped.require_mostly_words(path, len(words))
        at = end + 1 + size
    return list(words), np.frombuffer(numbers, "<f4").reshape(len(words), width), piece[at:] or file.read(_PIECE)
