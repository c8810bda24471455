"""Every plan over the two collections, on every Milvus, equal to a brute-force reference and in the calls that it states."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import REAL
from doors import Door
from reference_world import (
    JOINT,
    NAMES,
    PICTURES,
    PLACE,
    SEEN,
    SHARE,
    VECTOR,
    VISUAL,
    WEIGHTS,
    WORD_VECTORS,
    as_picture,
    closest,
    fused,
    numbers,
    ranked,
    reference_gallery,
    shares,
)

from milvise.adapter import Store
from milvise.core.arrays import unit
from milvise.core.records import record_id
from milvise.errors import ExpressionError, InputError, NotFoundError, UnknownWordError, UsageError
from milvise.queries.database import Database
from milvise.queries.requests.feedback import read_feedback, training_pairs
from milvise.queries.requests.refine import Rocchio
from milvise.queries.search import Gallery

pytestmark = pytest.mark.milvus(*REAL)


@pytest.fixture(scope="module")
def db(store: Store, door: Door) -> Iterator[Database]:
    for db in reference_gallery(store):
        yield door(db)


@pytest.fixture(scope="module")
def gallery(db: Database) -> Gallery:
    """The gallery, with the words and classes that the tests use fetched already."""
    gallery = db.gallery("r")
    gallery.search("cat dog sofa king man woman", min_confidence=0.0)
    for focus in ("cat", "sofa"):
        gallery.similar(uri(0), focus=focus)
    return gallery


@pytest.fixture
def calls(store: Store, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each method of the Milvus client was called, but for the manifests that are read again each half minute."""
    monkeypatch.setattr("milvise.gallery.live.REFRESH_S", math.inf)
    counted: Counter[str] = Counter()
    call = store.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        if method.__name__ != "describe_alias":
            counted[method.__name__] += 1
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store.connection, "call", counting)
    return counted


def uri(number: int) -> str:
    return f"folder/{number}.jpg"


def key(number: int) -> str:
    return record_id(uri(number))


def best(scores: np.ndarray, limit: int, without: tuple[int, ...] = ()) -> list[int]:
    order = [int(place) for place in np.argsort(-scores, kind="stable") if place not in without]
    return order[:limit]


def same(found: list[int], expected: list[int], most_missed: int = 1) -> bool:
    """Whether an answer over the approximate visual index is the exact one, to a hit."""
    return len(found) == len(expected) and len(set(expected) - set(found)) <= most_missed


# -- words in both spaces ------------------------------------------------------------------------------------------------


def test_words_are_compared_in_both_spaces_at_once(gallery: Gallery, calls: Counter[str]) -> None:
    scores = fused(VECTOR["dog"], as_picture("dog"))
    hits = gallery.search("dog", space="fused", limit=10)
    assert same(numbers(hits), best(scores, 10))
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)
    assert calls["search"] % 2 == 0
    assert calls["search"] <= 6, "two searches, and two more for each time that the lists are read further down"
    assert calls["query"] <= calls["search"]


SEARCHES = {
    "dog": {"dog": 1.0},
    "sofa": {"sofa": 1.0},
    "cat sofa": {"cat": 1.0, "sofa": 1.0},
    "king - man + woman^2": {"king": 1.0, "man": -1.0, "woman": 2.0},
    "sofa^0.5 - dog^2": {"sofa": 0.5, "dog": -2.0},
    "- cat": {"cat": -1.0},
    '"dining table"': {"dining table": 1.0},
}


def joint_of(words: dict[str, float]) -> np.ndarray:
    phrases = VECTOR | {"dining table": NAMES[2]}
    return np.sum([weight * phrases[word] for word, weight in words.items()], axis=0)


def visual_of(words: dict[str, float]) -> np.ndarray:
    return np.sum([weight * as_picture(word) for word, weight in words.items()], axis=0)


@pytest.mark.parametrize("words", SEARCHES)
@pytest.mark.parametrize("limit", [10, 120])
def test_by_default_words_are_ranked_by_what_the_network_saw(
    gallery: Gallery, calls: Counter[str], words: str, limit: int
) -> None:
    terms = SEARCHES[words]
    gallery.search(words, limit=limit)
    calls.clear()
    expected = ranked(terms, joint_of(terms), visual_of(terms), limit=limit)
    hits = gallery.search(words, limit=limit, by="meaning")
    assert same(numbers(hits), best(expected.scores, limit), limit // 10)
    np.testing.assert_allclose([hit.similarity for hit in hits], expected.of_all[numbers(hits)], atol=1e-5)
    similarities = [hit.similarity for hit in hits]
    assert similarities == sorted(similarities, reverse=True)
    assert -1 - 1e-6 <= similarities[-1] <= similarities[0] <= 1 + 1e-6
    assert gallery.words_space() == "ranked"
    # A word that is a class takes one search; where a head was trained, another takes one in each space, and one call in each for what the other found.
    is_class = set(terms) <= PLACE.keys()
    assert calls["search"] + calls["query"] == (1 if is_class else 4)
    assert calls["query"] in (0, 2)
    assert gallery.search(words, limit=limit, space="ranked", by="meaning") == hits
    # Text is looked at beside, and holds none of these words: more candidates are looked at, and change no score.
    deeper = gallery.search(words, limit=limit)
    np.testing.assert_allclose([hit.similarity for hit in deeper], expected.of_all[numbers(deeper)], atol=1e-5)
    assert deeper[0].similarity >= hits[0].similarity - 1e-6


def test_more_hits_than_there_are_pictures(gallery: Gallery) -> None:
    for space in ("ranked", "fused", "joint", "visual"):
        hits = gallery.search("sofa", space=space, limit=PICTURES + 500)
        assert sorted(numbers(hits)) == list(range(PICTURES)), space
    expected = ranked({"sofa": 1.0}, VECTOR["sofa"], as_picture("sofa"), limit=PICTURES)
    hits = gallery.search("sofa", limit=PICTURES + 500)
    np.testing.assert_allclose([hit.similarity for hit in hits], expected.scores[numbers(hits)], atol=1e-5)
    assert numbers(hits)[:20] == best(expected.scores, 20)
    assert len(gallery.search("sofa", limit=1_200)) == 1_200
    assert len(gallery.search("sofa", limit=5, filter="width < 3")) == 3
    assert gallery.search("sofa", filter="width < 0") == []
    assert gallery.search("sofa", filter="width < 0", min_confidence=0.0) == []


def test_terms_are_added_in_each_space(gallery: Gallery) -> None:
    weights = {"king": 1.0, "man": -1.0, "woman": 2.0}
    joint, visual = joint_of(weights), visual_of(weights)
    for space, scores in (
        ("joint", JOINT @ unit(joint)),
        ("visual", SEEN @ unit(visual)),
        ("fused", fused(joint, visual)),
    ):
        hits = gallery.search("king - man + woman^2", space=space, limit=10)
        assert same(numbers(hits), best(scores, 10)), space
        np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)


def test_one_space_takes_one_search(gallery: Gallery, calls: Counter[str]) -> None:
    for space in ("joint", "visual"):
        calls.clear()
        gallery.search("cat sofa", space=space)
        assert calls == {"search": 1}
    with pytest.raises(UsageError, match="Expected: joint, visual, fused, ranked"):
        gallery.search("cat", space="both")


@pytest.mark.parametrize("space", [None, "fused", "joint", "visual"])
@pytest.mark.parametrize("limit", [5, 60])
def test_several_expressions_take_a_few_calls(
    gallery: Gallery, calls: Counter[str], space: str | None, limit: int
) -> None:
    words = ["cat", "dog - cat", "sofa", "cat sofa", "dog", "dog^2 sofa", "dog sofa", "cat dog", "dog cat sofa"]
    alone = [gallery.search(word, space=space, limit=limit) for word in words]
    calls.clear()
    together = gallery.search_many(words, space=space, limit=limit)
    assert [[hit.id for hit in hits] for hits in together] == [[hit.id for hit in hits] for hits in alone]
    for hits, others in zip(together, alone, strict=True):
        np.testing.assert_allclose([hit.similarity for hit in hits], [hit.similarity for hit in others], atol=1e-5)
    depths = 2  # what is subtracted by text may move hits down, and these searches are deeper
    # In both spaces at once there are two searches, and one more for each four expressions that lack cosines.
    assert calls["search"] <= depths * {"fused": 6, None: 2 + 3}.get(space, 1)
    assert calls["query"] <= calls["search"]


def test_a_filter_holds_in_both_spaces(gallery: Gallery) -> None:
    scores = fused(VECTOR["dog"], as_picture("dog"))
    scores[100:] = -2
    assert numbers(gallery.search("dog", space="fused", limit=10, filter="width < 100")) == best(scores, 10)
    for word in ("dog", "sofa"):
        expected = ranked({word: 1.0}, VECTOR[word], as_picture(word), keep=np.arange(PICTURES) < 100)
        hits = gallery.search(word, limit=10, filter="width < 100")
        assert numbers(hits) == best(expected.scores, 10)
        np.testing.assert_allclose([hit.similarity for hit in hits], expected.scores[numbers(hits)], atol=1e-5)
        assert len(gallery.search(word, limit=50, filter="width < 3")) == 3


# -- pictures and words together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["joint", "visual", "fused", "ranked"])
def test_a_picture_with_and_without_words(gallery: Gallery, calls: Counter[str], space: str) -> None:
    joint = 2 * JOINT[4] + JOINT[9] + VECTOR["cat"] - 0.5 * VECTOR["sofa"]
    visual = 2 * SEEN[4] + SEEN[9] + as_picture("cat") - 0.5 * as_picture("sofa")
    scores = {
        "joint": JOINT @ unit(joint), "visual": SEEN @ unit(visual), "fused": fused(joint, visual),
        "ranked": ranked({"cat": 1.0, "sofa": -0.5}, joint, visual, pictures=3.0).scores,
    }[space]  # fmt: skip
    calls.clear()
    hits = gallery.mixed([(uri(4), 2.0), key(9)], "+cat -sofa^0.5", space=space, limit=10)
    assert same(numbers(hits), best(scores, 10, without=(4, 9)))
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)
    if space in ("joint", "visual"):
        assert calls == {"query": 1, "search": 1}
    if space == "ranked":
        assert gallery.mixed([(uri(4), 2.0), key(9)], "+cat -sofa^0.5", limit=10) == hits


def test_pictures_without_words_have_no_classes_to_be_ranked_by(gallery: Gallery) -> None:
    pictures = [uri(4), (uri(9), -0.5)]
    assert gallery.mixed(pictures, space="ranked") == gallery.mixed(pictures, space="fused")
    assert gallery.mixed(pictures) == gallery.mixed(pictures, space="visual")


def test_what_is_no_number_of_results_is_refused_by_every_request(db: Database, gallery: Gallery) -> None:
    requests: list[Callable[[Any], object]] = [
        lambda limit: gallery.search("cat", limit=limit),
        lambda limit: gallery.search_many(["cat"], limit=limit),
        lambda limit: gallery.similar(uri(3), limit=limit),
        lambda limit: gallery.similar(uri(3), focus="cat", limit=limit),
        lambda limit: gallery.mixed([uri(4)], limit=limit),
        lambda limit: gallery.complete([uri(3)], limit=limit),
        lambda limit: gallery.owners(words="cat", limit=limit),
        lambda limit: gallery.owners(words="cat", evidence=limit),
        lambda limit: gallery.refine(words="cat", liked=[uri(3)], limit=limit),
        lambda limit: gallery.tags(uri(3), limit=limit),
        lambda limit: gallery.tags(uri(3), among=limit),
        lambda limit: db.words.similar("cat", limit=limit),
    ]
    for request in requests:
        for limit in (None, "10", 1.5, True, -1, float("nan"), []):
            with pytest.raises(UsageError, match="whole number"):
                request(limit)
    for limit in ("10", 0, 1.5):
        with pytest.raises(UsageError, match="whole number"):
            gallery.rank(words="cat", ids=[uri(3)], limit=limit)  # type: ignore[arg-type]
    assert len(gallery.search("cat", limit=np.int64(3))) == 3


def test_ranking_says_when_nothing_fits_the_filter(gallery: Gallery) -> None:
    with pytest.raises(NotFoundError, match=r"fits the filter.\nReceived: width < 0"):
        gallery.rank(words="cat", filter="width < 0")


def test_a_request_for_nothing_is_refused(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match="nothing to search for"):
        gallery.mixed([])
    for careless in (
        lambda: gallery.mixed(uri(4)),
        lambda: gallery.complete(uri(4)),
        lambda: gallery.rank(words="cat", ids=uri(4)),
        lambda: gallery.refine(words="cat", liked=uri(4)),
    ):
        with pytest.raises(UsageError, match="must be a list"):
            careless()
    for limit in (0, 16_385):
        with pytest.raises(UsageError, match="a whole number between 1 and 16384"):
            gallery.search("cat", limit=limit)
        with pytest.raises(UsageError, match="a whole number between 1 and 16384"):
            gallery.mixed([uri(4)], limit=limit)
    for cancelled in (
        lambda: gallery.search("cat - cat"),
        lambda: gallery.mixed([(uri(4), 1.0), (uri(4), -1.0)]),
        lambda: gallery.refine(words="cat - cat", liked=[uri(4)]),
        lambda: gallery.explain(uri(4), words="cat - cat"),
        lambda: gallery.refine(words="cat", liked=[uri(4)], weights=Rocchio(0.0, 0.0, 0.0)),
    ):
        with pytest.raises(ExpressionError, match="cancel out"):
            cancelled()
    with pytest.raises(UsageError, match="weight of a picture"):
        gallery.mixed([(uri(4), 0.0)])
    with pytest.raises(NotFoundError, match=r"'nowhere'.* is neither a file"):
        gallery.mixed(["nowhere", "nor here"], "cat")


# -- galleries completed -------------------------------------------------------------------------------------------------

GIVEN = (3, 14, 15, 92)


@pytest.mark.parametrize("space", ["visual", "joint", "fused"])
@pytest.mark.parametrize("to", ["mean", "any"])
def test_a_gallery_is_completed(gallery: Gallery, calls: Counter[str], space: str, to: str) -> None:
    given = list(GIVEN)
    if to == "mean":
        joint, visual = JOINT @ unit(JOINT[given].sum(0)), SEEN @ unit(SEEN[given].sum(0))
        scores = SHARE * joint + (1 - SHARE) * visual
    else:
        joint, visual = (JOINT @ JOINT[given].T).max(1), (SEEN @ SEEN[given].T).max(1)
        scores = (SHARE * JOINT @ JOINT[given].T + (1 - SHARE) * SEEN @ SEEN[given].T).max(1)
    expected = best({"joint": joint, "visual": visual, "fused": scores}[space], 10, without=GIVEN)
    calls.clear()
    hits = gallery.complete([uri(3), key(14), uri(15), uri(92)], space=space, to=to, limit=10)
    assert same(numbers(hits), expected)
    if space != "fused":
        assert calls == {"query": 1, "search": 1}


def test_a_gallery_is_completed_from_something_and_to_something(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match="from 1 to 500 pictures"):
        gallery.complete([])
    with pytest.raises(UsageError, match="Expected: mean, any"):
        gallery.complete([uri(1)], to="all")


# -- submissions ordered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["joint", "visual", "fused", "ranked"])
@pytest.mark.parametrize("word", ["cat", "sofa"])
def test_given_pictures_are_ranked_exactly(gallery: Gallery, calls: Counter[str], space: str, word: str) -> None:
    ids = [1, 5, 200, 1500, 77, 1999]
    joint, visual = VECTOR[word], as_picture(word)
    scores = {
        "joint": JOINT @ joint, "visual": SEEN @ visual, "fused": fused(joint, visual),
        "ranked": ranked({word: 1.0}, joint, visual).alone,
    }[space]  # fmt: skip
    calls.clear()
    hits = gallery.rank(words=word, ids=[uri(number) for number in ids], space=space)
    assert numbers(hits) == sorted(ids, key=lambda number: -scores[number])
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)
    assert calls == {"query": 2 if space in ("fused", "ranked") else 1}


def test_a_score_does_not_depend_on_what_else_is_given(gallery: Gallery) -> None:
    joint, visual = VECTOR["cat"] - VECTOR["sofa"] + JOINT[9], as_picture("cat") - as_picture("sofa") + SEEN[9]
    expected = ranked({"cat": 1.0, "sofa": -1.0}, joint, visual, pictures=1.0).alone
    everything = gallery.rank(words="cat - sofa", pictures=[uri(9)], filter="width >= 0")
    assert numbers(everything)[:50] == best(expected, 50)
    np.testing.assert_allclose([hit.similarity for hit in everything], expected[numbers(everything)], atol=1e-5)
    one = gallery.rank(words="cat - sofa", pictures=[uri(9)], ids=[everything[700].id])
    assert one[0].similarity == pytest.approx(everything[700].similarity, abs=1e-6)


def test_pictures_that_fit_a_filter_are_ranked_by_a_picture(gallery: Gallery) -> None:
    hits = gallery.rank(pictures=[uri(7)], filter='width < 700 and label == "odd"', limit=20)
    odd = np.arange(PICTURES) % 2 == 1
    assert numbers(hits) == closest(VISUAL, VISUAL[7], 20, odd & (np.arange(PICTURES) < 700))
    assert len(gallery.rank(words="cat", filter="width < 700")) == 700
    with pytest.raises(UsageError, match="not by both"):
        gallery.rank(words="cat", ids=[uri(1)], filter="width < 3")
    with pytest.raises(UsageError, match="1 or more"):
        gallery.rank(words="cat", limit=0)
    with pytest.raises(NotFoundError, match="'nowhere'"):
        gallery.rank(words="cat", ids=[uri(1), "nowhere"])


# -- authors found -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["joint", "fused", "ranked"])
def test_owners_are_judged_by_their_best_pictures(gallery: Gallery, calls: Counter[str], space: str) -> None:
    scores = {
        "joint": JOINT @ VECTOR["cat"], "fused": fused(VECTOR["cat"], as_picture("cat")),
        "ranked": ranked({"cat": 1.0}, VECTOR["cat"], as_picture("cat"), limit=1_024).scores,
    }[space]  # fmt: skip
    expected, of = best_owners(scores)
    calls.clear()
    found = gallery.owners(words="cat", by="owner", evidence=3, limit=5, space=space)
    assert [one.name for one in found] == [f"owner {owner}" for owner in expected]
    assert [numbers(list(one.evidence)) for one in found] == [of[owner][:3] for owner in expected]
    np.testing.assert_allclose(
        [one.similarity for one in found], [scores[of[one][:3]].mean() for one in expected], atol=1e-5
    )
    if space == "joint":
        assert set(calls) == {"search"}
        assert calls["search"] <= 3, "for 256, 1,024 and 4,096 pictures, which are more than there are"
    if space == "ranked":
        assert calls["search"] == 1


def best_owners(scores: np.ndarray) -> tuple[list[int], dict[int, list[int]]]:
    """The five best owners, and the pictures of each, best first."""
    of: defaultdict[int, list[int]] = defaultdict(list)
    for number in np.argsort(-scores):
        of[int(number) % 97].append(int(number))
    return sorted(of, key=lambda owner: -scores[of[owner][:3]].mean())[:5], of


def test_owners_of_a_guessed_word_are_judged_by_one_deep_search(gallery: Gallery) -> None:
    expected, of = best_owners(ranked({"sofa": 1.0}, VECTOR["sofa"], as_picture("sofa"), limit=1_024).scores)
    found = gallery.owners(words="sofa", by="owner", evidence=3, limit=5)
    assert same([int(one.name.split()[1]) for one in found], expected)
    assert numbers(list(found[0].evidence)) == of[int(found[0].name.split()[1])][:3]
    assert len(gallery.owners(words="sofa", by="owner", evidence=50, limit=97)) == 97


def test_an_owner_with_too_few_pictures_is_not_better_for_it(gallery: Gallery) -> None:
    found = gallery.owners(words="cat", by="number", evidence=2, limit=3, space="joint")
    assert [int(one.name) for one in found] == best(JOINT @ VECTOR["cat"], 3)
    assert found[0].similarity == pytest.approx(found[0].evidence[0].similarity / 2)
    with pytest.raises(NotFoundError, match="column 'photographer'.\nExpected: one of number, owner"):
        gallery.owners(words="cat", by="photographer")


# -- feedback heard ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weights", [Rocchio(), Rocchio(query=0.5, liked=2.0, disliked=1.0), Rocchio(query=0.0, liked=1.0)]
)
def test_feedback_moves_the_query(gallery: Gallery, calls: Counter[str], weights: Rocchio) -> None:
    def moved(query: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        liked, disliked = vectors[[11, 12]].mean(0), vectors[[13]].mean(0)
        return weights.query * unit(query) + weights.liked * liked - weights.disliked * disliked

    joint = moved(VECTOR["cat"] + VECTOR["sofa"], JOINT)
    visual = moved(as_picture("cat") + as_picture("sofa"), SEEN)
    spaces = {"joint": JOINT @ unit(joint), "visual": SEEN @ unit(visual), "fused": fused(joint, visual)}
    # What was judged takes the place of what the network saw.
    spaces["ranked"] = spaces["fused"]
    for space, scores in spaces.items():
        calls.clear()
        hits = gallery.refine(
            words="cat sofa", liked=[uri(11), key(12)], disliked=[uri(13)], weights=weights, space=space, limit=10
        )
        assert same(numbers(hits), best(scores, 10, without=(11, 12, 13))), space
        np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)
        if space in ("joint", "visual"):
            assert calls == {"query": 1, "search": 1}
    with pytest.raises(UsageError, match="no feedback"):
        gallery.refine(words="cat")
    with pytest.raises(UsageError, match="must not be negative"):
        Rocchio(liked=-1)


def test_feedback_on_words_beside_a_picture_moves_their_sum(gallery: Gallery) -> None:
    def moved(word: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        return unit(word + 3 * vectors[9]) + 2 * vectors[11]

    joint, visual = moved(VECTOR["sofa"], JOINT), moved(as_picture("sofa"), SEEN)
    expected = fused(joint, visual)
    hits = gallery.refine(words="sofa", pictures=[(uri(9), 3.0)], liked=[uri(11)], limit=10)
    assert same(numbers(hits), best(expected, 10, without=(9, 11)))
    np.testing.assert_allclose([hit.similarity for hit in hits], expected[numbers(hits)], atol=1e-5)


def test_feedback_without_words_is_about_the_looks(gallery: Gallery) -> None:
    scores = SEEN @ unit(SEEN[5] + 2 * SEEN[11] - SEEN[13])
    hits = gallery.refine(pictures=[uri(5)], liked=[uri(11)], disliked=[uri(13)], limit=10)
    assert same(numbers(hits), best(scores, 10, without=(5, 11, 13)))


@pytest.mark.python_only("a service writes no file")
def test_feedback_is_logged_to_a_file_and_replayed_as_pairs(store: Store, gallery: Gallery, tmp_path: Path) -> None:
    check_feedback(store, gallery, tmp_path / "log.jsonl")


def test_feedback_is_logged_to_milvus_and_replayed_as_pairs(store: Store, gallery: Gallery) -> None:
    check_feedback(store, gallery, "milvus")


def check_feedback(store: Store, gallery: Gallery, log: str | Path) -> None:
    gallery.refine(words="cat", liked=[uri(1), key(2)], disliked=[uri(3)], log=log)
    gallery.refine(words='"dining table" - dog', liked=[uri(4)], log=log)
    gallery.refine(pictures=[uri(5)], liked=[uri(6)], log=log)
    logged = list(read_feedback(store, log, gallery="r"))[-3:]
    assert {(one.words, one.pictures, one.liked, one.disliked) for one in logged} == {
        ("cat", (), (key(1), key(2)), (key(3),)),
        ('"dining table" - dog', (), (key(4),), ()),
        ("", (uri(5),), (key(6),), ()),
    }
    pairs = {(pair["words"], pair["id"], pair["relevant"]) for pair in training_pairs(logged)}
    assert pairs == {
        ("cat", key(1), True), ("cat", key(2), True), ("cat", key(3), False), ('"dining table" - dog', key(4), True)
    }  # fmt: skip
    assert list(read_feedback(store, log, gallery="another")) == []


@pytest.mark.python_only("a service writes no file")
def test_a_log_that_is_none_is_refused(db: Database, gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no feedback log"):
        list(read_feedback(db.store, tmp_path / "none.jsonl", gallery="r"))
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="line 1 of .* is no feedback"):
        list(read_feedback(db.store, tmp_path / "bad.jsonl", gallery="r"))
    with pytest.raises(InputError, match="cannot write the feedback"):
        gallery.refine(words="cat", liked=[uri(1)], log=tmp_path)


# -- focus on any word ---------------------------------------------------------------------------------------------------


def weighted(weights: np.ndarray, number: int) -> np.ndarray:
    return unit(VISUAL * weights) @ unit(VISUAL[number] * weights)


def size(weights: np.ndarray) -> np.ndarray:
    return np.abs(weights) / np.sqrt((weights**2).mean())


@pytest.mark.parametrize(
    ("focus", "weights"),
    [
        ("sofa", shares("sofa") @ WEIGHTS),
        ("cat + dog", size(WEIGHTS[0]) + size(WEIGHTS[1])),
        ("cat^2 sofa", 2 * size(WEIGHTS[0]) + size(shares("sofa") @ WEIGHTS)),
        ("cat - dog", np.maximum(0, size(WEIGHTS[0]) - size(WEIGHTS[1]))),
        ("- dining_table", np.maximum(0, 1 - size(WEIGHTS[2]))),
    ],
)
def test_a_focus_is_any_word_and_several_with_and_without(
    gallery: Gallery, calls: Counter[str], focus: str, weights: np.ndarray
) -> None:
    gallery.similar(uri(3), focus=focus)
    calls.clear()
    scores = weighted(weights, 3)
    hits = gallery.similar(uri(3), focus=focus, limit=10)
    assert set(calls) == {"query", "search"}
    assert calls["query"] == 1
    assert calls["search"] <= 6, "one search, and one for each time that twice as many candidates are needed"
    assert same(numbers(hits), best(scores, 10, without=(3,)))
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)


def test_a_picture_takes_one_read_and_one_search(gallery: Gallery, calls: Counter[str]) -> None:
    gallery.similar(uri(3))
    assert calls == {"query": 1, "search": 1}
    calls.clear()
    gallery.tags(uri(3))
    assert calls == {"query": 1, "search": 1}


@pytest.mark.parametrize(
    ("focus", "weights"), [("dining table", WEIGHTS[2]), ("cat + dog", size(WEIGHTS[0]) + size(WEIGHTS[1]))]
)
def test_words_are_searched_for_with_a_focus(
    gallery: Gallery, calls: Counter[str], focus: str, weights: np.ndarray
) -> None:
    gallery.search("sofa", focus=focus, by="meaning")
    calls.clear()
    scores = unit(VISUAL * weights) @ unit(as_picture("sofa") * weights)
    hits = gallery.search("sofa", focus=focus, by="meaning", limit=10)
    assert set(calls) == {"search"}
    assert calls["search"] <= 6
    assert same(numbers(hits), best(scores, 10))
    np.testing.assert_allclose([hit.similarity for hit in hits], scores[numbers(hits)], atol=1e-5)
    assert {hit.reasons for hit in hits} == {("meaning",)}
    told = gallery.explain(hits[0].id, words="sofa", focus=focus)
    assert told.hit.similarity == pytest.approx(hits[0].similarity, abs=1e-5)
    assert sum(term.contribution for term in told.terms) == pytest.approx(hits[0].similarity, abs=1e-5)


def test_a_text_counts_beside_words_with_a_focus(gallery: Gallery) -> None:
    fits = "width < 40"
    cosines = {
        hit.id: hit.similarity for hit in gallery.search("cat", focus="dog", by="meaning", filter=fits, limit=40)
    }
    hits = gallery.search('"even" cat', focus="dog", filter=fits, limit=40)
    assert sorted(hit.label for hit in hits) == ["even"] * 20 + ["odd"] * 20
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    for hit in hits:
        share = 0.25 if hit.label == "even" else 0.0
        assert hit.similarity == pytest.approx(cosines[hit.id] + share * (1 - cosines[hit.id]), abs=1e-5)


def test_a_focus_and_another_space_are_refused(gallery: Gallery) -> None:
    with pytest.raises(UsageError, match="a focus is for pictures among visual vectors"):
        gallery.search("cat", focus="dog", space="joint")


def test_a_focus_that_leaves_nothing_is_refused(gallery: Gallery) -> None:
    with pytest.raises(ExpressionError, match="leaves nothing"):
        gallery.similar(uri(3), focus="cat - cat")


# -- answers explained ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["joint", "visual", "fused", "ranked", None])
@pytest.mark.parametrize("words", ["cat sofa^2 - dog", "cat", "sofa", "- sofa"])
def test_an_explanation_adds_up(gallery: Gallery, space: str | None, words: str) -> None:
    hits = gallery.search(words, space=space, limit=1)
    scored = gallery.rank(words=words, ids=[uri(number) for number in range(60)], space=space)
    # The best of all, and the best and the worst of some, which may be no candidates of a search.
    for hit in (hits[0], scored[0], scored[-1]):
        told = gallery.explain(hit.id, words=words, space=space)
        assert told.space == space or (space is None and told.space == "ranked")
        similarity = told.hit.similarity
        if hit is hits[0] or told.space != "ranked":
            assert similarity == pytest.approx(hit.similarity, abs=1e-5)
        assert sum(term.contribution for term in told.terms) == pytest.approx(similarity, abs=1e-5)
        assert told.shares.keys() == told.cosines.keys()
        assert sum(told.shares.values()) == pytest.approx(1)
        assert sum(told.shares[name] * told.cosines[name] for name in told.shares) == pytest.approx(
            similarity, abs=1e-5
        )


def test_an_explanation_says_what_each_word_adds(gallery: Gallery, calls: Counter[str]) -> None:
    weights = {"cat": 1.0, "sofa": 2.0, "dog": -1.0}
    hit = gallery.search("cat sofa^2 - dog", limit=1)[0]
    calls.clear()
    told = gallery.explain(hit.id, words="cat sofa^2 - dog xqzzz")
    assert calls["search"] in (2, 4), "those of the search itself"
    assert calls["search"] + calls["query"] <= 12, (
        "four for the search, a read in each space, three for a word that is not known, itself and its like, and three for"
        " the confidence"
    )
    number = numbers([hit])[0]
    joint, visual = joint_of(weights), visual_of(weights)
    expected = ranked(weights, joint, visual)
    assert told.hit.similarity == pytest.approx(expected.scores[number], abs=1e-5)
    assert told.shares == pytest.approx(expected.shares)
    assert told.cosines["joint"] == pytest.approx(float(JOINT[number] @ unit(joint)), abs=1e-5)
    assert told.cosines["visual"] == pytest.approx(float(SEEN[number] @ unit(visual)), abs=1e-5)
    places = [(term.space, term.term, term.weight) for term in told.terms]
    assert places[:3] == [("joint", "cat", 1.0), ("joint", "sofa", 2.0), ("joint", "dog", -1.0)]
    assert [space for space, _, _ in places] == ["joint"] * 3 + ["visual"] * 3 + ["classes"] * 3 + ["alike"]
    of_classes = {term.term: term.contribution for term in told.terms if term.space == "classes"}
    assert of_classes["cat"] >= 0
    assert of_classes["dog"] <= 0
    assert list(told.unknown_words) == ["xqzzz"]
    probabilities = np.exp(WEIGHTS @ VISUAL[number]) / np.exp(WEIGHTS @ VISUAL[number]).sum()
    of = {word: shares(word) / shares(word).max() for word in weights}
    wanted = sum(weight / 4 * of[word] for word, weight in weights.items())
    ties = {tie.name: tie for tie in told.classes}
    for place, name in enumerate(("cat", "dog", "dining table")):
        assert ties[name].probability == pytest.approx(probabilities[place], abs=1e-4)
        assert ties[name].contribution == pytest.approx(probabilities[place] * wanted[place], abs=1e-4)
        assert ties[name].similarity == pytest.approx(float(NAMES[place] @ unit(joint)), abs=1e-4)
    assert told.searched["visual"]["index"].startswith("hnsw")
    assert told.searched["visual"]["search_params"]["ef"] >= 10
    assert told.to_json()["hit"]["uri"] == hit.uri


def test_explanations_of_pictures(gallery: Gallery) -> None:
    focused = gallery.similar(uri(3), focus="cat - dog", limit=1)[0]
    told = gallery.explain(focused.id, pictures=[uri(3)], focus="cat - dog")
    assert told.hit.similarity == pytest.approx(focused.similarity, abs=1e-5)
    assert [term.term for term in told.terms] == [uri(3)]
    assert told.searched["visual"]["re_ranked"] is True
    mixed = gallery.mixed([uri(3)], "-cat", limit=1)[0]
    told = gallery.explain(mixed.uri, words="-cat", pictures=[uri(3)])
    assert sum(term.contribution for term in told.terms) == pytest.approx(mixed.similarity, abs=1e-5)
    with pytest.raises(UsageError, match="a focus is for pictures"):
        gallery.explain(mixed.id, words="cat", focus="dog", space="joint")
    with pytest.raises(UnknownWordError, match="xqzzz"):
        gallery.explain(mixed.id, words="xqzzz")


# -- no good match -------------------------------------------------------------------------------------------------------


def test_confidence_is_the_share_of_words_that_find_nothing_as_close(gallery: Gallery, calls: Counter[str]) -> None:
    chance = np.sort((WORD_VECTORS @ JOINT.T).max(1))
    for space in ("joint", "fused"):
        hits = gallery.search("cat", space=space, limit=20, min_confidence=0.0)
        cosines = (JOINT @ VECTOR["cat"])[numbers(hits)]
        expected = [(chance < cosine - 1e-5).mean() for cosine in cosines]
        np.testing.assert_allclose([hit.confidence for hit in hits], expected, atol=2 / len(chance))
    trusted = gallery.search("cat", space="joint", limit=20, min_confidence=0.3)
    assert trusted == [
        hit for hit in gallery.search("cat", space="joint", limit=20, min_confidence=0.0) if hit.confidence >= 0.3
    ]
    assert calls["query"] <= calls["search"], "the background was sampled before"
    ranked = gallery.rank(words="cat", filter="width < 50", space="joint", min_confidence=0.0)
    assert len(ranked) == 50
    for wrong, match in ((1.5, "between 0 and 1"), (-0.1, "between 0 and 1")):
        with pytest.raises(UsageError, match=match):
            gallery.search("cat", min_confidence=wrong)
    with pytest.raises(UsageError, match="Expected: (--)?space joint, fused or ranked"):
        gallery.search("cat", space="visual", min_confidence=0.5)


@pytest.mark.python_only("a service keeps its galleries, and what they read")
def test_the_first_confidence_takes_a_read_and_a_search_for_each_hundred_words(
    db: Database, calls: Counter[str]
) -> None:
    gallery = db.gallery("r")
    gallery.search("cat", space="joint")
    gallery.similar(uri(3))
    calls.clear()
    gallery.search("cat", space="joint", min_confidence=0.5)
    assert calls == {"query": 1, "search": 1 + 3}, "the vocabulary has 214 words"
    calls.clear()
    gallery.search("cat", space="joint", min_confidence=0.5)
    assert calls == {"search": 1}


# -- duplicates ----------------------------------------------------------------------------------------------------------


def components(least: float) -> set[frozenset[int]]:
    near = least <= SEEN @ SEEN.T
    groups, left = set(), set(range(PICTURES))
    while left:
        group, waiting = set(), [left.pop()]
        while waiting:
            one = waiting.pop()
            group.add(one)
            new = set(np.flatnonzero(near[one]).tolist()) - group
            waiting += new
            group |= new
        left -= group
        if len(group) > 1:
            groups.add(frozenset(group))
    return groups


def test_visual_duplicates_are_what_close_pairs_tie_together(gallery: Gallery, calls: Counter[str]) -> None:
    expected = components(0.7)
    found = list(gallery.duplicates(kind="visual", similarity=0.7))
    places = {key(number): number for number in range(PICTURES)}
    groups = {frozenset(places[name] for name, _ in group.pictures) for group in found}
    assert len(expected) > 10
    assert len(groups ^ expected) <= 2, "the index is approximate"
    assert all(group.similarity >= 0.7 - 1e-6 and not group.exact for group in found)
    assert calls["search"] <= PICTURES / 100 + 4 * len(found)
    narrowed = [
        name
        for group in gallery.duplicates(kind="visual", similarity=0.7, filter="width < 500")
        for name, _ in group.pictures
    ]
    assert all(places[name] < 500 for name in narrowed)


def test_files_that_are_the_same_are_found_without_their_vectors(gallery: Gallery, calls: Counter[str]) -> None:
    groups = list(gallery.duplicates())
    assert [[name for name, _ in group.pictures] for group in groups] == [[key(5), key(6), key(7)]]
    assert groups[0].exact
    assert not calls["search"]
    for call, match in (
        (lambda: gallery.duplicates(kind="close"), "Expected: exact, visual"),
        (lambda: list(gallery.duplicates(kind="visual", similarity=0.0)), "between 0 and 1"),
    ):
        with pytest.raises(UsageError, match=match):
            call()


# -- what is missing -----------------------------------------------------------------------------------------------------


@pytest.mark.python_only("a service keeps its galleries, and what they read")
def test_without_classes_words_are_compared_in_the_joint_space(db: Database, without: Callable[[str], None]) -> None:
    without("classes_reference")
    gallery = db.gallery("r")
    assert numbers(gallery.search("dog", limit=10)) == closest(JOINT, VECTOR["dog"], 10)
    with pytest.raises(NotFoundError, match="no classes loaded"):
        gallery.search("dog", space="visual")


@pytest.fixture
def without(db: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Hide an alias."""

    def hide(alias: str) -> None:
        live = db.store.live
        monkeypatch.setattr(db.store, "live", lambda name, **kwargs: None if name == alias else live(name, **kwargs))

    return hide
