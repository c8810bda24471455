"""Whether confidence keeps what it says, with figures worked out by hand and on a gallery whose hits are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from trained_world import put

from milvise.adapter import Manifest, Store
from milvise.core.records import record_id
from milvise.evaluation.accuracy.measure import AccuracyOptions, evaluate_accuracy
from milvise.evaluation.accuracy.pictures import read_pictures
from milvise.evaluation.accuracy.reliability import Judged, absent_classes, judge_confidence, reliability
from milvise.evaluation.report.document import make_report
from milvise.evaluation.report.page import render
from milvise.evaluation.report.plots import reliability_plot
from milvise.operations.database import Database
from milvise.queries.evaluation_reads import GalleryReader, read_gallery

JUDGED = [
    Judged("cat", present=True, confidence=0.95, right=True),
    Judged("dog", present=True, confidence=0.45, right=True),
    Judged("sofa", present=True, confidence=0.42, right=False),
    Judged("pan", present=True, confidence=1.0, right=True),
    Judged("tree", present=False, confidence=0.05, right=False),
    Judged("horse", present=False, confidence=0.45, right=False),
]


def test_figures_and_curve_weigh_labels_and_absent_classes_alike() -> None:
    figures, rows = reliability(JUDGED)
    value = {figure.name: figure.value for figure in figures}
    # cat and pan are above both; dog ties with horse; sofa is above tree alone.
    assert value["confidence.auc"] == pytest.approx((1 + 0.75 + 0.5 + 1) / 4)
    assert value["confidence.present_above_half"] == 0.5
    assert value["confidence.absent_below_half"] == 1
    low, middle, high = rows
    assert (low["from"], low["to"], low["searches"], low["weight"]) == (0.0, 0.1, 1, 0.25)
    assert (low["confidence"], low["right"]) == (0.05, 0)
    # Two labels of an eighth each, and a class of a quarter.
    assert (middle["from"], middle["searches"], middle["weight"]) == (0.4, 3, 0.5)
    assert middle["confidence"] == pytest.approx((0.45 + 0.42 + 2 * 0.45) / 4)
    assert middle["right"] == 0.25
    assert (high["from"], high["to"], high["searches"], high["right"]) == (0.9, 1.0, 2, 1)
    expected = 0.25 * 0.05 + 0.5 * (0.4425 - 0.25) + 0.25 * (1 - 0.975)
    assert value["confidence.ece"] == pytest.approx(expected)


def test_classes_that_a_label_may_mean_are_not_taken_for_absent() -> None:
    names = ["tabby", "Egyptian cat", "studio couch", "dining table", "volcano", "Car wheel"]
    shares = {"cat": {"tabby": 0.5, "Egyptian cat": 0.05, "volcano": 0.049}, "car": {}, "dining_room": {}}
    assert absent_classes(names, shares, lambda label: shares[label]) == ["studio couch", "volcano"]
    assert absent_classes([], shares, lambda label: shares[label]) == []


def test_the_first_hit_of_each_search_is_judged(reading: GalleryReader) -> None:
    pictures = read_pictures(reading)
    judged = judge_confidence(reading, pictures, {"cat", "queen"}, ["nurse", "boss"], filter="")
    assert [(one.word, one.present) for one in judged[:2]] == [("cat", True), ("queen", True)]
    assert sorted(one.word for one in judged[2:]) == ["boss", "nurse"]
    assert not any(one.right for one in judged[2:])
    for one in judged[:2]:
        hit = reading.gallery.search(one.word, limit=1, min_confidence=0.0)[0]
        assert (one.confidence, one.right) == (hit.confidence, hit.label == one.word)
    nothing = judge_confidence(reading, pictures, {"cat"}, ["boss"], filter="width > 10000")
    assert [(one.confidence, one.right) for one in nothing] == [(0, False), (0, False)]


@pytest.fixture
def known(own_store: Store) -> Iterator[GalleryReader]:
    """Ten pictures of cats and ten of dogs, each as its word and its class, among four classes and eight words."""
    words = ("cat", "dog", "sofa", "dining", "table", "said", "of", "the")
    place, backbone, made_with = (
        np.eye(8, dtype=np.float32),
        {"backbone": "known", "weights": "none"},
        {"words": "known"},
    )
    labels = [("cat", "dog")[number % 2] for number in range(20)]

    def rows() -> Iterator[dict[str, Any]]:
        for number, label in enumerate(labels):
            yield {
                "id": record_id(str(number)), "uri": str(number), "label": label, "sha256": str(number), "width": 1,
                "height": 1, "meta": {}, "vector": place[words.index(label)],
            }  # fmt: skip

    spoken = [{"word": word, "rank": rank, "vector": place[rank]} for rank, word in enumerate(words)]
    classes = [
        {"name": name, "index": index, "bias": 0.0, "vector": place[index]}
        for index, name in enumerate(("cat", "dog", "sofa", "dining table"))
    ]
    put(own_store, Manifest("words", "words", 8, made_with | {"count": 8}), iter(spoken), "flat")
    made = {"visual": backbone, "classifier": "none"}
    put(own_store, Manifest("classes_known", "classes", 8, made), iter(classes), "flat")
    put(own_store, Manifest("known_visual", "visual", 8, backbone), rows(), "flat")
    made = {"visual": backbone, "words": made_with | {"count": 8}, "head": {"kind": "conse"}}
    put(own_store, Manifest("known_joint", "joint", 8, made), rows(), "flat")
    yield read_gallery(Database(own_store), "known")
    for alias in ("words", "classes_known", "known_visual", "known_joint"):
        own_store.drop(alias)


def test_an_evaluation_has_the_curve_in_its_document_and_on_its_page(known: GalleryReader) -> None:
    options = AccuracyOptions(tagged=5, similar=2)
    report = make_report(
        known, [lambda: evaluate_accuracy(known, options, lambda text: None)], filter="", clock=lambda: 0.0
    )
    part = report.to_json()["parts"]["accuracy"]
    assert part["facts"]["absent classes searched for"] == 2
    # Six of the eight words have nothing to do with a picture, and two have all: ties count half.
    low, high = part["tables"]["reliability"]
    assert (low["confidence"], low["right"], low["searches"], low["weight"]) == (0.375, 0, 2, 0.5)
    assert (high["confidence"], high["right"], high["searches"], high["weight"]) == (0.875, 1, 2, 0.5)
    figures = {name: figure["value"] for name, figure in report.to_json()["figures"].items()}
    assert figures["confidence.auc"] == 1
    assert figures["confidence.ece"] == pytest.approx(0.5 * 0.375 + 0.5 * 0.125)
    page = render(report, roots=[])
    assert "confidence of the first hit" in page
    assert "classes that it lacks, half each" in page


def test_a_backbone_without_other_classes_leaves_it_unmeasured(reading: GalleryReader) -> None:
    part = evaluate_accuracy(reading, AccuracyOptions(tagged=5, similar=2), lambda text: None)
    assert any(remark.startswith("Confidence of labels") for remark in part.not_measured)
    assert "reliability" not in part.tables


def test_the_classes_of_words_have_shares_that_add_up_to_one(known: GalleryReader) -> None:
    shares = known.gallery.classes_of("cat dog")
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert shares["cat"] == pytest.approx(0.5, abs=1e-4)
    assert shares["dog"] == pytest.approx(0.5, abs=1e-4)


def test_the_curve_is_drawn_with_a_dot_for_each_bin() -> None:
    _, rows = reliability(JUDGED)
    svg = reliability_plot(rows)
    assert "confidence of the first hit" in svg
    assert svg.count("<use") >= len(rows)
    assert np.isfinite([row["right"] for row in rows]).all()
