"""The contact sheet: one file, and names that cannot break out of it."""

from __future__ import annotations

import re
from pathlib import Path

from small_world import paint

from milvise.core.records import Hit, WordHit
from milvise.ingest.sources import LocalFile
from milvise.operations.contact_sheet import Section, contact_sheet

NASTY = '"><script>alert(1)</script>'


def test_pictures_are_inside_and_names_are_text(tmp_path: Path) -> None:
    path = paint(tmp_path / "a.png", 0)
    hits = [Hit("1", "a.png", NASTY, 0.5, 1.0), Hit("2", "gone.png", "", 0.25, 1.2)]
    sections = [
        Section("By word", f"milvise search images {NASTY}", hits, picture=hits[0]),
        Section("Tags", "milvise tag", [WordHit(NASTY, 1.0, 0.0)]),
    ]
    page = contact_sheet(NASTY, sections, lambda hit: LocalFile(path) if hit.uri == "a.png" else None)
    assert "<script" not in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "gone.png" in page
    assert not re.search(r'(src|href)="(?!data:)', page), "nothing is fetched from elsewhere"
    assert page.count("<section>") == page.count("</section>") == 2
