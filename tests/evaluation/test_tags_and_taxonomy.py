"""Hits with ties, seen and unseen labels together, and hierarchical precision, worked out on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from milvise.core.few_values import FewValues
from milvise.errors import InputError
from milvise.evaluation.accuracy.images_to_words import accuracy_of_tags, rank_labels
from milvise.evaluation.accuracy.pictures import Pictures, values_of
from milvise.evaluation.accuracy.splits import Split
from milvise.evaluation.accuracy.taxonomy import Taxonomy, hierarchical_precision, read_taxonomy


class FakeReading:
    """A joint space of a few vectors by id."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = vectors

    def space(self, name: str) -> FakeReading:
        assert name == "joint"
        return self

    def standing(self, ids: list[str]) -> tuple[list[str], np.ndarray]:
        return ids, np.asarray([self.vectors[key] for key in ids], dtype=np.float32)


LABELS = dict(zip("abc", np.eye(3, dtype=np.float32), strict=True))


def shown(**labels: tuple[str, ...]) -> Pictures:
    return Pictures(FewValues(labels.items()), {key: key for key in labels})


def test_the_label_that_is_closest_comes_first_and_ties_share_the_place() -> None:
    reading = FakeReading({"1": [0.9, 0.1, 0.0], "2": [0.5, 0.5, 0.0], "3": [0.1, 0.2, 0.9]})
    pictures = shown(**{"1": ("a",), "2": ("b",), "3": ("a",)})
    found = rank_labels(reading, pictures, ["1", "2", "3"], LABELS)
    assert found.own == ["a", "b", "a"]
    assert found.hits[:, 0] == pytest.approx([1, 0.5, 0])
    assert found.hits[:, 1] == pytest.approx([1, 1, 1])
    assert found.first == ["a", "a", "c"]


def test_a_label_does_not_compete_with_the_other_labels_of_its_picture() -> None:
    reading = FakeReading({"1": [0.9, 0.5, 0.1]})
    found = rank_labels(reading, shown(**{"1": ("a", "b")}), ["1"], LABELS)
    assert found.own == ["a", "b"]
    assert found.hits[:, 0] == pytest.approx([1, 1])


def test_seen_and_unseen_labels_together_and_their_harmonic_mean() -> None:
    # The head was trained on a; of its pictures 1 was trained on and 2 and 3 were held back. b and c are unseen.
    split = Split(frozenset("a"), frozenset(), frozenset("bc"), "", (0.0, 0))
    reading = FakeReading({"2": [0.9, 0, 0], "3": [0, 0.9, 0], "4": [0, 0.9, 0], "5": [0.9, 0.5, 0], "6": [0, 0, 0.9]})
    pictures = shown(**{"2": ("a",), "3": ("a",), "4": ("b",), "5": ("b",), "6": ("c",)})
    held_out_of_training = Split(split.trained, split.known, split.unseen, "", (1.0, 0))
    figures, rows = accuracy_of_tags(reading, pictures, ["2", "3", "4", "5", "6"], LABELS, held_out_of_training)
    found = {figure.name: figure.value for figure in figures}
    assert found["tags.hit@1"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert found["generalised.seen_hit@1"] == pytest.approx(1 / 2)
    assert found["generalised.unseen_hit@1"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["generalised.harmonic_mean"] == pytest.approx(2 * 0.5 * 0.75 / (0.5 + 0.75))
    # Among b and c alone, picture 5 is taken for b.
    assert found["zero_shot.tag_hit@1"] == 1
    assert {row["label"]: row["taken_for"] for row in rows}["b"] == [["a", 1]]
    # With every picture of a trained on, nothing can be said about seen labels.
    figures, _ = accuracy_of_tags(reading, pictures, ["2", "3", "4", "5", "6"], LABELS, split)
    assert not [figure for figure in figures if figure.name.startswith("generalised")]


TREE = {
    "animal": ("dog", "cat", "fox"),
    "thing": ("sofa", "cup"),
    "entity": ("animal", "thing"),
}
NEAR = {name: frozenset(children) for name, children in TREE.items()}
for parent, children in TREE.items():
    for child in children:
        NEAR[child] = NEAR.get(child, frozenset()) | {parent}
NAMES = frozenset({"dog", "cat", "fox", "sofa", "cup"})


def test_hierarchical_precision_worked_out_on_paper() -> None:
    taxonomy = Taxonomy(NEAR)
    assert taxonomy.correct("dog", NAMES, 1) == {"dog"}
    # Two steps away (over animal) are cat and fox: the radius that holds two labels holds three.
    assert taxonomy.correct("dog", NAMES, 2) == {"dog", "cat", "fox"}
    assert taxonomy.correct("dog", NAMES, 4) == NAMES
    ranked = ["cat", "sofa", "dog", "fox", "cup"]
    assert hierarchical_precision(ranked, "dog", taxonomy, NAMES, 1) == 0
    assert hierarchical_precision(ranked, "dog", taxonomy, NAMES, 2) == pytest.approx(1 / 2)
    assert hierarchical_precision(ranked, "dog", taxonomy, NAMES, 3) == pytest.approx(2 / 3)
    assert hierarchical_precision(ranked, "dog", taxonomy, NAMES, 5) == 1


def test_a_taxonomy_with_a_circle_or_in_pieces_ends() -> None:
    circle = Taxonomy({"a": frozenset("b"), "b": frozenset("ac"), "c": frozenset("b")})
    assert circle.correct("a", frozenset("abcz"), 4) == {"a", "b", "c"}


def test_a_taxonomy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv cannot be read"):
        read_taxonomy(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("cat", ("cat",)), ("cat; dog;", ("cat", "dog")), (["cat", "cat", " "], ("cat",)), (None, ()), (7, ("7",)), ("", ())],
)  # fmt: skip
def test_labels_are_read_from_texts_and_lists(value: object, expected: tuple[str, ...]) -> None:
    assert values_of(value) == expected
