"""Loading into a Milvus of the test's own, in memory, with a small backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_world import put_words

from milvise.adapter import Store
from milvise.embeddings.devise.backbones import Backbone
from milvise.gallery.plan import Plan, make_plan
from milvise.ingest.follow.follow import FollowOptions
from milvise.ingest.follow.follow import follow as follow_gallery
from milvise.ingest.follow.looks import Looks
from milvise.ingest.follow.root import Root
from milvise.ingest.follow.stream import EventStream
from milvise.ingest.follow.watch import Followed, FollowWatch
from milvise.ingest.pipeline import LoadOptions, ingest_images
from milvise.ingest.sources import Source, open_source
from milvise.ingest.summary import Summary


@pytest.fixture
def load(own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path) -> Callable[..., Summary]:
    """Ingest sources into the gallery ``g`` of a Milvus of the test's own, with a small backbone."""
    put_words(own_store, tmp_path)

    def run(
        *sources: Path | Source, net: int = 0, head: str | None = "conse", labels: bool = True, **options: object
    ) -> Summary:
        plan: Plan = make_plan(
            own_store, gallery="g", backbone=nets[net], head=head, recipe={"backbone": "net"}, names=class_names
        )
        opened = [open_source(str(source), labels=labels) if isinstance(source, Path) else source for source in sources]
        report = tmp_path / "quarantine.jsonl"
        return ingest_images(own_store, opened, plan, quarantine=report, options=LoadOptions(**options))

    return run


@pytest.fixture
def follow(own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path) -> Callable[..., Followed]:
    """Have the gallery ``g`` follow a stream, with a small backbone."""
    put_words(own_store, tmp_path)

    def run(
        stream: EventStream, root: Path, *, head: str | None = "conse", is_over: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda text: None, **options: Any,
    ) -> Followed:  # fmt: skip
        plan = make_plan(
            own_store, gallery="g", backbone=nets[0], head=head, recipe={"backbone": "net"}, names=class_names
        )
        watch = FollowWatch()
        follow_gallery(
            own_store,
            plan,
            Root(str(root)),
            stream,
            Looks(),
            watch,
            options=FollowOptions(**options),
            tell=tell,
            is_over=is_over,
        )
        return watch.now

    return run
