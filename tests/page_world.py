"""A service that runs on a port, over two galleries of coloured pictures, and a browser that looks at its page.

The encoder is `tests/tiny_encoder`: a picture is the shares of its colours, so that pictures which a test drops on the page are really
searched by, without a network.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from milvise.adapter import Store
from milvise.operations.database import Database
from milvise.service.serve import Service
from milvise.service.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TINY = Path(__file__).parent / "tiny_encoder"
COLOURS = {"red": (225, 40, 35), "green": (40, 160, 60), "blue": (40, 80, 220)}
EACH = 25
HOSTILE = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


def why_no_browser() -> str | None:
    """Return what is missing for the tests of the page."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return None if CHROMIUM.exists() else f"there is no {CHROMIUM}"


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


@contextmanager
def tiny_encoders(folder: Path) -> Iterator[None]:
    """Let the encoders of `tests/tiny_encoder` be found, by the metadata that an installation writes."""
    project = tomllib.loads((TINY / "pyproject.toml").read_text())["project"]
    made = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))]
    (made / "entry_points.txt").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINY))
        patch.syspath_prepend(str(folder))
        yield
    sys.modules.pop("tiny_colours", None)


def paint(path: Path, colour: str, number: int) -> None:
    """Write a picture of one colour with a stripe, as wide as its number says, and of one of three shapes."""
    size = [(320, 240), (240, 320), (280, 280)][number % 3]
    others = [rgb for name, rgb in COLOURS.items() if name != colour]
    picture = Image.new("RGB", size, COLOURS[colour])
    picture.paste(others[number % 2], (0, 0, 4 * (number + 1), size[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def write_pictures(folder: Path) -> Path:
    """Write the pictures of a gallery and the manifest that lists them; one has a label that is markup."""
    rows = []
    for colour in COLOURS:
        for number in range(EACH):
            uri = f"{colour}/{number:02}.png"
            paint(folder / uri, colour, number)
            hostile = (colour, number) == ("red", 0)
            owner = HOSTILE if hostile else ("Ann", "Ben")[number % 2]
            rows.append(
                {
                    "uri": uri,
                    "label": HOSTILE if hostile else colour,
                    "owner": owner,
                    "taken": f"202{number % 3}-0{1 + number % 9}-15",
                }
            )
    manifest = folder / "pictures.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def load_galleries(store: Store, folder: Path) -> Database:
    """Load the gallery ``default`` from the manifest, and ``second`` from one of its folders."""
    manifest = write_pictures(folder)
    db = Database(store)
    db.ingest_images(str(manifest), gallery="default", encoder="tiny_warmth")
    db.ingest_images(str(folder / "blue"), gallery="second", encoder="tiny_warmth", labels="none")
    return db


@contextmanager
def serving(db: Database, settings: Settings | None = None) -> Iterator[str]:
    """Yield the address of a service that runs until the end of the block."""
    service = Service(db, settings or Settings(port=0))
    started = threading.Event()
    thread = threading.Thread(target=service.run, args=(started.set,), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield service.address
    finally:
        service.stop()
        thread.join(20)
