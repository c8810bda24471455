"""How fast this machine decodes and embeds pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Manifest
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.encoder import Devise
from milvise.embeddings.encoder import ImageEncoder
from milvise.embeddings.registry import load_encoder
from milvise.errors import InputError, ModelError
from milvise.gallery.names import visual_alias
from milvise.gallery.plan import Plan
from milvise.ingest.picture_stages import picture_stages
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.reporter import Reporter
from milvise.ingest.runners import run_in_threads
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest
from milvise.ingest.shards.rows_file import RowsFile
from milvise.ingest.sources import Item, Rejected, open_source
from milvise.ingest.sources.content import LocalFile
from milvise.ingest.sources.read_content import decode_content
from milvise.operations.capacity.figures import HERE, Figure
from milvise.operations.capacity.usual import JOINT_DIM

SECONDS = 8.0
"""For so long pictures are embedded, a few more batches included."""

_MOST_PICTURES = 400
_GENERATED = 48
_DECODED = 64
_SHARD_ROWS = 2_000


class Repeated:
    """A source that gives the same pictures again and again, each time as another one, until its time is over."""

    def __init__(self, items: Sequence[Item], seconds: float) -> None:
        self._items = items
        self._seconds = seconds
        self.location = "pictures to measure with"

    def __iter__(self) -> Iterator[Item | Rejected]:
        started = time.monotonic()
        for number, item in enumerate(cycle(self._items)):
            if number >= len(self._items) and time.monotonic() - started > self._seconds:
                return
            yield Item(f"{number}/{item.uri}", item.content, item.label)


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a worker does.

    Attributes
    ----------
    spaces : dict of str to int
        The width of the vectors of each collection.
    figures : dict of str to Figure
    engine : str
        What ran the network.
    top_classes : bool
        Whether the network has classes, which are written with each picture.
    """

    spaces: dict[str, int]
    figures: dict[str, Figure]
    engine: str
    top_classes: bool


def measure_embedding(
    backbone: str, folder: Path, *, sample: str | None, engine: str, seconds: float = SECONDS
) -> Embedding:
    """Measure what a worker does.

    Parameters
    ----------
    folder : Path
        A folder for files that are not needed afterwards.
    sample : str, optional
        A folder or manifest of pictures like those that are planned for; by default pictures are generated.
    """
    items = _items(sample, folder)
    of = f"{HERE}, {'pictures of the given source' if sample else 'generated pictures of 500 x 375'}"
    started = time.perf_counter()
    with closing(load_encoder({"backbone": backbone, "weights": None}, engine=engine)) as encoder:
        info = encoder.info
        encoder.encode_images(np.zeros((info.batch, info.size, info.size, 3), np.uint8))
        start_s = time.perf_counter() - started
        plan = _plan(encoder)
        rows, took = _embed(Repeated(items, seconds), plan, folder)
        if not rows:
            raise InputError("none of the pictures to measure with can be read.")
        decoded = _decode_per_s(items, info.size, info.rule)
    spaces = {VISUAL: info.spaces[VISUAL], JOINT: JOINT_DIM}
    sizes = [item.content.path.stat().st_size for item in items if item.content.path is not None]
    figures = {
        "start_s": Figure(start_s, "s", f"{HERE}: from the first import to the first vector"),
        "decode_per_s": Figure(decoded, "pictures/s", f"{of}, one thread"),
        "embed_per_s": Figure(rows / took, "pictures/s", f"{of}, read, embedded and written"),
    }  # fmt: skip
    if sample and sizes:
        figures["picture_bytes"] = Figure(float(np.mean(sizes)), "bytes", of)
    return Embedding(spaces, figures, encoder.info.engine, plan.visual.top_classes)


def _embed(pictures: Repeated, plan: Plan, folder: Path) -> tuple[int, float]:
    """Embed pictures into one shard; return how many, and the seconds."""
    made = ShardsManifest(plan.visual, None, 1, 0, 0, _SHARD_ROWS, ())
    started = time.monotonic()
    with (
        closing(Reporter(Quarantine(folder / "quarantine.jsonl"))) as reporter,
        closing(RowsFile(ShardFolder(folder / "shards"), 0, made, plan.classes)) as file,
    ):
        items = (item for item in pictures if isinstance(item, Item))
        stages = picture_stages(plan, file, reporter.report)
        run_in_threads(items, stages, batch_size=plan.encoder.info.batch, progress=lambda: None)
        rows = file.finish()
    return rows, time.monotonic() - started


def _plan(encoder: ImageEncoder) -> Plan:
    info = encoder.info
    # As in a load: what the network saw is written with each row.
    try:
        classes = encoder.network.classes() if isinstance(encoder, Devise) else None
    except ModelError:
        classes = None
    visual = Manifest(
        visual_alias("calibration"),
        VISUAL,
        info.spaces[VISUAL],
        dict(info.fingerprint),
        top_classes=classes is not None,
    )
    return Plan("calibration", encoder, visual, classes=classes)


def _items(sample: str | None, folder: Path) -> list[Item]:
    if sample is None:
        return [Item(path.name, LocalFile(path)) for path in _generated(folder / "pictures")]
    found = [item for item in islice(open_source(sample), _MOST_PICTURES) if isinstance(item, Item)]
    if not found:
        raise InputError(f"there is no picture to measure with in {sample}.")
    return found


def _generated(folder: Path) -> list[Path]:
    """Write JPEG files of about the size of photos: smooth areas with some noise over them."""
    from PIL import Image

    folder.mkdir()
    random, paths = np.random.default_rng(0), []
    for number in range(_GENERATED):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(smooth + random.integers(-25, 26, smooth.shape), 0, 255).astype(np.uint8)
        data = BytesIO()
        Image.fromarray(noisy).save(data, "JPEG", quality=88)
        paths.append(folder / f"{number:03d}.jpg")
        paths[-1].write_bytes(data.getvalue())
    return paths


def _decode_per_s(items: Sequence[Item], size: int, rule: Any) -> float:
    chosen = items[:_DECODED]
    started = time.perf_counter()
    for item in chosen:
        decode_content(item.content, size=size, rule=rule)
    return len(chosen) / (time.perf_counter() - started)
