"""A whole gallery evaluated on each Milvus, against brute force, and what is tuned for all clients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backends import REAL
from evaluation_world import GALLERY, LABELS, NAMED, POOR, ROWS, WORDS, centre, rows

from milvise.adapter import IndexSpec
from milvise.core.arrays import unit
from milvise.errors import FingerprintError, InputError, StoreError, UsageError
from milvise.evaluation.accuracy import measure as accuracy
from milvise.evaluation.bias import measure as bias
from milvise.evaluation.bias.groups import Attribute
from milvise.evaluation.index import measure as index
from milvise.evaluation.index.exact_search import Questions, exact_cosines
from milvise.evaluation.index.sampled_queries import questions_for
from milvise.evaluation.index.tune import tune
from milvise.evaluation.report.document import Report, make_report
from milvise.evaluation.report.files import read_json, write_json
from milvise.evaluation.report.page import render
from milvise.evaluation.report.section import Section
from milvise.gallery import live
from milvise.operations.database import Database
from milvise.queries import index_copy as copies
from milvise.queries.evaluation_reads import GalleryReader, read_gallery
from milvise.queries.index_copy import copied


def value(part: Section, name: str) -> float:
    return next(figure.value for figure in part.figures if figure.name == name)


def silent(text: str) -> None:
    pass


@pytest.fixture(scope="module")
def joint() -> tuple[list[dict], np.ndarray]:
    made = list(rows("joint"))
    return made, unit(np.stack([row["vector"] for row in made]))


def test_exact_answers_are_those_of_numpy_and_stored_pictures_leave_themselves_out(
    reading: GalleryReader, joint: tuple[list[dict], np.ndarray]
) -> None:
    made, vectors = joint
    cosines = vectors[:5] @ vectors.T
    np.fill_diagonal(cosines[:, :5], -np.inf)
    asked = Questions(vectors[:5], tuple(row["id"] for row in made[:5]))
    found = exact_cosines(reading.space("joint"), asked, 10)
    assert found == pytest.approx(np.sort(cosines, axis=1)[:, ::-1][:, :10], abs=1e-5)


@pytest.fixture
def thorough(reading: GalleryReader) -> Iterator[GalleryReader]:
    """The gallery with an index that gets all the time it needs; the one in use is poor on purpose."""
    reading.record_index("joint", POOR.replace("ef=10", "ef=2000"))
    yield read_gallery(Database(reading.database.store), GALLERY)
    reading.record_index("joint", POOR)


def test_accuracy_by_word_is_that_of_brute_force(thorough: GalleryReader, joint: tuple[list[dict], np.ndarray]) -> None:
    part = accuracy.evaluate_accuracy(thorough, accuracy.AccuracyOptions(tagged=300, similar=20), silent)
    made, vectors = joint
    labels = np.asarray([row["label"] for row in made])
    right, first = [], []
    for label in LABELS[:-1]:
        order = np.argsort(-(vectors @ centre(label)), kind="stable")
        right.append(float((labels[order][:10] == label).mean()))
        first.append(1 / (1 + int(np.argmax(labels[order] == label))))
    assert value(part, "all.p@10") == pytest.approx(np.mean(right), abs=0.021)
    assert value(part, "all.rr") == pytest.approx(np.mean(first), abs=0.01)
    assert {row["label"]: row["part"] for row in part.tables["labels"]} == {
        "cat": "backbone", "dog": "unseen", "sofa": "unseen", "dining_table": "unseen", "queen": "unseen",
    }  # fmt: skip
    assert part.facts["labels searched for"] == 5
    assert any("xyzzy" in remark for remark in part.not_measured)
    assert {"zero_shot.p@10", "seen.ap", "generalised.harmonic_mean", "all_words.hit@1", "similar.focus_p@10"} <= {
        figure.name for figure in part.figures
    }


def test_tags_are_those_of_brute_force(reading: GalleryReader, joint: tuple[list[dict], np.ndarray]) -> None:
    part = accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(tagged=ROWS, similar=1), silent)
    made, vectors = joint
    names = [label for label in LABELS if label != "xyzzy"]
    first = np.asarray(names)[(vectors @ np.stack([centre(name) for name in names]).T).argmax(axis=1)]
    labels = np.asarray([row["label"] for row in made])
    expected = np.mean([(first[labels == name] == name).mean() for name in names])
    assert value(part, "tags.hit@1") == pytest.approx(expected, abs=1e-6)
    words = np.asarray(list(WORDS))[(vectors @ np.stack(list(WORDS.values())).T).argmax(axis=1)]
    # A phrase of two words is no entry of the vocabulary.
    expected = np.mean([(words[labels == name] == name).mean() for name in names if name != "dining_table"])
    assert value(part, "all_words.hit@1") == pytest.approx(expected, abs=0.01)


def test_several_labels_make_pairs_to_search_for(reading: GalleryReader) -> None:
    part = accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(column="things", tagged=50, similar=1), silent)
    pairs = next(figure for figure in part.figures if figure.name == "pairs.p@10")
    assert {"cat + queen", "dog + queen"} & set(pairs.by) == {"cat + queen"}
    assert pairs.chance is not None
    assert 0 < pairs.chance < 0.1


def test_a_taxonomy_is_used_and_a_wrong_one_refused(reading: GalleryReader, tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text("child,parent\ncat,animal\ndog,animal\nsofa,thing\nqueen,animal\n")
    options = accuracy.AccuracyOptions(taxonomy=path, tagged=50, similar=1)
    part = accuracy.evaluate_accuracy(reading, options, silent)
    assert 0 < value(part, "taxonomy.hp@2") <= 1
    assert any("dining_table" in remark for remark in part.not_measured)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="Expected: child, parent"):
        accuracy.evaluate_accuracy(reading, options, silent)


def test_a_column_without_values_is_named_with_those_that_there_are(reading: GalleryReader) -> None:
    with pytest.raises(InputError, match=r"'sides'[\s\S]*pictures with side"):
        accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(column="sides"), silent)


def test_a_gallery_without_labels_is_refused_or_said_to_have_none(reading: GalleryReader) -> None:
    none = 'label == "nothing"'
    with pytest.raises(InputError, match="no picture has a value in the column 'label'"):
        accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(filter=none), silent)
    part = accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(filter=none, optional=True), silent)
    assert part.figures == []
    assert part.not_measured == ["Accuracy: no picture of the gallery has a label."]


def test_pictures_that_were_removed_meanwhile_are_left_out(reading: GalleryReader) -> None:
    key = next(iter(reading.pictures()))["id"]
    kept, vectors = reading.space("joint").standing(["gone", key])
    assert (kept, vectors.shape) == ([key], (1, reading.space("joint").dim))
    assert [found for found, _ in reading.tags(["gone" * 8, key], limit=3)] == [key]
    assert [found for found, _ in reading.closest_words(["gone", key], limit=3, among=100)] == [key]
    assert reading.similar("0" * 32, limit=3, filter="") is None
    assert reading.similar(key, limit=3, filter="")


def test_another_head_than_the_gallery_s_is_refused(reading: GalleryReader, tmp_path: Path) -> None:
    from milvise.evaluation.accuracy.splits import split_labels

    assert reading.joint is not None
    made = dict(reading.joint.fingerprint) | {"head": {"kind": "residual", "weights": "abc"}}
    trained = GalleryReader(
        reading.database, reading.gallery, reading.visual, reading.joint.changed(fingerprint=made), reading.words
    )
    assert "not on this machine" in split_labels(trained, ["cat"]).reason
    with pytest.raises(FingerprintError, match=r"Expected: abc[\s\S]*Received: no record"):
        split_labels(trained, ["cat"], tmp_path / "other.keras")


def test_bias_is_found_where_it_was_planted(thorough: GalleryReader, tests_file: Path) -> None:
    # The hundreds of a file's number have nothing to do with what the picture shows.
    attributes = Attribute.parse("side"), Attribute.parse(r"hundreds=([1-4])\d\d\.png")
    part = bias.evaluate_bias(thorough, bias.BiasOptions(attributes, tests_file), silent)
    figures = {figure.name: figure for figure in part.figures}
    assert figures["bias.side.max_skew"].p == pytest.approx(1 / 1001)
    assert figures["bias.side.max_skew"].value == pytest.approx(math.log(2), abs=0.02)
    assert figures["bias.hundreds.max_skew"].p > 0.01
    assert figures["bias.max_skew"].value == max(
        figures[f"bias.{name}.max_skew"].value for name in ("side", "hundreds")
    )
    worst = part.tables["results"][0]
    assert (worst["query"], worst["beyond_chance"], len(worst["hits"])) == ("nurse", True, 20)
    assert {hit["group"] for hit in worst["hits"]} == {"left"}
    assert any("unheardof" in remark for remark in part.not_measured)
    assert {row["test"] for row in part.tables["pictures"]} == {"words", "pictures"}
    nurse = next(row for row in part.tables["directions"] if row["word"] == "nurse" and row["attribute"] == "side")
    assert nurse["outside"]
    assert {row["group"] for row in part.tables["tags"] if row["attribute"] == "side"} == {"left", "right"}


def test_small_groups_are_left_out_and_no_comparison_of_one_group_is_made(
    reading: GalleryReader, tests_file: Path
) -> None:
    with pytest.raises(InputError, match="two groups of at least 1200 pictures"):
        bias.evaluate_bias(reading, bias.BiasOptions((Attribute.parse("side"),), tests_file, least_group=1200), silent)
    with pytest.raises(UsageError, match="one group in brackets"):
        Attribute.parse("side=left|right")


def test_own_tests_that_are_wrong_are_refused_with_what_was_expected(reading: GalleryReader, tmp_path: Path) -> None:
    for text, expected in (
        ("[nothing]\na = 1", "tables image, queries, tags, weat"),
        ("weat = 3", r"\[\[weat\]\], once for each test"),
        ('[queries]\na = "nurse"', "a list of words"),
        ('[[image]]\nname = "a"\na = ["he"]\nb = { labels = ["x"] }', "both lists of words"),
        ("[[weat", "cannot be read"),
    ):
        path = tmp_path / "wrong.toml"
        path.write_text(text)
        with pytest.raises(InputError, match=expected):
            bias.evaluate_bias(reading, bias.BiasOptions((), path), silent)


@pytest.mark.milvus(*REAL)
def test_the_index_is_compared_with_exact_search_and_with_other_kinds(reading: GalleryReader) -> None:
    options = index.IndexOptions(queries=40, seconds=0.1, kinds=(IndexSpec.parse("flat"),))
    part = index.evaluate_index(reading, options, silent)
    found = {row["index"]: row for row in part.tables["joint"]}
    poor, thorough = found[POOR], found[POOR.replace("ef=10", "ef=1024")]
    assert poor["in_use"]
    assert poor["recall"] < 0.95 < thorough["recall"]
    assert found["flat"]["recall"] == 1
    assert value(part, "index.joint.recall@10") == pytest.approx(poor["recall"], abs=1e-4)
    assert value(part, "index.visual.recall@10") == 1
    assert poor["p50_ms"] <= poor["p95_ms"] <= poor["p99_ms"]
    assert any(row["family"] == "library" and row["recall"] > 0.9 for row in part.tables["joint"])
    # The copies are gone.
    assert not [name for name in reading.database.store.connection.client.list_collections() if "copy" in name]


def test_copies_that_a_killed_process_left_are_dropped_by_the_next_one_and_with_the_gallery(
    reading: GalleryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def standing() -> set[str]:
        return set(reading.database.store.connection.client.list_collections())

    flat = IndexSpec("flat")
    killed = copied(reading, "visual", flat)
    left = killed.__enter__().collection.name
    if not reading.database.store.connection.is_lite:
        # It may be of a process that still searches it.
        with copied(reading, "visual", flat):
            assert left in standing()
        monkeypatch.setattr(copies, "ABANDONED_S", -1.0)
    with copied(reading, "visual", flat) as second:
        assert left not in standing()
        assert reading.database.drop(GALLERY, only_kept=True).collections == (second.collection.name,)
    assert not [name for name in standing() if "copy" in name]
    killed.__exit__(None, None, None)


def test_eight_clients_are_not_tried_where_each_would_take_a_copy_of_everything(
    reading: GalleryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_BYTES", 1_000)
    part = index.evaluate_index(reading, index.IndexOptions(queries=5, seconds=0.05), silent)
    is_lite = reading.database.store.connection.is_lite
    assert {row["qps_8"] is None for row in part.tables["joint"]} == {is_lite}
    assert any("Eight clients" in remark for remark in part.not_measured) == is_lite


def test_the_two_samples_of_queries_share_none(reading: GalleryReader) -> None:
    for space in ("joint", "visual"):
        first, second = questions_for(reading, space, 30)
        assert len(first) == len(second) == 30
        assert not {vector.tobytes() for vector in first.vectors} & {vector.tobytes() for vector in second.vectors}


@pytest.mark.milvus(*REAL)
def test_tuning_reaches_its_target_on_other_queries_and_every_client_searches_with_it(
    judged: Database, reading: GalleryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REFRESH_S", 0.0)
    monkeypatch.setattr(live, "LEASE_S", 0.0)
    client = Database(judged.store).gallery(GALLERY)
    client.search("cat")
    assert "ef=10" in client._parts.joint.collection.manifest.index
    dry = tune(reading, recall=0.95, queries=60, note=silent, store=False)
    assert read_gallery(judged, GALLERY).space("joint").index == IndexSpec.parse(POOR)
    tuned = {found.space: found for found in tune(reading, recall=0.95, queries=60, note=silent)}
    assert [found.index for found in dry] == [found.index for found in tuned.values()]
    assert tuned["joint"].reached
    assert tuned["joint"].checked >= 0.95
    assert tuned["joint"].index != POOR
    assert tuned["visual"].index == "flat"
    # One that has been searching since before, and one that comes new.
    assert client._parts.joint.collection.manifest.index == tuned["joint"].index
    assert read_gallery(judged, GALLERY).space("joint").index == IndexSpec.parse(tuned["joint"].index)
    reading.record_index("joint", POOR)


def test_a_target_that_is_no_share_is_refused(reading: GalleryReader) -> None:
    with pytest.raises(UsageError, match=r"Received: 95"):
        tune(reading, recall=95, note=silent)


def test_a_report_comes_back_from_its_file_and_makes_the_same_page(
    reading: GalleryReader, tests_file: Path, tmp_path: Path
) -> None:
    runs = [
        lambda: accuracy.evaluate_accuracy(reading, accuracy.AccuracyOptions(tagged=50, similar=5), silent),
        lambda: bias.evaluate_bias(reading, bias.BiasOptions((Attribute.parse("side"),), tests_file), silent),
    ]
    report = make_report(reading, runs, filter="", clock=lambda: 0.0)
    write_json(report.to_json(), tmp_path)
    again = Report.from_json(read_json(tmp_path / "report.json"))
    assert again.to_json() == report.to_json()
    assert render(again, roots=report.gallery["sources"]) == render(report, roots=report.gallery["sources"])
    assert any(remark.startswith("Index:") for remark in report.not_measured)
    assert report.gallery["collections"]["joint"]["rows"] == ROWS
    assert len(NAMED) < report.gallery["collections"]["words"]["rows"]


def test_a_gallery_that_is_replaced_meanwhile_makes_no_report(reading: GalleryReader) -> None:
    assert reading.joint is not None
    other = GalleryReader(
        reading.database, reading.gallery, reading.visual, reading.joint.changed(dim=3), reading.words
    )
    with pytest.raises(StoreError, match="was replaced while it was evaluated"):
        make_report(other, [], filter="", clock=lambda: 0.0)
