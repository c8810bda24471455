"""One collection of pictures of a service, with the requests of a `milvise.Gallery`."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from milvise.client import records
from milvise.client.connection import Answer, Connection, Read
from milvise.client.files import RemoteFile
from milvise.client.pictures import MEDIA_TYPE, reference, references, sendable
from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import StoredPicture
from milvise.core.records import DuplicateGroup, Hit, Owner, Picture, WordHit, record_id
from milvise.core.spaces import VISUAL, search_space
from milvise.errors import NotFoundError, UsageError
from milvise.queries.limits import check_limit
from milvise.queries.pictures.find import is_id, require_several
from milvise.queries.pictures.given import PictureLike
from milvise.queries.plan.build import Weighted
from milvise.queries.ranking.confidence import check_confidence
from milvise.queries.requests.complete import check_given
from milvise.queries.requests.duplicates import SIMILARITY, check_kind, check_similarity
from milvise.queries.requests.explain import Explanation
from milvise.queries.requests.facets import Facets
from milvise.queries.requests.feedback import IN_MILVUS
from milvise.queries.requests.refine import DEFAULT_WEIGHTS, Rocchio
from milvise.queries.requests.suggest import MOST_SUGGESTIONS, SUGGESTIONS, Suggestions
from milvise.queries.text.match import BOTH, check_by
from milvise.queries.vocabulary.typed import TypedSearch
from milvise.queries.vocabulary.word_vectors import FREQUENT

_MOST_GROUPS = 1_000


class RemoteGallery:
    """One collection of pictures; ``db.gallery(name)`` of a `milvise.RemoteDatabase`.

    Each request is one to the service, and has the parameters, the answer and the errors of the method of `milvise.Gallery` that is called alike.
    Pictures that are not stored are read on this machine and sent; the service computes their vectors, and keeps none of them.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self.name = name
        self._connection = connection

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
        """Return the pictures that show what the words say, and those whose text holds them; as `milvise.Gallery.search`."""
        check_confidence(min_confidence)
        check_by(by)
        _check_space(space)
        return self._connection.get(
            records.hits, "galleries", self.name, "search",
            words=expression, space=space, limit=_count(limit), filter=filter, min_confidence=min_confidence, fix=fix, by=by,
            focus=focus,
        )  # fmt: skip

    def read(self, expression: str, *, fix: bool = False) -> TypedSearch:
        """Return what `search` takes an expression for; as `milvise.Gallery.read`."""
        return self._connection.get(records.typed_search, "galleries", self.name, "read", words=expression, fix=fix)

    def words_space(self) -> str:
        """Return the space in which `search` compares words and pictures by default: ``ranked`` or ``joint``."""
        return self._connection.get(lambda body: str(body["space"]), "galleries", self.name, "words-space")

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
        """Return for each of several expressions what `search` does, in one request; as `milvise.Gallery.search_many`."""
        if not expressions:
            return []
        check_by(by)
        _check_space(space)
        asked = {
            "expressions": list(expressions),
            "space": space,
            "limit": _count(limit),
            "filter": filter,
            "fix": fix,
            "by": by,
        }
        return self._post(records.hits_of_each, "search-many", asked)

    def similar(
        self, picture: PictureLike, *, focus: str | None = None, limit: int = DEFAULT_LIMIT, filter: str = ""
    ) -> list[Hit]:
        """Return the pictures that look like a picture, closest first; as `milvise.Gallery.similar`."""
        sent, count = sendable(picture), _count(limit)
        if isinstance(sent, StoredPicture):
            asked = {"id": sent.id_or_uri, "focus": focus, "limit": count, "filter": filter}
            return self._post(records.hits, "similar", asked, [picture])
        return self._connection.upload(
            records.hits, "galleries", self.name, "similar", data=sent.data, media_type=MEDIA_TYPE,
            focus=focus, limit=count, filter=filter,
        )  # fmt: skip

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
        """Return the pictures closest to a sum of pictures and words; as `milvise.Gallery.mixed`."""
        asked = {**_brief(words, pictures, space, filter, fix=fix), "limit": _count(limit)}
        return self._post(records.hits, "mixed", asked, pictures)

    def complete(
        self,
        pictures: Sequence[PictureLike],
        *,
        space: str = VISUAL,
        to: str = "mean",
        limit: int = DEFAULT_LIMIT,
        filter: str = "",
    ) -> list[Hit]:
        """Return more pictures like some given ones, which are left out; as `milvise.Gallery.complete`."""
        check_given(pictures, to)
        _check_space(space)
        named = [reference(picture) for picture in pictures]
        asked = {"pictures": named, "space": space, "to": to, "limit": _count(limit), "filter": filter}
        return self._post(records.hits, "complete", asked, pictures)

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
        """Return given pictures in the order of how well they fit a brief; as `milvise.Gallery.rank`, at most 16,384 of them."""
        check_confidence(min_confidence)
        require_several(ids=ids)
        if limit is not None:
            check_limit(limit, most=None)
        if ids is not None and filter:
            raise UsageError("pictures are ranked by their ids or by a filter, not by both.")
        asked = {
            **_brief(words, pictures, space, filter, fix=fix), "ids": None if ids is None else list(ids),
            "limit": None if limit is None else operator.index(limit), "min_confidence": min_confidence,
        }  # fmt: skip
        return self._post(records.hits, "rank", asked, pictures)

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
        """Return whose pictures fit a brief best, each with the pictures that speak for it; as `milvise.Gallery.owners`."""
        check_limit(evidence, what="number of pictures of each owner")
        brief = _brief(words, pictures, space, filter, fix=fix)
        asked = {**brief, "by": by, "evidence": operator.index(evidence), "limit": _count(limit)}
        return self._post(records.owners, "owners", asked, pictures)

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
        """Return what a search finds that has heard which pictures were liked and which were not; as `milvise.Gallery.refine`.

        With ``log="milvus"``, the only place that there is here, the service writes the feedback down, which a key with the role ``feedback``
        may. Of the pictures it notes the stored ones.
        """
        require_several(liked=liked, disliked=disliked)
        if log is not None:
            _check_log(log)
        brief = _brief(words, pictures, space, filter, fix=fix)
        judged = {"liked": list(liked), "disliked": list(disliked)}
        counts = [weights.query, weights.liked, weights.disliked]
        found = self._post(
            records.hits, "refine", {**brief, **judged, "weights": counts, "limit": _count(limit)}, pictures
        )
        if log is not None:
            stored = [one["id"] for one in brief["pictures"] if "id" in one]
            typed = self.read(words, fix=True).expression if fix and words else words
            self.feedback(words=typed, pictures=stored, liked=liked, disliked=disliked)
        return found

    def feedback(
        self,
        *,
        words: str = "",
        pictures: Sequence[str] = (),
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        log: str | Path = IN_MILVUS,
    ) -> None:
        """Have the service write down what was liked and disliked in an answer; as `milvise.Gallery.feedback`, and sent once."""
        require_several(pictures=pictures, liked=liked, disliked=disliked)
        _check_log(log)
        said = {"words": words, "pictures": list(pictures), "liked": list(liked), "disliked": list(disliked)}
        self._connection.write("feedback", body={"gallery": self.name, **said})

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
        """Return why a stored picture has its place in the answer to a request; as `milvise.Gallery.explain`."""
        _check_space(space)
        asked = {
            "id": hit, "words": words, "pictures": references(pictures), "focus": focus, "space": space, "fix": fix,
        }  # fmt: skip
        return self._post(records.explanation, "explain", asked, pictures)

    def picture(self, id_or_uri: str) -> Picture:
        """Return a stored picture; as `milvise.Gallery.picture`."""
        key = id_or_uri if is_id(id_or_uri) else record_id(id_or_uri)
        return self._connection.get(records.picture, "galleries", self.name, "pictures", key)

    def files(self, names: Sequence[str]) -> list[RemoteFile]:
        """Return the files of stored pictures, which are got when they are opened; as `milvise.Gallery.files`, one request for each."""
        require_several(names=names)
        return [RemoteFile(self.picture(name), self.name, self._connection) for name in names]

    def browse(self, filter: str = "", *, limit: int = DEFAULT_LIMIT, offset: int = 0) -> list[Picture]:
        """Return a page of the pictures that fit a filter, in the order of their URIs; as `milvise.Gallery.browse`."""
        return self._connection.get(
            records.pictures, "galleries", self.name, "pictures", filter=filter, limit=_count(limit), offset=offset
        )

    def facets(self, filter: str = "") -> Facets:
        """Return what the pictures that fit a filter have in common, counted; as `milvise.Gallery.facets`."""
        return self._connection.get(records.facets, "galleries", self.name, "facets", filter=filter)

    def suggest(self, text: str, *, limit: int = SUGGESTIONS) -> Suggestions:
        """Return how a text that is typed may go on; as `milvise.Gallery.suggest`."""
        check_limit(limit, most=MOST_SUGGESTIONS)
        return self._connection.get(records.suggestions, "galleries", self.name, "suggestions", text=text, limit=limit)

    def duplicates(
        self, *, kind: str = "exact", similarity: float = SIMILARITY, filter: str = ""
    ) -> Iterator[DuplicateGroup]:
        """Yield groups of pictures that are the same; as `milvise.Gallery.duplicates`.

        All of them are found first, and a service tells at most 1,000.

        Raises
        ------
        UsageError
            When there are more, after the last one that the service tells.
        """
        check_kind(kind)
        if kind != "exact":
            check_similarity(similarity)
        return self._groups(kind, similarity, filter)

    def _groups(self, kind: str, similarity: float, filter: str) -> Iterator[DuplicateGroup]:
        found, more = self._connection.get(
            records.groups, "galleries", self.name, "duplicates",
            kind=kind, similarity=similarity, filter=filter, limit=_MOST_GROUPS,
        )  # fmt: skip
        yield from found
        if more:
            raise UsageError(
                f"there are more groups of duplicates than a service tells at once.\nExpected: at most {_MOST_GROUPS:,}\nReceived: more\nA filter"
                " narrows them, and whoever runs the service can list all of them."
            )

    def tags(
        self, picture: PictureLike, *, limit: int = DEFAULT_LIMIT, among: int = FREQUENT, filter: str = ""
    ) -> list[WordHit]:
        """Return the words that say what a picture shows; as `milvise.Gallery.tags`."""
        check_limit(among, most=None, what="number of words to consider")
        sent, count = sendable(picture), _count(limit)
        if isinstance(sent, StoredPicture):
            asked = {"id": sent.id_or_uri, "limit": count, "among": operator.index(among), "filter": filter}
            return self._post(records.word_hits, "tags", asked, [picture])
        return self._connection.upload(
            records.word_hits, "galleries", self.name, "tags", data=sent.data, media_type=MEDIA_TYPE,
            limit=count, among=operator.index(among), filter=filter,
        )  # fmt: skip

    def tags_of(
        self, pictures: Sequence[PictureLike], *, limit: int = DEFAULT_LIMIT, among: int = FREQUENT, filter: str = ""
    ) -> list[list[WordHit]]:
        """Return the tags of each of several pictures, in one request; as `milvise.Gallery.tags_of`."""
        require_several(pictures=pictures)
        check_limit(among, most=None, what="number of words to consider")
        if not pictures:
            return []
        asked = {
            "pictures": [reference(picture) for picture in pictures], "limit": _count(limit), "among": operator.index(among),
            "filter": filter,
        }  # fmt: skip
        return self._post(records.word_hits_of_each, "tags-of", asked, pictures)

    def classes(self) -> list[str]:
        """Return the names of the classes that `similar` can focus on."""
        return self._connection.get(lambda body: list(body["classes"]), "galleries", self.name, "classes")

    def classes_of(self, words: str) -> dict[str, float]:
        """Return the classes that an expression is a mixture of, each with its share; as `milvise.Gallery.classes_of`."""
        return self._connection.get(
            lambda body: dict(body["classes"]), "galleries", self.name, "classes-of", words=words
        )

    def _post(
        self, read: Read[Answer], request: str, asked: dict[str, Any], pictures: Sequence[Weighted] = ()
    ) -> Answer:
        with _perhaps_files(self.name, pictures):
            return self._connection.post(read, "galleries", self.name, request, body=asked)


def _brief(words: str, pictures: Sequence[Weighted], space: str | None, filter: str, *, fix: bool) -> dict[str, Any]:
    require_several(pictures=pictures)
    _check_space(space)
    return {"words": words, "pictures": references(pictures), "space": space, "filter": filter, "fix": fix}


def _check_log(log: str | Path) -> None:
    if str(log) != IN_MILVUS:
        raise UsageError(f"a service writes feedback into Milvus alone.\nExpected: log='milvus'\nReceived: {log}")


def _check_space(space: str | None) -> None:
    if space is not None:
        search_space(space)


def _count(limit: int) -> int:
    check_limit(limit)
    return operator.index(limit)


@contextmanager
def _perhaps_files(gallery: str, pictures: Sequence[Weighted]) -> Iterator[None]:
    """Say of a plain text that the service does not know that it is no file here either."""
    try:
        yield
    except NotFoundError as error:
        named = [one[0] if isinstance(one, tuple) else one for one in pictures]
        unknown = next((one for one in named if isinstance(one, str) and repr(one) in str(error)), None)
        if unknown is None:
            raise
        raise NotFoundError(
            f"{unknown!r} is neither a file on this machine nor the id or URI of a picture in the gallery {gallery!r}."
        ) from error
