"""A gallery that follows a stream has what a load of the folder would give it, whatever comes in whatever order."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from follow_world import CREATED, DELETED, UPDATED, Given, event, rows, stopped_when
from small_world import paint

from milvise.adapter import IndexSpec, Store
from milvise.core.records import record_id
from milvise.errors import ReplacedError, UnavailableError, UsageError
from milvise.gallery.pair import Pair
from milvise.ingest.follow import follower
from milvise.ingest.follow.stream import delivered
from milvise.ingest.follow.watch import Followed
from milvise.ingest.sinks.upsert import UpsertSink
from milvise.ingest.summary import Summary

Follow = Callable[..., Followed]
Load = Callable[..., Summary]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        paint(tmp_path / "pictures" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    return tmp_path / "pictures"


def created(root: Path) -> list[bytes]:
    return [event(CREATED, path.relative_to(root).as_posix()) for path in sorted(root.rglob("*.png"))]


@pytest.mark.milvus("memory", "lite")
def test_the_gallery_is_what_a_load_of_the_folder_gives(
    follow: Follow, load: Load, own_store: Store, root: Path
) -> None:
    first = created(root)
    follow(Given(first), root)
    paint(root / "cat" / "1.png", 100)
    (root / "dog" / "2.png").unlink()
    paint(root / "dog" / "new.png", 101)
    late = [event(DELETED, "dog/2.png"), event(UPDATED, "dog/2.png"), event(CREATED, "dog/new.png")]
    stream = Given([*late, event(UPDATED, "cat/1.png"), *first, *late])
    now = follow(stream, root)
    assert sorted(stream.acknowledged) == list(range(13))
    assert (stream.dead, now.counts.removed, now.counts.embedded) == ({}, 1, 2)
    followed = {room: rows(own_store, room=room) for room in ("visual", "joint")}
    for room in followed:
        own_store.drop(f"g_{room}")
    load(root)
    for room, found in followed.items():
        expected = rows(own_store, room=room)
        assert found.keys() == expected.keys()
        for uri, row in found.items():
            np.testing.assert_allclose(row.pop("vector"), expected[uri].pop("vector"), atol=1e-6)
            assert row == expected[uri]


def test_an_event_gives_label_and_metadata_and_one_without_them_leaves_them_alone(
    follow: Follow, own_store: Store, root: Path
) -> None:
    def said() -> tuple[str, Any]:
        row = rows(own_store)["cat/1.png"]
        return row["label"], row["meta"]

    follow(Given([event(CREATED, "cat/1.png")]), root)
    assert said() == ("cat", {})
    now = follow(Given([event(UPDATED, "cat/1.png", data={"label": "tiger", "owner": "ann", "likes": 3})]), root)
    assert (said(), now.counts.relabelled) == (("tiger", {"owner": "ann", "likes": 3}), 1)
    follow(Given([event(UPDATED, "cat/1.png")]), root)
    assert said() == ("tiger", {"owner": "ann", "likes": 3})
    # What happened last counts, in whatever order it comes.
    now_s = time.time()
    newest = event(UPDATED, "cat/1.png", at=now_s, data={"owner": "eve"})
    follow(Given([newest, event(UPDATED, "cat/1.png", at=now_s - 60, data={"owner": "bob"})]), root)
    assert said() == ("", {"owner": "eve"})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "the event is not JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (2**20 + 1), "at most 1,048,576 are read"),
        (event(CREATED, "cat/1.png", specversion="0.3"), "specversion is not '1.0'"),
        (event("picture.renamed", "cat/1.png"), "type is not one of picture.created, picture.updated, picture.deleted"),
        (event(CREATED, ""), "subject is not a text: ''"),
        (event(CREATED, "cat/1.png", source=7), "source is not a text: 7"),
        (event(CREATED, "cat/1.png", data=[1]), "data is no object of metadata: [1]"),
        (event(CREATED, "cat/1.png", time="yesterday"), "time is not one of RFC 3339"),
        (event(CREATED, "cat/1.png", time="2026-05-01T12:00:00"), "time is not one of RFC 3339"),
        (event(CREATED, "../secret.png"), "no path relative to the root"),
        (event(CREATED, "cat/../../secret.png"), "no path relative to the root"),
        (event(CREATED, "/etc/secret.png"), "no path relative to the root"),
        (event(CREATED, "cat//1.png"), "no path relative to the root"),
        (event(CREATED, "cat/\0.png"), "no path relative to the root"),
        (event(CREATED, ".hidden/1.png"), "hidden, or in no format that is read"),
        (event(CREATED, "cat/notes.txt"), "hidden, or in no format that is read"),
        (event(CREATED, "cat/broken.png"), "not a picture in a format that can be read"),
        (event(CREATED, "cat/out.png"), "the file cannot be read: Permission denied"),
        (event(CREATED, "cat/folder.png"), "the file cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_followed_is_a_dead_letter_with_the_reason(
    follow: Follow, own_store: Store, root: Path, quick: None, body: bytes, reason: str
) -> None:
    paint(root.parent / "secret.png", 1)
    (root / "cat" / "broken.png").write_bytes(b"\x89PNG broken")
    (root / "cat" / "out.png").symlink_to(root.parent / "secret.png")
    (root / "cat" / "folder.png").mkdir()
    stream = Given([body, event(CREATED, "cat/1.png")])
    now = follow(stream, root)
    assert reason in stream.dead[0]
    assert (stream.acknowledged, now.rejected, list(rows(own_store))) == ([1], 1, ["cat/1.png"])


def test_a_picture_that_is_still_written_to_is_waited_for(
    follow: Follow, own_store: Store, root: Path, quick: None
) -> None:
    slow, whole = root / "cat" / "slow.png", (root / "cat" / "1.png").read_bytes()
    slow.write_bytes(whole[:300])

    def write() -> None:
        for size in range(400, len(whole) + 100, 100):
            time.sleep(0.06)
            slow.write_bytes(whole[:size])

    writer = threading.Thread(target=write)
    writer.start()
    stream = Given([event(CREATED, "cat/slow.png")])
    now = follow(stream, root)
    writer.join()
    assert (stream.acknowledged, stream.dead, list(rows(own_store))) == ([0], {}, ["cat/slow.png"])
    assert now.tried_again > follower.TRIES


def test_a_picture_that_changes_while_it_is_written_to_milvus_is_looked_at_again(
    follow: Follow, own_store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = UpsertSink.write

    def change(sink: UpsertSink, batch: Any) -> None:
        if not written:
            paint(root / "cat" / "1.png", 77)
        written.append([row["sha256"] for row in batch.rows])
        write(sink, batch)

    monkeypatch.setattr(UpsertSink, "write", change)
    stream = Given([event(UPDATED, "cat/1.png")])
    follow(stream, root)
    assert (len(written), stream.acknowledged) == (2, [0])
    (row,) = rows(own_store).values()
    assert [row["sha256"]] == written[1] != written[0]


def test_a_picture_that_goes_while_it_is_written_to_milvus_goes_from_the_gallery(
    follow: Follow, own_store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    write = UpsertSink.write

    def remove(sink: UpsertSink, batch: Any) -> None:
        write(sink, batch)
        (root / "cat" / "1.png").unlink(missing_ok=True)

    monkeypatch.setattr(UpsertSink, "write", remove)
    stream = Given([event(UPDATED, "cat/1.png")])
    now = follow(stream, root)
    assert (stream.acknowledged, stream.dead, rows(own_store), now.absent) == ([0], {}, {}, 1)


@pytest.mark.milvus("memory", "lite")
@pytest.mark.parametrize("kind", [DELETED, CREATED])
def test_a_joint_row_that_a_killed_follower_left_alone_goes_with_its_picture(
    follow: Follow, own_store: Store, root: Path, kind: str, quick: None
) -> None:
    follow(Given(created(root)), root)
    # It was killed after the joint row of a picture and before the visual one, and then the picture is gone.
    visual = own_store.live("g_visual")
    assert visual is not None
    visual.delete([record_id("cat/1.png")])
    (root / "cat" / "1.png").unlink()
    stream = Given([event(kind, "cat/1.png")])
    now = follow(stream, root)
    assert (stream.acknowledged, now.counts.removed) == ([0], 0)
    assert rows(own_store, room="joint").keys() == rows(own_store).keys()
    assert len(rows(own_store)) == 5


def test_nothing_is_lost_while_milvus_and_the_stream_are_away(
    follow: Follow, own_store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.ingest.follow.follow._FIRST_PAUSE_S", 0.01)
    away, told = ["write", "stored"], []

    def failing(name: str) -> Callable[..., Any]:
        does = getattr(Pair, name)

        def call(pair: Pair, *values: Any) -> Any:
            if name in away:
                away.remove(name)
                raise UnavailableError("no answer.")
            return does(pair, *values)

        return call

    for name in list(away):
        monkeypatch.setattr(Pair, name, failing(name))
    stream = Given(created(root), fails=1)
    follow(stream, root, tell=told.append)
    assert (sorted(stream.acknowledged), len(rows(own_store)), away) == (list(range(6)), 6, [])
    assert [text for text in told if "tried again" in text] == ["no answer. It is tried again."] * 2 + [
        "the stream is away. It is tried again."
    ]


def test_what_was_received_is_kept_while_the_stream_is_away(
    follow: Follow, own_store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.ingest.follow.follow._FIRST_PAUSE_S", 0.01)
    away, reject = [1, 2], Given.reject

    def failing(stream: Given, *values: Any) -> None:
        if away:
            away.pop()
            raise UnavailableError("the stream is away.")
        reject(stream, *values)

    monkeypatch.setattr(Given, "reject", failing)
    bodies = created(root)
    suspect = delivered(3, bodies[3], crashes=follower.TRIES)
    stream = Given([bodies[0], b"no event", bodies[2], suspect, bodies[4]], fails=1)
    follow(stream, root)
    assert (sorted(stream.acknowledged), list(stream.dead), len(rows(own_store))) == ([0, 2, 3, 4], [1], 4)


def test_what_a_follower_ended_at_is_looked_at_alone_and_then_put_away(
    follow: Follow, own_store: Store, root: Path
) -> None:
    alone = []
    crashes = [0, 3, 0, 6, 5]
    deliveries = [
        delivered(number, body, crashes=times)
        for number, (body, times) in enumerate(zip(created(root), crashes, strict=False))
    ]
    stream = Given(deliveries)

    def note(pair: Pair, keys: list[str]) -> Any:
        alone.append(len(keys))
        return stored(pair, keys)

    stored = Pair.stored
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pair, "stored", note)
        follow(stream, root)
    assert alone == [2, 1, 1]
    assert (sorted(stream.acknowledged), len(rows(own_store))) == ([0, 1, 2, 4], 4)
    assert stream.dead == {3: "a follower ended 6 times while it looked at this, the last times at nothing else"}


def test_what_is_not_there_is_deleted_only_where_an_event_says_so_or_few_are_gone(
    follow: Follow, load: Load, own_store: Store, root: Path, quick: None
) -> None:
    load(root)
    shutil.rmtree(root / "cat")
    repeated = [event(UPDATED, f"cat/{number}.png") for number in (1, 3, 5)]
    held = Given(repeated)
    now = follow(held, root, max_delete="2", is_over=stopped_when(lambda: False, 1.5))
    assert (held.acknowledged, now.counts.removed, len(rows(own_store)), now.held > 3) == ([], 0, 6, True)
    told = Given([event(DELETED, f"cat/{number}.png") for number in (1, 3)])
    follow(told, root, max_delete="0")
    assert (told.acknowledged, len(rows(own_store))) == ([0, 1], 4)
    # Of a small gallery ten may always go.
    follow(Given(repeated), root)
    assert set(rows(own_store)) == {"dog/0.png", "dog/2.png", "dog/4.png"}


def test_a_root_that_is_not_there_is_waited_for(follow: Follow, load: Load, own_store: Store, root: Path) -> None:
    load(root)
    away = root.rename(root.parent / "elsewhere")
    told: list[str] = []

    def back(text: str) -> None:
        told.append(text)
        if away.exists():
            away.rename(root)

    stream = Given([event(DELETED, "cat/1.png"), *created(root)])
    follow(stream, root, tell=back)
    assert "Is the disk mounted?" in told[0]
    assert (stream.acknowledged, len(rows(own_store))) == ([0], 6)


def test_it_goes_on_with_what_the_gallery_was_made_with(
    follow: Follow, load: Load, own_store: Store, root: Path
) -> None:
    load(root, net=1)
    with pytest.raises(UsageError, match="made with another encoder or head"):
        follow(Given(created(root)), root)
    assert len(rows(own_store)) == 6


def test_it_ends_where_another_version_goes_live(follow: Follow, load: Load, own_store: Store, root: Path) -> None:
    load(root)

    stream = Given([])
    stream.before_receive = lambda: own_store.unpublish("g_visual")
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(ReplacedError, match="another version of g_visual went live, or it was dropped"),
    ):
        patch.setattr(Given, "is_ended", False)
        follow(stream, root)


def test_who_is_stopped_brings_what_is_in_hand_to_its_end(follow: Follow, own_store: Store, root: Path) -> None:
    stream = Given(created(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Given, "is_ended", property(lambda given: False))
        follow(stream, root, is_over=stopped_when(lambda: not stream._left))
    assert (sorted(stream.acknowledged), len(rows(own_store))) == (list(range(6)), 6)


def test_the_gallery_gets_an_index_and_a_stamp_at_the_end(follow: Follow, own_store: Store, root: Path) -> None:
    follow(Given(created(root)), root, index=IndexSpec("flat"))
    manifest = own_store.live("g_visual").manifest  # type: ignore[union-attr]
    assert manifest.stamp
    assert not manifest.stamp.startswith("open:")
    assert json.loads(json.dumps(manifest.to_json()))["sources"] == [str(root)]
