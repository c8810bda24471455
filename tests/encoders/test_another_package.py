"""An encoder of another package goes through everything that a gallery can do, with not a line changed here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import milvise
from milvise import PictureFile, StoredPicture
from milvise.errors import (
    FingerprintError,
    MissingEncoderError,
    NotFoundError,
    UnknownClassError,
    UnknownWordError,
    UsageError,
)
from milvise.gallery import models
from milvise.operations.gallery import Gallery

COUNT = 18


@pytest.fixture
def gallery(db: milvise.Database) -> Gallery:
    summary = db.ingest_images("pictures", gallery="g", encoder="tiny_colours", index="flat")
    assert (summary.embedded, summary.engine, summary.projected) == (COUNT, "python", 0)
    return db.gallery("g")


def labels(hits: list[milvise.Hit]) -> list[str]:
    return [hit.label for hit in hits]


def test_words_find_pictures_in_the_space_of_the_encoder(gallery: Gallery) -> None:
    for name in ("red", "green", "blue"):
        hits = gallery.search(name, limit=6, by="meaning")
        assert labels(hits) == [name] * 6
        assert hits[0].uri == f"{name}/0.png"
        assert hits[0].similarity == pytest.approx(1.0, abs=1e-6)
    mixed = gallery.search("red - green", limit=1, by="meaning")
    # Of what is red, the first has no green in it.
    assert mixed[0].uri == "red/0.png"
    assert gallery.words_space() == "visual"
    found = gallery.search("blue red", limit=1, space="visual", by="meaning")[0]
    expected = (512 - 160 + 160) / np.sqrt(2) / np.hypot(352, 160)  # blue/5.png has ten columns of red
    assert (found.uri, found.similarity) == ("blue/5.png", pytest.approx(expected, abs=1e-5))


def test_words_that_the_encoder_lacks_are_said_with_close_ones(gallery: Gallery) -> None:
    with pytest.raises(UnknownWordError, match="tiny_colours") as caught:
        gallery.search("gren", by="meaning")
    assert caught.value.suggestions == ("green",)
    assert labels(gallery.search("gren", limit=2, by="meaning", fix=True)) == ["green", "green"]


def test_a_picture_finds_pictures_stored_or_not(gallery: Gallery) -> None:
    hits = gallery.similar(PictureFile("pictures/red/0.png"), limit=2)
    assert [hit.uri for hit in hits] == ["red/0.png", "red/1.png"]
    others = gallery.similar(StoredPicture("red/0.png"), limit=1)
    assert [hit.uri for hit in others] == ["red/1.png"]
    both = gallery.mixed([StoredPicture("red/0.png")], "blue", limit=1)
    assert both[0].uri == "blue/5.png"
    assert labels(gallery.complete([StoredPicture("blue/1.png")], limit=3)) == ["blue"] * 3
    assert gallery.rank(words="green", ids=["red/0.png", "green/0.png"])[0].uri == "green/0.png"


def test_pictures_have_tags_among_the_texts_of_the_encoder(gallery: Gallery) -> None:
    tags = gallery.tags(StoredPicture("green/1.png"), limit=6)
    assert [tag.word for tag in tags[:2]] == ["green", "blue"]
    assert {tag.word for tag in tags} == {"red", "green", "blue", "yellow", "white", "black"}
    assert [tag.word for tag in gallery.tags(StoredPicture("green/1.png"), filter='word != "green"', limit=1)] == [
        "blue"
    ]


def test_a_hit_is_explained_and_has_a_confidence(gallery: Gallery) -> None:
    told = gallery.explain("red/0.png", words="red - blue")
    assert (told.space, told.searched["visual"]["made_by"]) == ("visual", "tiny_colours")
    assert sum(term.contribution for term in told.terms) == pytest.approx(told.hit.similarity, abs=1e-6)
    hits = gallery.search("red", limit=1, by="meaning", min_confidence=0.0)
    assert hits[0].confidence is not None


@pytest.mark.parametrize("space", ["joint", "fused", "ranked"])
def test_other_spaces_are_refused_by_name(gallery: Gallery, space: str) -> None:
    with pytest.raises(UsageError, match="'tiny_colours', whose pictures and texts are in one space"):
        gallery.search("red", space=space, by="meaning")
    with pytest.raises(UsageError, match="one space"):
        gallery.mixed([StoredPicture("red/0.png")], space=space)


def test_a_focus_needs_classes_and_the_error_says_so(gallery: Gallery) -> None:
    with pytest.raises(NotFoundError, match="the encoder 'tiny_colours' has no classes"):
        gallery.similar(StoredPicture("red/0.png"), focus="warm")
    with pytest.raises(NotFoundError, match="the encoder 'tiny_colours' has no classes"):
        gallery.classes()


def test_a_focus_weights_by_the_classes_of_the_encoder(db: milvise.Database) -> None:
    db.ingest_images("pictures", gallery="w", encoder="tiny_warmth")
    gallery = db.gallery("w")
    assert gallery.classes() == ["cold", "warm"]
    # Red beside green looks as a red picture does where red alone counts.
    found = gallery.similar(StoredPicture("red/0.png"), focus="warm", limit=5)
    assert [hit.similarity for hit in found] == pytest.approx([1.0] * 5, abs=1e-5)
    assert set(labels(found)) <= {"red", "blue"}
    with pytest.raises(UnknownClassError):
        gallery.similar(StoredPicture("red/0.png"), focus="warmer")


def test_any_text_is_encoded_where_the_encoder_takes_it(db: milvise.Database) -> None:
    db.ingest_images("pictures", gallery="c", encoder="tiny_codes")
    gallery = db.gallery("c")
    assert labels(gallery.search("#0000fe", limit=6, by="meaning")) == ["blue"] * 6
    with pytest.raises(UnknownWordError):
        gallery.search("sofa", by="meaning")


def test_the_same_run_again_finds_everything_unchanged(db: milvise.Database, gallery: Gallery, folder: Path) -> None:
    again = db.ingest_images("pictures", gallery="g")
    assert (again.embedded, again.unchanged) == (0, COUNT)
    (folder / "pictures" / "red" / "5.png").unlink()
    pruned = db.ingest_images("pictures", gallery="g", prune=True)
    assert (pruned.unchanged, pruned.removed) == (COUNT - 1, 1)
    assert db.verify("g", pictures=5).whole


def test_the_catalog_names_the_encoder_and_its_fingerprint(db: milvise.Database, gallery: Gallery) -> None:
    entries = {entry["alias"]: entry for entry in db.status()}
    assert set(entries) == {"g_visual", "texts_tiny_colours"}
    assert entries["g_visual"]["fingerprint"] == {
        "version": 1, "encoder": "tiny_colours", "size": 16, "resize": "squash",
    }  # fmt: skip
    assert entries["texts_tiny_colours"]["rows"] == 6
    assert db.drop("g").collections
    assert [entry["alias"] for entry in db.status()] == ["texts_tiny_colours"]


def test_a_gallery_is_evaluated(db: milvise.Database, gallery: Gallery) -> None:
    pytest.importorskip("ir_measures")
    pytest.importorskip("matplotlib")
    made = gallery.evaluate(
        "report", accuracy=milvise.Accuracy(), index=milvise.IndexRecall(k=3, queries=10), bias=milvise.Bias()
    )
    figures = made.report.figures
    assert [figures[name].value for name in ("all.p@5", "tags.hit@1", "similar.p@1", "index.visual.recall@3")] == [
        1.0
    ] * 4
    assert any("does not say which labels it was trained on" in remark for remark in made.report.not_measured)
    assert not any(name.startswith("index.joint") for name in figures)
    assert set(made.report.gallery["collections"]) == {"visual", "words"}


def test_the_rest_of_what_a_gallery_can_do(db: milvise.Database, gallery: Gallery) -> None:
    assert [tuned.space for tuned in gallery.tune(k=3, queries=10).chosen] == ["visual"]
    assert list(gallery.duplicates(kind="visual", similarity=0.99999)) == []
    refined = gallery.refine(words="red", liked=["red/1.png"], disliked=["green/1.png"], limit=3)
    assert labels(refined) == ["red"] * 3
    assert gallery.read("dark red").unknown == ("dark",)
    assert gallery.export_projector("projector").pictures == COUNT
    assert db.verify("g", repair=True).whole


def test_damaged_texts_are_found(db: milvise.Database, gallery: Gallery) -> None:
    texts = db.store.live("texts_tiny_colours")
    assert texts is not None
    texts.delete(["red"])
    texts.settle()
    found = db.verify("g")
    assert [problem.kind for problem in found.problems] == ["word_count"]
    assert "into a gallery of this encoder" in found.problems[0].text
    db.ingest_images("pictures", gallery="g")
    assert db.verify("g").whole


def test_what_needs_a_head_is_refused_by_name(db: milvise.Database, gallery: Gallery) -> None:
    for refused in (
        lambda: gallery.project(head="conse"),
        lambda: gallery.train("head.keras", head="linear"),
        lambda: gallery.export_model("model.keras"),
        lambda: db.ingest_images("pictures", gallery="g", head="conse"),
        lambda: db.ingest_images("pictures", gallery="h", encoder="tiny_colours", backbone="vgg16"),
    ):
        with pytest.raises(UsageError, match="'devise'"):
            refused()


def test_without_its_package_a_gallery_is_searched_by_word_and_id(
    db: milvise.Database, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    _uninstall(monkeypatch)
    assert labels(gallery.similar(StoredPicture("red/0.png"), limit=2)) == ["red", "red"]
    assert labels(gallery.search("red", limit=2, by="meaning")) == ["red", "red"]
    assert gallery.tags(StoredPicture("red/0.png"), limit=1)[0].word == "red"
    with pytest.raises(MissingEncoderError, match="the encoder 'tiny_colours' is not installed") as caught:
        gallery.similar(PictureFile("pictures/red/0.png"))
    assert caught.value.encoder == "tiny_colours"
    assert "installed are devise" in str(caught.value)
    with pytest.raises(MissingEncoderError):
        db.ingest_images("pictures", gallery="g")


def test_without_its_package_a_text_that_is_not_stored_says_what_is_missing(
    db: milvise.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.ingest_images("pictures", gallery="c", encoder="tiny_codes")
    _uninstall(monkeypatch)
    with pytest.raises(MissingEncoderError, match="'tiny_codes'"):
        db.gallery("c").search("#0000fe", by="meaning")


def test_another_version_of_the_encoder_is_refused(
    db: milvise.Database, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny_colours

    models.close_models()
    newer = type(tiny_colours.Colours.info)("tiny_colours", fingerprint={"version": 2}, spaces={"visual": 27}, size=16)
    monkeypatch.setattr(tiny_colours.Colours, "info", newer)
    with pytest.raises(FingerprintError, match="'version': 2"):
        gallery.similar(PictureFile("pictures/red/0.png"))
    db.ingest_images("pictures", gallery="new", encoder="tiny_colours")
    models.close_models()
    with pytest.raises(FingerprintError, match="another version of the encoder 'tiny_colours'"):
        db.gallery("g").search("red", by="meaning")


def test_galleries_of_two_encoders_have_vocabularies_of_their_own(db: milvise.Database, folder: Path) -> None:
    (folder / "words.txt").write_text("cat 1 0 0\nred 0 1 0\n")
    db.ingest_words("words.txt", components=0)
    db.ingest_images("pictures", gallery="g", encoder="tiny_colours")
    assert {hit.word for hit in db.words.similar("red", limit=5)} == {"cat", "red"}
    with pytest.raises(UnknownWordError):
        db.gallery("g").search("cat", by="meaning")
    assert labels(db.gallery("g").search("red", limit=1, by="meaning")) == ["red"]


def _uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the package away, as another machine that shares the Milvus lacks it."""
    models.close_models()
    tiny = {entry for entry in sys.path if "tiny_encoder" in entry or Path(entry).name.startswith("installed")}
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in tiny])
    monkeypatch.delitem(sys.modules, "tiny_colours", raising=False)


def test_its_shards_are_embedded_and_loaded_as_a_load_does(gallery: Gallery, db: milvise.Database) -> None:
    db.embed("pictures", out="shards", encoder="tiny_colours", gallery="new", shard=0)
    assert db.load("shards", gallery="sharded", index="flat").rows == COUNT
    ours, theirs = (db.gallery(name).search("red", limit=COUNT, by="meaning") for name in ("sharded", "g"))
    assert [(hit.uri, hit.similarity) for hit in ours] == [(hit.uri, hit.similarity) for hit in theirs]
