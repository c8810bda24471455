"""The collections behind a gallery: as one request reads them, each looked up once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from milvise.adapter import Collection, Store
from milvise.core.config import DEFAULT_ENCODER
from milvise.core.events import request_logged
from milvise.core.spaces import JOINT, VISUAL, Space
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.learned_words import is_learned
from milvise.embeddings.wordnet.hierarchy import Hierarchy
from milvise.errors import FingerprintError, ModelError, NotFoundError, ReplacedError, UsageError
from milvise.gallery.live import Live, answered
from milvise.gallery.missing import missing_gallery
from milvise.gallery.models import head_of
from milvise.gallery.names import encoder_of, joint_alias, visual_alias
from milvise.gallery.read_hierarchy import read_hierarchy
from milvise.gallery.words_and_classes import (
    LiveClasses,
    LiveTexts,
    names_of,
    require_same_backbone,
    require_same_version,
    require_same_words,
)
from milvise.queries.fetched_vectors import FetchedVectors, KnownTexts
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.queries.plan.load_mixture import load_mixture
from milvise.queries.ranking.confidence import Background, Calibration, sample_background, sample_calibration
from milvise.queries.recent import Recent
from milvise.queries.requests.facets import KEPT_FACETS, Counts, Facets, count_facets, kept_until
from milvise.queries.text.read import Texts, load_texts
from milvise.queries.vocabulary.frequent_words import FrequentWords
from milvise.queries.vocabulary.kept_readings import KeptReadings
from milvise.queries.vocabulary.word_vectors import Vocabulary
from milvise.queries.whole.pictures import WholeGallery
from milvise.queries.whole.reader import GalleryReader

if TYPE_CHECKING:
    from milvise.embeddings.devise.network import Head
    from milvise.queries.ranking.sure_classes import Hedge

T = TypeVar("T")

KEPT_ORDERS = 2
"""Of a gallery's pictures, each of a filter; one takes up to 1.5 MB."""


class GalleryCollections:
    """What stands behind one gallery, with what was fetched of it before."""

    def __init__(self, store: Store, words: Vocabulary, name: str) -> None:
        unprojected = (
            f"the gallery {name!r} has no joint vectors, which searching by word needs. Make some from its stored visual"
            f" vectors: milvise project --gallery {name} --head conse"
        )
        self.name = name
        self.store = store
        self.visual = Live(store, visual_alias(name), missing=lambda: missing_gallery(store, name))
        self.joint = Live(store, joint_alias(name), missing=unprojected)
        self.words = words.live
        self.texts = LiveTexts(store, words.live)
        self.classes = LiveClasses(store)
        self.known_words = words.known
        self.known_ranks = words.known_ranks
        self.known_texts, self.known_text_ranks = KnownTexts(), FetchedVectors("rank")
        self.known_classes = FetchedVectors()
        self.frequent_words, self.frequent_texts = words.frequent, FrequentWords()
        self.recent_facets: Recent[Facets] = Recent(KEPT_FACETS)
        self.recent_orders: Recent[tuple[str, ...]] = Recent(KEPT_ORDERS)
        self.reader = GalleryReader()
        self.made: dict[str, tuple[list[str], Any]] = {}
        """By what it is: eight things at most, each of the collections that were read last."""
        self.making: dict[str, RLock] = {}

    def answered(self, request: Callable[[OpenCollections], T], *, searches: int = 1) -> T:
        """Return what a request answers, asked again if, and only if, a collection was replaced or dropped under it.

        Parameters
        ----------
        searches : int
            How many people's searches it is.
        """

        def once() -> T:
            now = OpenCollections(self, searches)
            try:
                return request(now)
            except ReplacedError:
                raise
            except (NotFoundError, FingerprintError) as error:
                # A picture may be missing, or two collections not belong together, because one of them is of yesterday.
                now.require_standing(error)
                raise

        return answered(once, self.visual, self.joint, self.texts, self.classes)

    def logged(
        self,
        request: Callable[[OpenCollections], T],
        kind: str,
        *,
        space: str | None = None,
        limit: int | None = None,
        searches: int = 1,
    ) -> T:
        """Return what a request answers, as `answered` does, and log one event.

        Parameters
        ----------
        request : callable
            From the collections to the answer.
        kind, space, limit
            What is logged of it, as `milvise.core.events.request_logged`.
        searches : int
            As `answered`.
        """
        with request_logged(kind, gallery=self.name, space=space, limit=limit) as event:
            answer = self.answered(request, searches=searches)
            event["hits"] = len(answer) if isinstance(answer, list) else None
        return answer


class OpenCollections:
    """The collections that one request reads throughout; what has a hash in its name is fetched once for all requests."""

    def __init__(self, parts: GalleryCollections, searches: int = 1) -> None:
        self.parts = parts
        self.name = parts.name
        self._searches = searches
        self._read: dict[str, str] = {}

    def require_standing(self, cause: Exception) -> None:
        """Check that each alias still points at the collection that was read: one call to Milvus for each, after an error.

        Raises
        ------
        ReplacedError
            If one does not.
        """
        for alias, name in list(self._read.items()):
            standing = self.parts.store.points_at(alias)
            if standing != name:
                raise ReplacedError(
                    f"{alias} was replaced or dropped while it was read.\nExpected: {name}\nReceived: {standing or 'none'}\nMake"
                    " the request again: it finds what stands now."
                ) from cause

    def _noted(self, collection: Collection, alias: str | None = None) -> Collection:
        """Note what is read behind which alias, which is another one where a version is searched before it goes live."""
        self._read[alias or collection.manifest.alias] = collection.name
        return collection

    @cached_property
    def visual(self) -> Collection:
        """The visual vectors."""
        return self._noted(self.parts.visual.collection, self.parts.visual.alias)

    @cached_property
    def words(self) -> Collection:
        """The vocabulary of the gallery's text space: the words, or the texts of the encoder that made it."""
        return self._noted(self.parts.texts.of(self.visual))

    @property
    def known_words(self) -> FetchedVectors:
        """The vectors of words that were fetched before."""
        return self.parts.known_words if self.text_space == JOINT else self.parts.known_texts

    @property
    def known_ranks(self) -> FetchedVectors:
        """The ranks of words that were fetched before."""
        return self.parts.known_ranks if self.text_space == JOINT else self.parts.known_text_ranks

    @property
    def frequent_words(self) -> FrequentWords:
        """The most frequent words."""
        return self.parts.frequent_words if self.text_space == JOINT else self.parts.frequent_texts

    @property
    def text_space(self) -> Space:
        """The space in which pictures stand among words: ``joint``, or for an encoder that has only one, ``visual``."""
        return JOINT if encoder_of(self.visual.manifest.fingerprint) == DEFAULT_ENCODER else VISUAL

    @cached_property
    def classes(self) -> Collection:
        """The classes of the backbone that made the visual vectors."""
        classes = self._noted(self.parts.classes.standing(self.visual))
        require_same_backbone(classes, self.visual)
        return classes

    @cached_property
    def joint(self) -> Collection:
        """The joint vectors, which were made with the words that stand.

        Raises
        ------
        UsageError
            If the encoder that made the gallery has one space alone.
        """
        if self.text_space != JOINT:
            raise UsageError(
                f"the gallery {self.name!r} was made by the encoder {encoder_of(self.visual.manifest.fingerprint)!r}, whose pictures and"
                f" texts are in one space.\nExpected: {VISUAL}\nReceived: another space"
            )
        try:
            joint = self._noted(self.parts.joint.collection, self.parts.joint.alias)
        except NotFoundError:
            # Perhaps because there is no such gallery, which is another thing to say.
            _ = self.visual
            raise
        require_same_words(joint, self.words)
        require_same_version(joint, self.visual)
        return joint

    def space(self, name: Space) -> Collection:
        """Return ``visual`` or ``joint``; errors as `joint`."""
        return self.visual if name == VISUAL else self.joint

    @property
    def places_words(self) -> bool:
        """Whether words have a place among visual vectors: whether its backbone's classes are loaded, and differ."""
        if self.text_space != JOINT:
            return False
        try:
            return self.mixture.tells_apart
        except ReplacedError:
            raise
        except (NotFoundError, FingerprintError, ModelError):
            return False

    @property
    def class_names(self) -> list[str]:
        """The names of the backbone's classes."""
        return self._kept("class_names", [self.classes.name], lambda: names_of(self.classes))

    @property
    def head(self) -> Head:
        """The head that made the joint vectors."""
        return self._kept(
            "head", [self.joint.name], lambda: head_of(self.parts.store, self.visual, self.joint, self.words)
        )

    @property
    def mixture(self) -> ClassMixture:
        """The classes among the words."""
        made_of = [self.classes.name, self.words.name, str(self.hierarchy is not None)]
        return self._kept("mixture", made_of, lambda: load_mixture(self.classes, self.words, self.hierarchy))

    @property
    def hierarchy(self) -> Hierarchy | None:
        """WordNet's nouns around the classes, None where they were loaded without."""
        return self._kept("hierarchy", [self.classes.name], lambda: read_hierarchy(self.parts.store, self.classes))

    @property
    def hedge(self) -> Hedge:
        """The names of what pictures show; there must be a hierarchy."""
        from milvise.queries.ranking.sure_classes import Hedge

        hierarchy = self.hierarchy
        assert hierarchy is not None
        return self._kept("hedge", [self.classes.name], lambda: Hedge(hierarchy, self.mixture.labels))

    def knows_noun(self, phrase: str) -> bool:
        """Return whether a phrase is a noun that has a place among the classes."""
        return self._nouns is not None and self._nouns.knows(phrase)

    def base_noun(self, phrase: str) -> str:
        """Return the singular of a noun; any other phrase as it is."""
        return phrase if self._nouns is None else self._nouns.base(phrase)

    @cached_property
    def _nouns(self) -> Hierarchy | None:
        try:
            return self.hierarchy
        except ReplacedError:
            raise
        except (NotFoundError, FingerprintError):
            return None

    @property
    def readings(self) -> KeptReadings:
        """What texts were read as before, with the same words and the same classes."""
        try:
            classes = self.classes.name
        except ReplacedError:
            raise
        except (NotFoundError, FingerprintError):
            classes = ""
        return self._kept("readings", [self.words.name, classes], KeptReadings)

    @property
    def is_trained(self) -> bool:
        """Whether the joint vectors were not made by the conse head, from the classes."""
        head = self.joint.manifest.fingerprint.get("head", {})
        return bool(head.get("kind") != ConseHead.KIND)

    def joint_share(self, *spellings: str) -> float | None:
        """Return how much the joint cosine counts for a word, of one; None unless a trained head learned it and a share was chosen."""
        recipe = self.joint.manifest.recipe
        share, learned = recipe.get("joint_share"), str(recipe.get("learned", ""))
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            return None
        return float(share) if any(is_learned(one, learned) for one in spellings) else None

    @property
    def calibration(self) -> Calibration:
        """What turns evidence in this gallery into a probability; taken again when pictures were added."""
        made_of = [self.visual.name, self.visual.manifest.stamp]
        return self._kept("calibration", made_of, lambda: sample_calibration(self))

    @property
    def background(self) -> Background:
        """What random words find in this gallery; taken again when pictures were added."""
        pictures = self.space(self.text_space)
        made_of = [pictures.name, self.visual.manifest.stamp]
        return self._kept("background", made_of, lambda: sample_background(pictures, self.words))

    @cached_property
    def whole(self) -> WholeGallery | None:
        """All pictures of this gallery in memory, None before it was asked for many times."""
        return self.parts.reader.known(self.visual, self._searches)

    @property
    def texts(self) -> Texts:
        """What is known of the text of this gallery's pictures; read again when pictures were added."""
        if self.whole is not None:
            return self.whole.texts
        made_of = [self.visual.name, self.visual.manifest.stamp]
        return self._kept("texts", made_of, lambda: load_texts(self.visual))

    def facets(self, filter: str) -> Facets:
        """Return what the pictures that fit a filter have in common; counted again when pictures were added."""
        if not filter.strip():
            return self.counts.told()
        made_of = self.visual.name, *kept_until(self.visual.manifest.stamp)
        return self.parts.recent_facets.of((*made_of, filter), lambda: count_facets(self.visual, filter).told())

    @property
    def counts(self) -> Counts:
        """What this gallery's pictures have in common; counted again when pictures were added."""
        made_of = [self.visual.name, *kept_until(self.visual.manifest.stamp)]
        return self._kept("counts", made_of, lambda: count_facets(self.visual, ""))

    def _kept(self, what: str, made_of: list[str], make: Callable[[], T]) -> T:
        """Return what an earlier request made of the same collections, whose names hold a hash of what made them.

        What several threads want at once is made by one of them, and the others wait for it.
        """
        known = self.parts.made.get(what)
        if known is None or known[0] != made_of:
            # A lock for each thing: one is made of others, which are made of still others, and never in a circle.
            with self.parts.making.setdefault(what, RLock()):
                known = self.parts.made.get(what)
                if known is None or known[0] != made_of:
                    known = self.parts.made[what] = made_of, make()
        value: T = known[1]
        return value
