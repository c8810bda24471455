"""A gallery that is partitioned by a metadata column: loaded, relabelled, projected, sharded, and fixed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_world import paint, put_words

from milvise.adapter import Store
from milvise.adapter.catalog import essence_of
from milvise.adapter.partition import FIELD
from milvise.embeddings.devise.backbones import Backbone
from milvise.errors import UsageError
from milvise.gallery.pair import open_pair
from milvise.gallery.plan import Plan, make_plan
from milvise.gallery.project import project
from milvise.gallery.verify import verify
from milvise.ingest.pipeline import ingest_images
from milvise.ingest.sources import open_source
from milvise.ingest.summary import Summary
from milvise.operations.images import IngestImages
from milvise.queries.database import Database

OWNERS = ("anna", "bert", 7, None)
PICTURES = 8


def manifest_of(folder: Path, owners: tuple[Any, ...] = OWNERS) -> Path:
    """Write pictures and a manifest that says whose they are."""
    lines = []
    for number in range(PICTURES):
        paint(folder / f"{number}.png", number)
        owner = owners[number % len(owners)]
        lines.append({"uri": f"{number}.png", "label": "cat", **({} if owner is None else {"owner": owner})})
    (folder / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "m.jsonl"


@pytest.fixture
def planned(own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path) -> Callable[..., Plan]:
    put_words(own_store, tmp_path)

    def make(partition: str | None = "owner", gallery: str = "g", head: str | None = "conse", net: int = 0) -> Plan:
        return make_plan(
            own_store, gallery=gallery, backbone=nets[net], head=head, recipe={"backbone": "net"}, names=class_names, partition=partition
        )  # fmt: skip

    return make


@pytest.fixture
def load(own_store: Store, planned: Callable[..., Plan], tmp_path: Path) -> Callable[..., Summary]:
    def run(source: Path, **asked: Any) -> Summary:
        return ingest_images(own_store, [open_source(str(source))], planned(**asked), quarantine=tmp_path / "q.jsonl")

    return run


def partitions(store: Store, alias: str) -> dict[str, str]:
    live = store.live(alias)
    assert live is not None
    return {row["uri"]: row[FIELD] for row in live.scan(["uri", FIELD])}


WANTED = {f"{number}.png": ("anna", "bert", "7", "")[number % 4] for number in range(PICTURES)}


def test_both_collections_hold_the_column_and_filters_find_what_they_did(
    load: Callable[..., Summary], own_store: Store, tmp_path: Path
) -> None:
    source = manifest_of(tmp_path / "pictures")
    load(source)
    load(source, gallery="plain", partition=None)
    assert partitions(own_store, "g_visual") == partitions(own_store, "g_joint") == WANTED
    db = Database(own_store)
    for asked in (
        'meta["owner"] == "anna"',
        'meta["owner"] == 7',
        'meta["owner"] == "anna" or meta["owner"] == "bert"',
    ):
        found, plain = (
            [(hit.uri, pytest.approx(hit.similarity, abs=1e-6)) for hit in db.gallery(name).search("cat", filter=asked)]
            for name in ("g", "plain")
        )
        assert found == plain
        assert 0 < len(found) < PICTURES
    shown = {entry["alias"]: entry.get("partition") for entry in db.status()}
    assert (shown["g_visual"], shown["g_joint"], shown["plain_visual"], shown["words"]) == (
        "owner",
        "owner",
        None,
        None,
    )
    assert verify(own_store, "g").whole


def test_a_picture_moves_with_its_owner_and_a_second_run_finds_nothing_new(
    load: Callable[..., Summary], own_store: Store, tmp_path: Path
) -> None:
    load(manifest_of(tmp_path / "pictures"))
    again = load(manifest_of(tmp_path / "pictures"), partition=None)
    assert (again.unchanged, again.relabelled) == (PICTURES, 0)
    moved = load(manifest_of(tmp_path / "pictures", ("zoe", "bert", 7, None)))
    assert (moved.embedded, moved.relabelled) == (0, 2)
    now = {uri: "zoe" if owner == "anna" else owner for uri, owner in WANTED.items()}
    assert partitions(own_store, "g_visual") == partitions(own_store, "g_joint") == now
    live = own_store.live("g_visual")
    assert live is not None
    assert live.count('meta["owner"] == "zoe"') == 2
    assert live.count('meta["owner"] == "anna"') == 0


def test_a_picture_whose_joint_row_was_lost_on_the_way_gets_it_back_with_its_label(
    load: Callable[..., Summary], own_store: Store, tmp_path: Path
) -> None:
    load(manifest_of(tmp_path / "pictures"))
    joint = own_store.live("g_joint")
    assert joint is not None
    (before,) = joint.query('uri == "0.png"', fields=["id", "vector"])
    joint.delete([before["id"]])
    load(manifest_of(tmp_path / "pictures", ("zoe", "bert", 7, None)))
    (after,) = joint.query('uri == "0.png"', fields=["vector", FIELD])
    assert after["vector"] == pytest.approx(before["vector"], abs=1e-5)
    assert after[FIELD] == "zoe"


@pytest.mark.parametrize(("stands", "asked"), [("owner", "camera"), (None, "owner")])
def test_the_column_of_a_gallery_is_fixed(
    stands: str | None, asked: str, load: Callable[..., Summary], planned: Callable[..., Plan], tmp_path: Path
) -> None:
    load(manifest_of(tmp_path / "pictures"), partition=stands)
    with pytest.raises(
        UsageError,
        match=rf"(?s)fixed when it is made.*Received: --partition {asked}.*--gallery NAME --partition {asked}",
    ) as told:
        planned(asked)
    assert ("--partition owner, or none" if stands else "no --partition") in str(told.value)
    assert planned(None).visual.partition == (stands or "")
    assert planned(stands).visual.partition == (stands or "")


@pytest.mark.parametrize("partition", ["", "  ", "a\0b", 3])
def test_a_column_without_a_name_is_refused(partition: Any) -> None:
    with pytest.raises(UsageError, match="partitioned by a metadata column"):
        IngestImages(("here",), partition=partition)


def test_what_a_killed_first_run_left_is_made_again_with_the_column_that_is_asked_for(
    load: Callable[..., Summary], planned: Callable[..., Plan], own_store: Store, tmp_path: Path
) -> None:
    source = manifest_of(tmp_path / "pictures")
    own_store.build(planned(None).visual)
    load(source)
    assert partitions(own_store, "g_visual") == WANTED


def test_a_projection_and_another_backbone_keep_it(
    load: Callable[..., Summary], planned: Callable[..., Plan], own_store: Store, tmp_path: Path
) -> None:
    load(manifest_of(tmp_path / "pictures"), head="none")
    project_with = planned(None, head="conse")
    assert project_with.joint is not None
    assert project_with.joint.partition == "owner"
    pair, projected, _ = open_pair(own_store, project_with, [])
    assert projected == PICTURES
    assert partitions(own_store, "g_joint") == WANTED
    rebuilt = planned(None, net=1)
    assert (rebuilt.visual.partition, rebuilt.visual.collection != pair.visual.name) == ("owner", True)


def test_a_lost_catalog_is_recorded_again_with_it(
    load: Callable[..., Summary], own_store: Store, tmp_path: Path
) -> None:
    load(manifest_of(tmp_path / "pictures"))
    live = own_store.live("g_visual")
    assert live is not None
    own_store.catalog.forget(live.name)
    found = verify(own_store, "g", repair=True)
    assert found.whole, found.problems
    again = own_store.live("g_visual")
    assert again is not None
    assert again.manifest.partition == "owner"
    kept = essence_of(own_store.describe(live.name))
    assert kept is not None
    assert kept.partition == "owner"


def test_projecting_in_place_leaves_it(load: Callable[..., Summary], own_store: Store, tmp_path: Path) -> None:
    load(manifest_of(tmp_path / "pictures"))
    done = project(own_store, gallery="g", head="conse")
    assert done.rows == PICTURES
    assert partitions(own_store, "g_joint") == WANTED
