"""What a person types for a gallery, read as terms: ``a photo of two dogs, without snow`` as ``two dogs -snow``.

The grammar of `milvise.queries.vocabulary.expression` holds, and what stands in quotes is taken literally. Words without quotes are read:

* Case, and punctuation at the ends, are as the vocabulary has them. Typographic quotes and dashes count as those of ASCII.
* Commas separate. Function words, and carriers such as *a photo of*, are left out where other words remain.
* Up to four words that the class hierarchy or the classes know as one phrase are one term, unless an operator or weight is between.
* What follows *without*, *no*, *not*, *except* or *excluding* is subtracted, until *but* or the next preposition.
* A word that the vocabulary lacks, or that is perhaps a misspelling (`milvise.queries.vocabulary.spelling`), gets suggestions; with ``fix``
  the first of them replaces it.

A reading asks Milvus for words at most twice, and once more for a word that is unknown and has no noun one edit away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from milvise.core.stages import staged
from milvise.embeddings.words.phrases import lookups, missing_words
from milvise.queries.vocabulary.expression import Piece, Term, check_count, pieces, render
from milvise.queries.vocabulary.knowledge import Knowledge
from milvise.queries.vocabulary.sentences import arranged, phrases
from milvise.queries.vocabulary.spelling import MOST_LETTERS, edits, meant, neighbours, suggest
from milvise.queries.vocabulary.typed_words import Word, entries, in_ascii, shapes, word_of

_MOST_DOUBTED = 16
"""So many words of one text are looked at for misspellings: each costs a few hundred lookups."""


@dataclass(frozen=True, slots=True)
class TypedSearch:
    """What is searched for, and what was done to the text.

    Attributes
    ----------
    terms : tuple of Term
    expression : str
        The terms as an expression that is read literally: reading it again gives the same terms.
    remarks : tuple of str
        A sentence for each thing that was done or is suspected.
    suggestions : mapping
        Close known words of each word that is unknown or perhaps misspelt, and was not corrected.
    unknown : tuple of str
        Words that neither the vocabulary nor the class hierarchy knows.
    """

    terms: tuple[Term, ...]
    expression: str
    remarks: tuple[str, ...] = ()
    suggestions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def read(text: str, vocabulary: Knowledge, *, fix: bool = False) -> TypedSearch:
    """Read what a person typed.

    Parameters
    ----------
    fix : bool
        Whether words that are misspelt, or perhaps are, are replaced by the likeliest known one.

    Raises
    ------
    ExpressionError
        As `milvise.queries.vocabulary.expression.parse`. A word that is unknown is no error here.
    """
    return read_all([text], vocabulary, fix=fix)[0]


@staged("words")
def read_all(texts: Sequence[str], vocabulary: Knowledge, *, fix: bool = False) -> list[TypedSearch]:
    """Read several texts, in as many calls to Milvus as one; parameters and errors as `read`."""

    def named(phrase: str) -> bool:
        return vocabulary.noun(phrase) or (" " in phrase and vocabulary.is_class(phrase))

    drafts = [pieces(in_ascii(text)) for text in texts]
    # The vectors of phrases are fetched with those of their words.
    wanted = [entry for draft in drafts for piece in draft for entry in entries(piece)]
    wanted += [
        entry
        for draft in drafts
        for _, _, phrase in phrases([_rough(piece) for piece in draft], named)
        for entry in lookups(phrase)
    ]
    known = vocabulary.known(list(dict.fromkeys(wanted)))
    arrangements = [arranged([word_of(piece, known, named) for piece in draft], named) for draft in drafts]
    return _spelt(arrangements, known, vocabulary, fix=fix)


@staged("words")
def read_exactly(text: str, vocabulary: Knowledge, *, fix: bool = False) -> TypedSearch:
    """Read an expression literally, but for the ends of words that are unknown: ``sofa!`` is read as ``sofa``.

    For words among words, where each one counts: parameters and errors as `read`.
    """
    typed = pieces(text)
    wanted = [form for piece in typed for shape in shapes(piece.term.phrase) for form in lookups(shape)]
    known = vocabulary.known(list(dict.fromkeys(wanted)))
    words = []
    for piece in typed:
        found = [piece.term.phrase] if piece.quoted else shapes(piece.term.phrase)
        shape = next((shape for shape in found if not missing_words(shape, known)), found[0])
        words.append(Word(shape, piece.term.weight, quoted=piece.quoted or shape != piece.term.phrase))
    return _spelt([(words, [])], known, vocabulary, fix=fix)[0]


def _rough(piece: Piece) -> Word:
    text = piece.term.phrase if piece.quoted else shapes(piece.term.phrase)[-1]
    return Word(text, 1.0, piece.quoted, piece.signed, piece.weighted, piece.term.phrase.endswith(","))


def _spelt(
    read: Sequence[tuple[list[Word], list[str]]], known: Mapping[str, Any], vocabulary: Knowledge, *, fix: bool
) -> list[TypedSearch]:
    """Return readings of words whose spelling is looked at, all of them in one call to Milvus."""
    close: dict[str, list[str]] = {}
    lacking: set[str] = set()
    for words, _ in read:
        doubted = [
            word for word in words if not word.quoted and not word.joined and not vocabulary.noun(word.text.lower())
        ]
        for word in doubted[:_MOST_DOUBTED]:
            if missing_words(word.text, known):
                lacking.add(word.text)
                close[word.text] = edits(word.text.lower()[:MOST_LETTERS])
            elif nouns := neighbours(word.text, vocabulary.noun):
                close[word.text] = nouns
    asked = [form for word, others in close.items() for form in (word, *others)]
    asked += [form for words, _ in read for word in words for form in word.forms]
    ranks = vocabulary.ranks(list(dict.fromkeys(asked))) if asked else {}
    suggestions = {
        word: suggest(
            word, lambda some: {one: ranks[one] for one in some if one in ranks}, vocabulary.starting, vocabulary.noun
        )
        if word in lacking
        else meant(word, others, ranks)
        for word, others in close.items()
    }
    return [_reading(words, remarks, suggestions, lacking, ranks, fix=fix) for words, remarks in read]


def _reading(
    words: Sequence[Word],
    remarks: Sequence[str],
    suggestions: Mapping[str, tuple[str, ...]],
    lacking: set[str],
    ranks: Mapping[str, int],
    *,
    fix: bool,
) -> TypedSearch:
    said = list(remarks)
    open_questions: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    terms: list[Term] = []
    for word in words:
        if word.forms:
            word = replace(word, text=min(word.forms, key=lambda form: ranks.get(form, 0)))
        text, near = word.text, () if word.quoted or word.joined else suggestions.get(word.text, ())
        if near and fix:
            said.append(f'"{text}" was corrected to "{near[0]}".')
            text = near[0]
        elif near or (text in lacking and not word.quoted):
            open_questions[text] = near
            if text in lacking:
                unknown.append(text)
            else:
                said.append(f'"{text}" is a rare word. Did you mean "{near[0]}"? --fix (Python: fix=True) takes it.')
        terms.append(Term(text, word.weight))
    check_count(len(terms))
    found = tuple(terms)
    return TypedSearch(found, render(found), tuple(dict.fromkeys(said)), open_questions, tuple(dict.fromkeys(unknown)))
