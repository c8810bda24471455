"""Write the table of WordNet's nouns that milvise is packaged with: python scripts/wordnet_table.py SOURCE_FOLDER --out FILE.txt.gz.

SOURCE_FOLDER holds WordNet's own files ``data.noun``, ``index.noun`` and ``noun.exc``, plain or with ``.gz``. The same files
give the same table. Its text has three parts with an empty line between them:

1. synsets, by offset: offset, number of the lexicographer file, offsets of the hypernyms with commas (``-`` for none), lemmas;
2. lemmas of several synsets: lemma, offsets, the most frequent sense first;
3. exceptions of inflection: inflected form, lemmas.

References
----------
Fellbaum 1998, "WordNet: An Electronic Lexical Database". The files are described in wndb(5WN) and morphy(7WN).
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path

HYPERNYMS = ("@", "@i")
"""Pointers to what a synset is a kind of, and to what it is an instance of."""


def table(folder: Path) -> str:
    """Return the text of the table."""
    return "\n".join((*_synsets(folder), "", *_lemmas(folder), "", *_exceptions(folder), ""))


def compressed(text: str) -> bytes:
    """Return the text as a gzip file without a time."""
    return gzip.compress(text.encode("ascii"), 9, mtime=0)


def _synsets(folder: Path) -> Iterator[str]:
    for line in _lines(folder, "data.noun"):
        fields = line.split("|")[0].split()
        names = int(fields[3], 16)
        pointers = 5 + 2 * names
        above = [
            fields[at + 1]
            for at in range(pointers, pointers + 4 * int(fields[pointers - 1]), 4)
            if fields[at] in HYPERNYMS
        ]
        yield " ".join((fields[0], str(int(fields[1])), ",".join(above) or "-", *fields[4 : pointers - 1 : 2]))


def _lemmas(folder: Path) -> Iterator[str]:
    for line in _lines(folder, "index.noun"):
        fields = line.split()
        offsets = fields[6 + int(fields[3]) :]
        if len(offsets) > 1:
            yield " ".join((fields[0], *offsets))


def _exceptions(folder: Path) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for line in _lines(folder, "noun.exc"):
        form, *lemmas = line.split()
        found.setdefault(form, []).extend(lemmas)
    for form, lemmas in sorted(found.items()):
        yield " ".join((form, *dict.fromkeys(lemmas)))


def _lines(folder: Path, name: str) -> Iterator[str]:
    """Yield the lines of a file but those of its licence, which start with two blanks."""
    plain, packed = folder / name, folder / f"{name}.gz"
    data = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    yield from (line for line in data.decode("ascii").splitlines() if line and not line.startswith("  "))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the table of WordNet's nouns that milvise is packaged with.")
    parser.add_argument("folder", type=Path, metavar="SOURCE_FOLDER", help="holds data.noun, index.noun and noun.exc")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the table, a .txt.gz")
    options = parser.parse_args()
    made = compressed(table(options.folder))
    options.out.write_bytes(made)
    print(f"{options.out}: {len(made):,} bytes")


if __name__ == "__main__":
    main()
