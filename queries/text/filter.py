"""From words to the Milvus expression that finds the pictures whose text may hold them.

It finds too many: ``hotdog.jpg`` for *dog*. `milvise.queries.text.match` looks at whole words afterwards. Milvus compares
capital and small letters as different ones, so that each word is looked for in its usual spellings.

References
----------
Milvus documentation, "Pattern Matching" (``LIKE`` with ``%`` and ``_`` on VARCHAR fields and JSON paths) and the release
notes of 2.4.0-rc.1 ("Fuzzy Matching"): before 2.4 a pattern is a prefix.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice, product
from os.path import commonprefix

from milvise.adapter.escape import literal
from milvise.queries.text.words import Forms, Phrase, phrases, plain_forms
from milvise.queries.vocabulary.expression import Term

LABEL, URI, META = "label", "uri", "meta."
"""Columns are called ``label``, ``uri`` and, of the metadata, such as ``meta.caption``."""

MOST_PHRASES = 32
"""An expression of more terms is looked up by those that count most."""

_LEAST_STEM = 4
"""Shorter ones begin many other words."""

_MOST_FORMS = 12
"""Of one phrase; words of many forms would make thousands."""


def text_filter(terms: Sequence[Term], *, columns: Sequence[str], infix: bool, forms: Forms = plain_forms) -> str:
    """Return the expression that is true of every picture whose text holds one of the positive terms, and of some more.

    Parameters
    ----------
    columns : sequence of str
        ``label``, ``uri`` and ``meta.`` with the name of a metadata column.
    infix : bool
        Whether this Milvus looks for patterns inside a text, see `milvise.adapter.probe.looks_inside`. Where it does not,
        only texts are found that begin with the words.
    forms : callable
        From a word to what may stand for it.

    Returns
    -------
    str
        Empty where no term can be looked for.
    """
    wanted = sorted((one for one in phrases(terms, forms) if one.weight > 0), key=lambda one: -one.weight)
    needed: list[str] = []
    for spelling in sorted({spelling for one in wanted[:MOST_PHRASES] for spelling in _spellings(one)}):
        # What begins with another spelling is found by that one.
        if not needed or not spelling.startswith(needed[-1]):
            needed.append(spelling)
    start = "%" if infix else ""
    patterns = [literal(f"{start}{spelling}%") for spelling in needed]
    return _any([f"{_field(column)} like {pattern}" for column in columns for pattern in patterns])


def _field(column: str) -> str:
    return f"meta[{literal(column.removeprefix(META))}]" if column.startswith(META) else column


def _spellings(phrase: Phrase) -> Iterator[str]:
    """Yield LIKE patterns without ``%``; words are of letters and digits only, so that nothing in them is a wildcard."""
    *before, last = (list(dict.fromkeys(forms)) for forms in phrase.words)
    for words in islice(product(*before, _stems(last)), _MOST_FORMS):
        cased = (words, tuple(map(_capital, words)), (_capital(words[0]), *words[1:]), tuple(map(str.upper, words)))
        for spelt in dict.fromkeys(cased):
            # "_" stands for any one letter: a blank, a hyphen, an underscore.
            for joint in ("_", "") if len(spelt) > 1 else ("",):
                text = joint.join(spelt)
                yield from dict.fromkeys((text, unicodedata.normalize("NFD", text)))


def _stems(forms: list[str]) -> list[str]:
    """Return what all forms of a word begin with, if that is most of them: *pupp* for *puppy* and *puppies*; else the forms."""
    stem = commonprefix(forms)  # noqa: RUF071 -- words, no paths
    return [stem] if len(stem) >= max(_LEAST_STEM, len(min(forms, key=len)) - 2) else forms


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _any(clauses: Sequence[str]) -> str:
    """Return clauses joined by ``or``, as a balanced tree: Milvus Lite goes down a chain one call for each clause."""
    if len(clauses) < 2:
        return "".join(clauses)
    middle = len(clauses) // 2
    return f"({_any(clauses[:middle])} or {_any(clauses[middle:])})"
