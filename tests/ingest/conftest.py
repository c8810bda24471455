"""Loading into a Milvus of the test's own, in memory, with a small backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_world import put_words

from milvise.adapter import Store
from milvise.embeddings.devise.backbones import Backbone
from milvise.gallery.plan import Plan, make_plan
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
