"""Start here: requests to one gallery.

A request that searches becomes a query, which is a vector in one space or in both, and the query becomes hits::

    words    -> expression -> vectors among words, and mixed from classes -> joint and visual collection  -> pictures
    picture  -> stored or computed vectors                                -> visual collection            -> pictures
    both, several, with feedback: their weighted sum                      -> either, or both              -> pictures
    picture  -> class probabilities, joint vector                         -> hierarchy, words             -> tags

``build`` makes queries, ``nearest`` answers them, ``rank`` scores given pictures with them, and ``explain`` takes a hit
apart. Each method says how many calls to Milvus it makes once the words and classes that it needs have been fetched.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from milvise.adapter import Store
from milvise.core.config import DEFAULT_LIMIT
from milvise.core.events import request_logged
from milvise.core.picture_types import StoredPicture
from milvise.core.records import DuplicateGroup, Hit, Owner, Picture, WordHit
from milvise.core.spaces import JOINT, VISUAL, Space
from milvise.core.stages import watcher
from milvise.errors import UsageError
from milvise.queries.focus.search import focused
from milvise.queries.focus.words import focus_weights
from milvise.queries.gallery_collections import GalleryCollections, OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.pictures.find import find_pictures, find_rows, require_several
from milvise.queries.pictures.given import PictureLike
from milvise.queries.plan.build import Weighted, mean_query, mixed_query, terms_of, words_space
from milvise.queries.plan.terms import place_terms
from milvise.queries.ranking.confidence import check_confidence
from milvise.queries.ranking.hit_confidence import trust
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.nearest import nearest
from milvise.queries.requests.duplicates import SIMILARITY, check_kind, exact_groups, visual_groups
from milvise.queries.requests.feedback import IN_MILVUS, Feedback, log_feedback
from milvise.queries.requests.refine import DEFAULT_WEIGHTS, Rocchio, refine
from milvise.queries.requests.suggest import SUGGESTIONS, Suggestions, suggest
from milvise.queries.requests.words import answers
from milvise.queries.text.match import BOTH
from milvise.queries.vocabulary.expression import Term, render
from milvise.queries.vocabulary.gallery_words import readings_of, said_in, words_said, words_typed
from milvise.queries.vocabulary.typed import TypedSearch
from milvise.queries.vocabulary.word_vectors import FREQUENT, Vocabulary

if TYPE_CHECKING:
    # What a plain search does not need is imported by the method that does: a process that searches once starts sooner.
    from milvise.queries.requests.explain import Explanation
    from milvise.queries.requests.facets import Facets


@dataclass(frozen=True, slots=True)
class Searched:
    """What one of several expressions found.

    Attributes
    ----------
    read : TypedSearch, optional
        What it was taken for; None where it cannot be read.
    hits : list of Hit
        Closest first.
    error : UsageError, optional
        Why there are none.
    """

    read: TypedSearch | None
    hits: list[Hit]
    error: UsageError | None = None


class Gallery:
    """One collection of pictures; ``db.gallery(name)`` of a `milvise.Database`."""

    def __init__(self, store: Store, words: Vocabulary, name: str) -> None:
        self.name = name
        self._parts = GalleryCollections(store, words, name)

    def search(
        self,
        expression: str,
        *,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        min_confidence: float | None = None,
        fix: bool = False,
        by: str = BOTH,
        focus: str | None = None,
    ) -> list[Hit]:
        """Return the pictures that show what the words say, closest first, and those whose text holds the words.

        One search in one space, and for words of which classes are kinds; for others, with a trained head, mostly two in each collection. Unless it is by
        meaning, a read more where texts hold the words, and where they are those of many pictures, the same searches again.

        Parameters
        ----------
        expression : str
            Such as ``dog``, ``cat sofa``, ``"dining table"`` or ``a photo of a dog, without snow``; see
            `milvise.queries.vocabulary.typed`, and `read` for what is made of it.
        space : {"joint", "visual", "fused", "ranked"}, optional
            Where words and pictures are compared, see `milvise.queries.plan.query`. By default ``ranked`` where the backbone's
            classes are loaded, else ``joint``.
        limit : int
            How many.
        filter : str
            A Milvus expression over ``label``, ``uri``, ``width``, ``height`` and ``meta["…"]``.
        min_confidence : float, optional
            In [0, 1]: only hits that show what the words say with at least this probability. The hits then carry their
            `confidence`, see `milvise.queries.ranking.confidence`. The first time it takes one call more, and six where the
            classes have no hierarchy.
        fix : bool
            Whether words that are misspelt, or perhaps are, are replaced by the likeliest known one.
        by : {"both", "meaning", "text"}
            Whether a picture is found by what it shows, by its label, file name and metadata, or by either; each hit
            carries its `reasons`, and `milvise.queries.text.match` says how much a text counts.
        focus : str, optional
            As `similar`: the words are compared with pictures among visual vectors, in the dimensions that the focus counts. `similarity` is
            then the cosine of the weighted vectors, which a text moves as it does without a focus. It takes one search, or a few, for each search
            above.

        Raises
        ------
        UnknownWordError, ExpressionError
            As `Vocabulary.similar`; a word that only texts hold, such as a name, is no error unless pictures are found by meaning or by
            confidence.
        FingerprintError
            If the gallery was projected with other words than those that stand now.
        FilterError
            If Milvus cannot read the filter.
        UsageError
            If there is no such space, or one without words among its vectors was asked for its confidence; with a focus, if the
            space is another than ``visual``, or words have no place there.
        UnknownClassError
            If the focus is neither a class nor known to the words; it carries close spellings.
        """
        check_confidence(min_confidence)
        _check_focus(focus, space)

        def request(now: OpenCollections) -> list[Hit]:
            (answer,) = answers(now, [expression], space, by=by, limit=limit, filter=filter, fix=fix, focus=focus)
            said, matches = answer.require()
            if min_confidence is not None and not said.known:
                said.require_known()
            return _hits(now, said.known, matches, min_confidence)

        return self._parts.logged(request, "search", space=space, limit=limit)

    def read(self, expression: str, *, fix: bool = False) -> TypedSearch:
        """Return what `search` takes an expression for, with a remark for each thing that was done or is suspected.

        At most three calls, and none for words that were read before.

        Raises
        ------
        ExpressionError
            If it cannot be read. A word that is not known is no error here; it is listed with close spellings.
        """
        return self._parts.logged(lambda now: readings_of(now, [expression], fix=fix)[0], "read")

    def words_space(self) -> str:
        """Return the space in which `search` compares words and pictures by default: ``ranked`` or ``joint``."""
        return self._parts.logged(words_space, "words_space")

    def search_many(
        self,
        expressions: Sequence[str],
        *,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        fix: bool = False,
        by: str = BOTH,
    ) -> list[list[Hit]]:
        """Return for each of several expressions what `search` does, in a few calls to Milvus.

        They are those of one expression for each hundred of them, and with a trained head, under `flat` and `hnsw` indexes, one more for each
        four. Only an expression that stands in the text of pictures which are not found yet takes searches of its own.

        Raises
        ------
        UnknownWordError, ExpressionError, FingerprintError, FilterError
            As `search`, if it would for any of them.
        """
        if not expressions:
            return []

        def request(now: OpenCollections) -> list[list[Hit]]:
            found = [
                one.require() for one in answers(now, expressions, space, by=by, limit=limit, filter=filter, fix=fix)
            ]
            return [[match.hit() for match in matches] for _, matches in found]

        return self._parts.logged(request, "search_many", space=space, limit=limit)

    def search_each(
        self,
        expressions: Sequence[str],
        *,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        fix: bool = False,
        by: str = BOTH,
    ) -> list[Searched]:
        """Return for each of several people's expressions what `search` does, or the error that it would raise; as `search_many`.

        Raises
        ------
        FingerprintError, FilterError, UsageError
            As `search`, if it would whatever the expression is.
        """
        if not expressions:
            return []

        def request(now: OpenCollections) -> list[Searched]:
            return [
                Searched(one.read, [match.hit() for match in one.matches], one.error)
                for one in answers(now, expressions, space, by=by, limit=limit, filter=filter, fix=fix)
            ]

        return self._parts.logged(request, "search_each", space=space, limit=limit, searches=len(expressions))

    def similar(
        self, picture: PictureLike, *, focus: str | None = None, limit: int = DEFAULT_LIMIT, filter: str = ""
    ) -> list[Hit]:
        """Return the pictures that look like a picture, closest first; a stored picture leaves itself out.

        One read for a stored picture and one search; with a focus one search or a few.

        Parameters
        ----------
        picture : StoredPicture, PictureFile, PictureBytes, str, Path, bytes, PIL image, or ndarray
            A plain text is the path of a file if a file is there, else the id or URI of a stored picture; the types of
            `milvise.core.picture_types` say which one is meant. Only a stored picture needs no neural network on this machine.
        focus : str, optional
            A class that the backbone knows, such as ``Siamese cat``, any word, or several with and without, such as
            ``cat - sofa``: only what speaks for it counts, see `milvise.queries.focus.words`. `similarity` is then the
            cosine of the vectors weighted by the class's weights.
        limit, filter
            As `search`.

        Raises
        ------
        NotFoundError
            If a plain text is neither a file nor the id or URI of a stored picture, or there is no such `StoredPicture`.
        ImageError
            If a file cannot be read as a picture, or there is no such `PictureFile`.
        UnknownClassError
            If the focus is neither a class nor known to the words; it carries close spellings.
        """

        def request(now: OpenCollections) -> list[Hit]:
            named = find_pictures(now, [picture], [VISUAL])[0]
            if focus is None:
                query = mean_query([named], [VISUAL])
                matches = nearest(now, query, limit=limit, filter=filter, without={named.key})
            else:
                vector, weights = named.vectors[VISUAL], focus_weights(now, focus)
                matches = focused(now.visual, vector, weights, limit=limit, filter=filter, without={named.key})
            return [match.hit() for match in matches]

        return self._parts.logged(request, "similar", limit=limit)

    def mixed(
        self,
        pictures: Sequence[Weighted],
        words: str = "",
        *,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        fix: bool = False,
    ) -> list[Hit]:
        """Return the pictures closest to a sum of pictures and words, such as one picture ``+night -day``.

        As `search`, and one read in each space for stored pictures.

        Parameters
        ----------
        pictures : sequence of pictures, each alone or in a pair with its weight
            As `similar`; stored ones are left out of the hits.
        words : str
            An expression as for `search`.
        space, limit, filter, fix
            As `search`; for pictures alone ``visual`` by default.
        """

        def request(now: OpenCollections) -> list[Hit]:
            query, named = mixed_query(now, words_typed(now, words, fix=fix), pictures, space=space)
            matches = nearest(now, query, limit=limit, filter=filter, without={one.key for one in named})
            return [match.hit() for match in matches]

        return self._parts.logged(request, "mixed", space=space, limit=limit)

    def complete(
        self,
        pictures: Sequence[PictureLike],
        *,
        space: str = VISUAL,
        to: str = "mean",
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
    ) -> list[Hit]:
        """Return more pictures like some given ones, which are left out.

        One read in each space for stored pictures, and as `search`.

        Parameters
        ----------
        pictures : sequence of pictures, 1 to 500
            As `similar`. Copies of given files are left out too.
        space : {"visual", "joint", "fused"}
            Whether they are to look alike, or to be about the same.
        to : {"mean", "any"}
            Closest to the spherical mean of the given ones, or to any one of them: one theme, or several.
        limit, filter
            As `search`.
        """
        from milvise.queries.requests.complete import complete

        return self._parts.logged(
            lambda now: [
                match.hit() for match in complete(now, pictures, space=space, to=to, limit=limit, filter=filter)
            ],
            "complete",
            space=space,
            limit=limit,
        )

    def rank(
        self,
        *,
        words: str = "",
        pictures: Sequence[Weighted] = (),
        ids: Sequence[str] | None = None,
        filter: str = "",
        space: str | None = None,
        limit: int | None = None,
        min_confidence: float | None = None,
        fix: bool = False,
    ) -> list[Hit]:
        """Return given pictures in the order of how well they fit a brief, each with its exact score.

        One read in each space for each 500 pictures; without `ids` also one pass over those that fit the filter.

        Parameters
        ----------
        words, pictures, fix
            The brief, as `mixed`.
        ids : sequence of str, optional
            Ids or URIs; by default all pictures that fit the filter.
        filter : str
            As `search`; there can be no `ids` with it.
        space : str, optional
            As `mixed`.
        limit : int, optional
            Only the best so many, which are all that is held; by default all of up to 100,000 pictures.
        min_confidence : float, optional
            As `search`: where to cut off.

        Raises
        ------
        NotFoundError
            If one of the ids is not stored, or no picture fits the filter.
        """
        check_confidence(min_confidence)
        require_several(ids=ids)
        if limit is not None:
            check_limit(limit, most=None)
        if ids is not None and filter:
            raise UsageError("pictures are ranked by their ids or by a filter, not by both.")

        def request(now: OpenCollections) -> list[Hit]:
            terms = words_typed(now, words, fix=fix)
            query, _ = mixed_query(now, terms, pictures, space=space)
            from milvise.queries.requests.rank import rank

            return _hits(now, terms, rank(now, query, ids=ids, filter=filter, limit=limit), min_confidence)

        return self._parts.logged(request, "rank", space=space, limit=limit)

    def owners(
        self,
        *,
        words: str = "",
        pictures: Sequence[Weighted] = (),
        by: str = "owner",
        evidence: int = 3,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        fix: bool = False,
    ) -> list[Owner]:
        """Return whose pictures fit a brief best, each with the pictures that speak for it.

        As `search` for 256 pictures, and up to three times more for four times as many.

        Parameters
        ----------
        words, pictures, space, fix
            The brief, as `mixed`.
        by : str
            The metadata column that names the owner; pictures without it count for nobody.
        evidence : int
            How many of an owner's best pictures are judged.
        limit : int
            How many owners.
        filter : str
            As `search`.

        Raises
        ------
        NotFoundError
            If no picture that was found has the column.
        """

        def request(now: OpenCollections) -> list[Owner]:
            query, _ = mixed_query(now, words_typed(now, words, fix=fix), pictures, space=space)
            from milvise.queries.requests.owners import owners

            return owners(now, query, by=by, evidence=evidence, limit=limit, filter=filter)

        return self._parts.logged(request, "owners", space=space, limit=limit)

    def refine(
        self,
        *,
        words: str = "",
        pictures: Sequence[Weighted] = (),
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        weights: Rocchio = DEFAULT_WEIGHTS,
        space: str | None = None,
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
        log: str | Path | None = None,
        fix: bool = False,
    ) -> list[Hit]:
        """Return what a search finds that has heard which pictures were liked and which were not; those are left out.

        As `mixed`, and one read in each space for the judged pictures. Nothing is remembered between two calls.

        Parameters
        ----------
        words, pictures, space, limit, filter, fix
            What was searched for, as `mixed`.
        liked, disliked : sequence of str
            Ids or URIs of stored pictures; never files.
        weights : Rocchio
            How much the query and the two means count.
        log : path or "milvus", optional
            Where the feedback is written down, see `milvise.queries.requests.feedback`.
        """
        require_several(liked=liked, disliked=disliked)

        feedback: list[Feedback] = []

        def request(now: OpenCollections) -> list[Hit]:
            terms = words_typed(now, words, fix=fix)
            query, named = mixed_query(now, terms, pictures, space=space)
            judged = find_pictures(now, [StoredPicture(name) for name in (*liked, *disliked)], list(query.recipes))
            good, bad = judged[: len(liked)], judged[len(liked) :]
            matches = refine(now, query, named, good, bad, weights=weights, limit=limit, filter=filter)
            said = Feedback(
                gallery=self.name,
                words=_as_searched(words, terms),
                pictures=tuple(one.name for one in named),
                liked=tuple(str(one.key) for one in good),
                disliked=tuple(str(one.key) for one in bad),
            )
            feedback[:] = [said]
            return [match.hit() for match in matches]

        hits = self._parts.logged(request, "refine", space=space, limit=limit)
        if log is not None:
            log_feedback(self._parts.store, log, feedback[0])
        return hits

    def feedback(
        self,
        *,
        words: str = "",
        pictures: Sequence[str] = (),
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        log: str | Path = IN_MILVUS,
    ) -> Feedback:
        """Write down what was liked and disliked in an answer, without another search, and return what was written.

        One read for all the pictures, and as `read`.

        Parameters
        ----------
        words : str
            What was searched for; words that are not known are written down too.
        pictures, liked, disliked : sequence of str
            Ids or URIs of stored pictures: those that were searched with, and those that were judged.
        log : path or "milvus"
            As `refine`.

        Raises
        ------
        NotFoundError
            If a picture is not stored.
        UsageError
            If nothing was judged.
        """
        require_several(pictures=pictures, liked=liked, disliked=disliked)
        if not liked and not disliked:
            raise UsageError("there is no feedback.\nExpected: pictures that were liked, disliked, or both")

        def request(now: OpenCollections) -> Feedback:
            rows = find_rows(now, [*dict.fromkeys([*pictures, *liked, *disliked])], VISUAL, ["uri"])
            return Feedback(
                gallery=self.name,
                words=_as_searched(words, words_said(now, words).terms),
                pictures=tuple(str(rows[name]["uri"]) for name in pictures),
                liked=tuple(str(rows[name]["id"]) for name in liked),
                disliked=tuple(str(rows[name]["id"]) for name in disliked),
            )

        said = self._parts.logged(request, "feedback")
        log_feedback(self._parts.store, log, said)
        return said

    def explain(
        self,
        hit: str,
        *,
        words: str = "",
        pictures: Sequence[Weighted] = (),
        focus: str | None = None,
        space: str | None = None,
        fix: bool = False,
    ) -> Explanation:
        """Return why a stored picture has its place in the answer to a request.

        One read in each space, one for the pictures of the request, and six the first time for the confidence.

        Parameters
        ----------
        hit : str
            Id or URI of the picture.
        words, pictures, space, fix
            The request, as `mixed`. Words that the vocabulary lacks are listed, and take no part.
        focus : str, optional
            As `similar` and `search`.
        """
        _check_focus(focus, space)

        def request(now: OpenCollections) -> Explanation:
            said = words_said(now, words, fix=fix)
            if not said.known and not pictures:
                said.require_known()
            query, _ = mixed_query(now, said.known, pictures, space=space if focus is None else VISUAL)
            weights = None if focus is None else focus_weights(now, focus)
            from milvise.queries.requests.explain import explain

            return explain(now, hit, query, terms=said.known, focus=weights, unknown=said.unknown)

        return self._parts.logged(request, "explain", space=space)

    def browse(self, filter: str = "", *, limit: int = DEFAULT_LIMIT, offset: int = 0) -> list[Picture]:
        """Return a page of the pictures that fit a filter, in the order of their URIs.

        A count, one read of the ids and URIs of what fits, of at most 16,384 pictures, and one of the page; for another page of the same
        filter no read of all ids, unless there are more or fewer pictures now. A gallery of which more fit shows so many of them; a
        filter finds the others.

        Parameters
        ----------
        filter : str
            As `search`; all pictures by default.
        limit : int
            How many.
        offset : int
            How many are passed over.

        Raises
        ------
        FilterError
            If Milvus cannot read the filter.
        """
        from milvise.queries.requests.browse import browse

        return self._parts.logged(
            lambda now: browse(now.visual, self._parts.recent_orders, filter=filter, limit=limit, offset=offset),
            "browse",
            limit=limit,
        )

    def facets(self, filter: str = "") -> Facets:
        """Return what the pictures that fit a filter have in common, counted: labels, sizes, dates and values of metadata.

        At most two reads, of up to 16,384 pictures without their vectors and 32 million characters; where more fit, one call to count them,
        and the counts are of those that were read. They are kept for all pictures and for the last 16 filters until pictures are added, which
        is noticed within half a minute, and for a minute while they are being added.

        Parameters
        ----------
        filter : str
            As `search`; all pictures by default.

        Raises
        ------
        FilterError
            If Milvus cannot read the filter.
        """
        return self._parts.logged(lambda now: now.facets(filter), "facets")

    def suggest(self, text: str, *, limit: int = SUGGESTIONS) -> Suggestions:
        """Return how a text that is typed may go on: with words, labels of pictures, and classes that a search can focus on.

        Nothing is asked of Milvus but the first time: the most frequent words in one read, the names of the classes in another, and the
        labels as `facets` without a filter reads them.

        Parameters
        ----------
        text : str
            All that was typed so far; its end is completed. An empty one may begin with the most frequent labels.
        limit : int
            How many of each kind, at most 100.
        """
        return self._parts.logged(lambda now: suggest(now, text, limit=limit), "suggest", limit=limit)

    def duplicates(
        self, *, kind: str = "exact", similarity: float = SIMILARITY, filter: str = ""
    ) -> Generator[DuplicateGroup, None, None]:
        """Yield groups of pictures that are the same, as they are found.

        One pass over the gallery; for ``visual`` also one search for each hundred pictures.

        Parameters
        ----------
        kind : {"exact", "visual"}
            Whether files are to be the same, or pictures to look the same.
        similarity : float
            Of visual duplicates: the least cosine of the pairs that tie a group together.
        filter : str
            As `search`.
        """
        check_kind(kind)
        visual = self._parts.answered(lambda now: now.visual)
        if kind == "exact":
            return self._logged(exact_groups(visual, filter=filter))
        return self._logged(visual_groups(visual, similarity=similarity, filter=filter))

    def _logged(self, groups: Iterator[DuplicateGroup]) -> Generator[DuplicateGroup, None, None]:
        """Yield groups of duplicates, and log the request when they end."""
        with request_logged("duplicates", gallery=self.name) as event:
            event["hits"] = 0
            for group in groups:
                event["hits"] += 1
                yield group

    def tags(
        self, picture: PictureLike, *, limit: int = DEFAULT_LIMIT, among: int = FREQUENT, filter: str = ""
    ) -> list[WordHit]:
        """Return the words that say what a picture shows: what the network is sure of, its guesses, then the closest words.

        What is named by the backbone's classes carries its probability; see `milvise.queries.ranking.sure_classes`. Where these have no hierarchy,
        all are the closest words. For a stored picture one read and one search; with a hierarchy two reads more.

        Parameters
        ----------
        picture
            As `similar`.
        limit : int
            How many.
        among : int
            The closest words are so many of the most frequent ones.
        filter : str
            A further Milvus expression over ``word`` and ``rank``, for all tags.
        """
        return self.tags_of([picture], limit=limit, among=among, filter=filter)[0]

    def tags_of(
        self, pictures: Sequence[PictureLike], *, limit: int = DEFAULT_LIMIT, among: int = FREQUENT, filter: str = ""
    ) -> list[list[WordHit]]:
        """Return the tags of each of several pictures, in the same number of calls as for one; parameters as `tags`."""
        require_several(pictures=pictures)
        check_limit(among, most=None, what="number of words to consider")
        if not pictures:
            return []

        def request(now: OpenCollections) -> list[list[WordHit]]:
            from milvise.queries.requests.tags import can_hedge, tagged

            spaces: list[Space] = [JOINT, VISUAL] if can_hedge(now) else [now.text_space]
            found = find_pictures(now, pictures, spaces)
            joint, *visual = (np.stack([one.vectors[space] for one in found]) for space in spaces)
            return tagged(now, joint, *visual, limit=limit, among=int(among), filter=filter)

        return self._parts.logged(request, "tags", limit=limit)

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        return self._parts.logged(lambda now: list(now.class_names), "classes")

    def classes_of(self, words: str) -> dict[str, float]:
        """Return the classes that an expression is a mixture of, each with its share: none where it has no place among them.

        Raises
        ------
        UnknownWordError, ExpressionError
            As `search`.
        """

        def request(now: OpenCollections) -> dict[str, float]:
            (said,) = said_in(now, [words])
            said.require_known()
            if not now.places_words:
                return {}
            placed = place_terms(now, said.terms)
            shares = np.mean([one.classes.shares for one in placed], axis=0)
            return dict(zip(now.mixture.labels, shares.tolist(), strict=True))

        return self._parts.logged(request, "classes_of")


def _check_focus(focus: str | None, space: str | None) -> None:
    if focus is not None and space not in (None, VISUAL):
        raise UsageError(
            f"a focus is for pictures among visual vectors.\nExpected: {VISUAL}, or no space\nReceived: {space}"
        )


def _as_searched(words: str, terms: tuple[Term, ...]) -> str:
    """Return words as feedback keeps them: as they were typed where they are an expression, else what was made of them."""
    return words if terms == terms_of(words) else render(terms)


def _hits(now: OpenCollections, terms: Sequence[Term], matches: Sequence[Match], least: float | None) -> list[Hit]:
    trusted = [match.confidence for match in matches] if least is None else trust(now, terms, matches)
    known = [confidence for confidence in trusted if confidence is not None]
    if known and (watching := watcher()) is not None:
        watching.confidence(max(known))
    hits = [match.hit(confidence) for match, confidence in zip(matches, trusted, strict=True)]
    return [hit for hit in hits if least is None or (hit.confidence or 0.0) >= least]
