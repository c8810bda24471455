"""A service that asks the version to come too, and shows in its metrics what came of it."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient
from follow_world import until

from milvise.gallery import versions
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.settings import Settings

GALLERY = "r"


def test_a_share_of_searches_is_compared(db: Database) -> None:
    app = make_app(db, Settings(shadow=1.0))
    versions.show(db.store, GALLERY, versions.live_version(db.store, GALLERY))
    try:
        with TestClient(app, base_url="http://127.0.0.1") as client:
            answer = client.get(f"/api/v1/galleries/{GALLERY}/search", params={"words": "dog"})
            assert answer.status_code == 200

            def counted() -> bool:
                told = client.get("/metrics").text
                return bool(re.search(rf'milvise_shadow_overlap_count{{gallery="{GALLERY}"}} 1.0', told))

            until(counted)
            told = client.get("/metrics").text
        assert f'milvise_shadow_overlap_sum{{gallery="{GALLERY}"}} 1.0' in told
        assert f'milvise_shadow_seconds_count{{gallery="{GALLERY}",version="coming"}} 1.0' in told
        assert 'milvise_shadow_failed_total{reason="dropped"} 0.0' in told
    finally:
        app.state.context.shadow.close()
        versions.hide(db.store, GALLERY)


def test_without_a_share_there_is_no_shadow(db: Database) -> None:
    assert make_app(db).state.context.shadow is None
