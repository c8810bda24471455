"""Every hostile folder and picture file, through a whole run: what is good is loaded, the rest is reported or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import folders
from hostile.case import Case
from hostile.pictures import broken_files, lying_files
from small_world import paint

from milvise.adapter import Store
from milvise.errors import InputError
from milvise.ingest.sources import open_source, require_pictures
from milvise.ingest.summary import Summary


@pytest.mark.timeout(600)
def test_hostile_folders(load: Callable[..., Summary], own_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "hostile"
    cases = folders.make(root, "unused")
    assert len(cases) >= 60
    try:
        good: list[Case] = []
        for case in cases:
            source = case.arguments[2]
            if case.ends == folders.LOADED:
                require_pictures([open_source(source)])
                good.append(case)
            else:
                with pytest.raises(InputError):
                    load(Path(source), head="none")
        assert own_store.live("g_visual") is None, "nothing is left of what was refused"
        # All at once, from the folder above them, since a run each would take minutes.
        for case in cases:
            if case.ends != folders.LOADED:
                folders.clean(Path(case.arguments[2]))
        summary = load(root, head="none")
        live = own_store.live("g_visual")
        assert live is not None
        uris = {row["uri"] for row in live.scan(["uri"])}
        for case in good:
            assert f"{Path(case.arguments[2]).name}/good.png" in uris, case.name
        assert summary.seen == summary.embedded + summary.quarantined
        assert len({uri for uri in uris if "/twins/" in uri}) == 5
        assert sum("/deep.png" in uri for uri in uris) == 1
        for name in folders.NAMES.values():
            assert any(f"/{name}/" in uri for uri in uris), repr(name)
        report = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
        assert len(report) == summary.quarantined
        assert all(entry["reason"] for entry in report)
        again = load(root, head="none", prune=True)
        assert (again.embedded, again.removed, again.rows) == (0, 0, summary.rows)
    finally:
        folders.clean(root)


@pytest.mark.timeout(600)
def test_hostile_pictures(load: Callable[..., Summary], own_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    paint(root / "good.png", 0)
    expected = {"good.png"}
    for name, content in broken_files().items():
        (root / name).write_bytes(content)
    for name, write, is_good in lying_files():
        if "large" not in name and "near" not in name:
            write(root / name)
            expected |= {name} if is_good else set()
    summary = load(root, head="none", labels=False)
    live = own_store.live("g_visual")
    assert live is not None
    report = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    # The small network makes a zero vector of a black picture.
    black = {entry["uri"] for entry in report if "zero or not finite" in entry["reason"]}
    assert {row["uri"] for row in live.scan(["uri"])} | black == expected
    assert not black & set(broken_files())
    assert summary.quarantined == len(report) == summary.seen - len(expected - black)
