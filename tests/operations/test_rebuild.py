"""Another version of a gallery is built beside the live one, judged, goes live, and there is a way back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from follow_world import until
from small_world import paint, save_net

import milvise
from milvise.errors import InputError, MilviseError, MissingExtraError, NotFoundError, UsageError
from milvise.gallery import versions as stored_versions
from milvise.gallery.names import coming
from milvise.operations import rebuild as operation
from milvise.operations.gates import read_gates
from milvise.queries.text.read import is_closed


@pytest.fixture(scope="session")
def other_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("net") / "other.keras", 1)


@pytest.fixture
def gallery(db: milvise.Database, how: dict[str, Any]) -> milvise.Gallery:
    db.ingest_words("words.txt", components=0, index="flat")
    for number in range(8, 20):
        paint(Path("pictures", "cat" if number % 2 else "dog", f"{number}.png"), number)
    db.ingest_images("pictures", **how)
    return db.gallery("g")


@pytest.fixture
def new(other_net: Path) -> dict[str, Any]:
    return {"backbone": str(other_net), "classes": "classes.txt", "engine": "keras", "accept_worse": True}


def rows(db: milvise.Database, gallery: str, room: str = "visual") -> dict[str, Any]:
    collection = db.store.live(f"{gallery}_{room}")
    assert collection is not None
    return {
        row["uri"]: (row["sha256"], row["label"], np.asarray(row["vector"]))
        for row in collection.scan(["uri", "sha256", "label", "vector"])
    }


def assert_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert {uri: row[:2] for uri, row in ours.items()} == {uri: row[:2] for uri, row in theirs.items()}
    for uri, row in ours.items():
        np.testing.assert_allclose(row[2], theirs[uri][2], atol=1e-6)


def test_the_new_version_is_what_a_load_with_its_backbone_gives(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], how: dict[str, Any]
) -> None:
    before = gallery.versions().versions
    done = gallery.rebuild(**new)
    assert (done.is_live, done.why_not, done.rows, done.embedded, done.lost) == (True, (), 20, 20, 0)
    db.ingest_images("pictures", **{**how, "gallery": "fresh", "backbone": new["backbone"]})
    for room in ("visual", "joint"):
        assert_equal(rows(db, "g", room), rows(db, "fresh", room))
    assert db.verify("g").problems == ()
    manifest = db.store.live("g_visual").manifest  # type: ignore[union-attr]
    assert is_closed(manifest.stamp)
    assert manifest.loaded_at
    live, kept = gallery.versions().versions
    assert (live.name, live.is_live, live.rows, kept.name, kept.is_live) == (
        done.version,
        True,
        20,
        before[0].name,
        False,
    )
    assert live.figures == done.figures != {}
    assert [Path(page).exists() for page in done.reports] == [True, True]
    assert gallery.search("cat", limit=3)


def test_there_is_a_way_back_and_forth(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], how: dict[str, Any]
) -> None:
    first = {room: rows(db, "g", room) for room in ("visual", "joint")}
    done = gallery.rebuild(**new)
    paint(Path("pictures/cat/late.png"), 50)
    Path("pictures/dog/0.png").unlink()
    db.ingest_images("pictures", gallery="g", engine="keras", prune=True)
    back = gallery.rollback(engine="keras")
    assert (back.version, back.before, back.rows, back.carried_over) == (done.before, done.version, 20, 1)
    assert back.switched_s < 5
    now = rows(db, "g")
    assert now.keys() == (first["visual"].keys() | {"cat/late.png"}) - {"dog/0.png"}
    assert_equal(
        {uri: now[uri] for uri in now if uri != "cat/late.png"},
        {uri: first["visual"][uri] for uri in now if uri in first["visual"]},
    )
    assert rows(db, "g", "joint").keys() == now.keys()
    assert gallery.rollback(engine="keras").version == done.version
    with pytest.raises(UsageError, match="is live already"):
        gallery.rollback(done.version)
    db.drop("g", only_kept=True)
    with pytest.raises(NotFoundError, match="no version to go back to"):
        gallery.rollback()


def test_a_gate_that_does_not_hold_leaves_the_live_version(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any]
) -> None:
    before, stood = gallery.versions().versions, rows(db, "g")
    gates = read_gates(["zero_shot.p@10=1.01", "no.such<0.5"])
    done = gallery.rebuild(**new, gates=gates)
    assert not done.is_live
    assert "zero_shot.p@10 is" in done.why_not[0]
    assert "at least 1.01" in done.why_not[0]
    assert "no.such is None, and must be at most 0.5: not measured" in done.why_not[1]
    assert_equal(rows(db, "g"), stood)
    assert [one.name for one in gallery.versions().versions if one.is_live] == [before[0].name]
    # It was never live: there is nothing to go back to, and the next try goes on with it.
    with pytest.raises(NotFoundError, match="no version to go back to"):
        gallery.rollback()
    again = gallery.rebuild(**new)
    assert (again.is_live, again.version, again.embedded) == (True, done.version, 0)


def test_a_main_figure_that_is_worse_leaves_the_live_version(
    gallery: milvise.Gallery, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = "zero_shot.p@10"
    monkeypatch.setattr(operation, "KEY_FIGURES", (figure,))
    worse = [
        {"figure": figure, "before": 0.9, "now": 0.2, "verdict": "worse"},
        {"figure": "x", "verdict": "worse", "before": 1, "now": 0},
    ]
    judged = operation._judged

    def judge(*values: Any) -> Any:
        old, after = judged(*values)
        object.__setattr__(after.report, "changes", worse)
        return old, after

    monkeypatch.setattr(operation, "_judged", judge)
    done = gallery.rebuild(**{**new, "accept_worse": False})
    assert (done.is_live, done.why_not) == (False, (f"{figure} is worse: 0.9 before, 0.2 now, more than noise",))
    assert gallery.rebuild(**new).is_live


def test_another_head_alone_needs_no_pictures(db: milvise.Database, gallery: milvise.Gallery, folder: Path) -> None:
    gallery.train("head.keras", epochs=1)
    (folder / "pictures").rename(folder / "away")
    done = gallery.rebuild(head="head.keras", engine="keras", accept_worse=True)
    assert (done.is_live, done.rows, done.embedded) == (True, 20, 0)
    assert db.verify("g").problems == ()
    assert gallery.rollback(engine="keras").version == done.before
    assert db.verify("g").problems == ()


def test_nothing_goes_live_without_pictures_that_cannot_be_read(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], quick: None
) -> None:
    Path("pictures/cat/1.png").write_bytes(b"broken")
    stood = rows(db, "g")
    with pytest.raises(InputError, match=r"1 pictures of the gallery 'g' cannot be read(.|\n)*cat/1.png(.|\n)*--prune"):
        gallery.rebuild(**new)
    assert_equal(rows(db, "g"), stood)
    done = gallery.rebuild(**new, prune=True)
    assert (done.is_live, done.rows, done.lost) == (True, 19, 1)


def test_a_gate_on_bias_compares_the_groups_that_are_named(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], how: dict[str, Any]
) -> None:
    # Smaller groups are left out.
    for number in range(20, 40):
        paint(Path("pictures", "cat" if number % 2 else "dog", f"{number}.png"), number)
    db.ingest_images("pictures", **how)
    how = {**new, "attributes": ["kind=(cat|dog)"], "dry_run": True}
    assert gallery.rebuild(**how, gates=read_gates(["bias.kind.max_skew<100"])).why_not == ()
    (why,) = gallery.rebuild(**how, gates=read_gates(["bias.kind.max_skew<-100"])).why_not
    assert "not measured" not in why


def test_a_dry_run_judges_only(db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any]) -> None:
    stood = rows(db, "g")
    done = gallery.rebuild(**new, dry_run=True)
    assert (done.is_live, done.why_not) == (False, ())
    assert_equal(rows(db, "g"), stood)
    assert db.store.points_at(f"{coming('g')}_visual") is None


def test_what_is_written_while_it_is_built_and_judged_is_in_the_new_version(
    db: milvise.Database,
    gallery: milvise.Gallery,
    new: dict[str, Any],
    how: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged, live = operation._judged, operation.go_live

    def load(seed: int, gone: str) -> None:
        paint(Path(f"pictures/cat/late{seed}.png"), seed)
        paint(Path("pictures/dog/0.png"), seed)
        Path("pictures", gone).unlink()
        db.ingest_images("pictures", **how, prune=True)

    def judge(*values: Any) -> Any:
        load(50, "dog/2.png")
        return judged(*values)

    def late(store: Any, name: str, *values: Any) -> None:
        # A writer that does not know yet that another version goes live.
        load(51, "dog/4.png")
        live(store, name, *values)

    monkeypatch.setattr(operation, "_judged", judge)
    monkeypatch.setattr(operation, "go_live", late)
    done = gallery.rebuild(**new)
    assert done.is_live
    db.ingest_images("pictures", **{**how, "gallery": "fresh", "backbone": new["backbone"]})
    for room in ("visual", "joint"):
        assert_equal(rows(db, "g", room), rows(db, "fresh", room))


def test_searches_are_answered_all_the_while_from_one_version(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any]
) -> None:
    def answer() -> list[tuple[str, float]]:
        return [(hit.uri, round(hit.similarity, 4)) for hit in gallery.search("cat", space="fused", limit=5)]

    before, found, errors, stop = answer(), [], [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                found.append(tuple(answer()))
            except MilviseError as error:
                errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    done = gallery.rebuild(**new)
    back = gallery.rollback(engine="keras")
    stop.set()
    for thread in threads:
        thread.join()
    assert back.version == done.before
    gallery.rollback(engine="keras")
    # A client may go on with what it knew for a second.
    until(lambda: answer() != before)
    assert errors == []
    assert set(found) <= {tuple(before), tuple(answer())}
    assert tuple(before) in found


def test_a_change_that_was_cut_off_between_the_two_aliases_is_completed_by_the_same_command(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    point = type(db.store).point

    def cut(store: Any, alias: str, name: str) -> str | None:
        if alias == "g_visual":
            raise KeyboardInterrupt
        return point(store, alias, name)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(db.store), "point", cut)
        gallery.rebuild(**new)
    done = gallery.rebuild(**new)
    assert done.is_live
    assert db.verify("g").problems == ()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda gallery: gallery.rebuild(), UsageError, "nothing to rebuild with"),
        (
            lambda gallery: gallery.rebuild(head="conse", engine="keras"),
            UsageError,
            "made with this encoder and head already",
        ),
        (lambda gallery: read_gates(["p@10"]), UsageError, "a gate is a figure's name and a limit"),
        (lambda gallery: gallery.rollback(), NotFoundError, "no version to go back to"),
    ],
)
def test_what_makes_no_sense_is_refused(
    gallery: milvise.Gallery, ask: Callable[[milvise.Gallery], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(gallery)


def test_nothing_is_built_that_could_not_be_judged(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation, "find_spec", lambda package: None if package == "ir_measures" else True)
    with pytest.raises(MissingExtraError, match="judging versions of a gallery needs packages that are not installed"):
        gallery.rebuild(**new)
    assert len(gallery.versions().versions) == 1


def test_a_gate_is_at_least_or_at_most() -> None:
    limits = read_gates(["a=0.4", "b>=1", "c>-2", "d<0.7", "e <= 3"])
    assert (limits.under, limits.over) == ({"a": 0.4, "b": 1.0, "c": -2.0}, {"d": 0.7, "e": 3.0})


def test_the_version_to_come_is_not_listed_among_galleries(db: milvise.Database, gallery: milvise.Gallery) -> None:
    stored_versions.show(db.store, "g", stored_versions.live_version(db.store, "g"))
    assert {entry["alias"] for entry in db.status()} >= {"g_visual", "g_joint"}
    assert not any("next" in entry["alias"] for entry in db.status())
    assert db.gallery(coming("g")).search("cat", limit=1)
    stored_versions.hide(db.store, "g")


def test_what_a_killed_rebuild_left_hinders_nobody(
    db: milvise.Database, gallery: milvise.Gallery, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        # Killed: nothing is tidied up.
        patch.setattr(operation, "hide", lambda store, name: None)
        patch.setattr(operation, "_objections", lambda *values: (_ for _ in ()).throw(KeyboardInterrupt))
        gallery.rebuild(**new)
    assert db.store.points_at(f"{coming('g')}_visual") is not None
    db.drop("g", only_kept=True)
    assert db.store.points_at(f"{coming('g')}_visual") is None
    assert gallery.rebuild(**new).is_live
