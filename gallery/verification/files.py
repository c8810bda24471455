"""Stored visual vectors against the picture files that they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.core.arrays import Pixels, unit
from milvise.core.chunks import chunks
from milvise.core.spaces import VISUAL
from milvise.embeddings.encoder import EncoderInfo, encode_images
from milvise.embeddings.pictures.decode import decode
from milvise.errors import ImageError, MilviseError
from milvise.gallery.models import stored_encoder
from milvise.gallery.verification.record import Notes, many, mend

LEAST_COSINE = 0.999
"""Engines differ by less, and half precision too; another picture differs by more."""

_ROWS = 32


def wrong_pictures(visual: Collection, count: int, gallery: str, notes: Notes) -> list[str]:
    """Return the keys of pictures, among a random sample of `count`, whose vector is not what their file gives."""
    if count == 0:
        notes.not_checked.append("visual vectors against the picture files, which needs the backbone: --pictures N")
        return []
    try:
        encoder = stored_encoder(visual.manifest)
    except (MilviseError, OSError) as error:
        notes.not_checked.append(f"visual vectors against the picture files: {error}")
        return []
    wrong: list[str] = []
    compared = 0
    rows = _sample(visual, count)
    for batch in chunks(_readable(rows, visual, encoder.info), _ROWS):
        given = unit(encode_images(encoder, np.stack([pixels for _, pixels in batch]))[VISUAL])
        stored = unit(np.asarray([row["vector"] for row, _ in batch], np.float32))
        cosines = (given * stored).sum(axis=1)
        wrong += [row["id"] for (row, _), cosine in zip(batch, cosines, strict=True) if not cosine >= LEAST_COSINE]
        compared += len(batch)
    notes.looked_at("visual vectors compared with picture files", compared)
    if compared < len(rows):
        notes.not_checked.append(
            f"{many(len(rows) - compared, 'sampled picture')}: no file with the content that was loaded is on this machine"
        )
    if wrong:
        notes.problem(
            "visual_vector",
            f"{visual.manifest.alias}: {many(len(wrong), 'vector')} of {compared:,} are not what the backbone makes of the"
            f" picture. Have them removed ({mend(gallery)} --pictures {count}), and load the pictures again: milvise ingest"
            f" images SOURCE --gallery {gallery}",
        )
    return wrong


def _sample(visual: Collection, count: int) -> list[dict[str, Any]]:
    """Return rows of up to `count` pictures: ids are hashes, so that those with the smallest ones are a random sample."""
    rows = visual.count()
    below = 'id != ""' if rows <= 4 * count else f'id < "{int(16**8 * 2 * count / rows):08x}"'
    keys = sorted(row["id"] for row in visual.query(below, fields=["id"]))[:count]
    return list(visual.get(keys, fields=["uri", "sha256", "vector"]).values())


def _readable(
    rows: list[dict[str, Any]], visual: Collection, info: EncoderInfo
) -> Iterator[tuple[dict[str, Any], Pixels]]:
    for row in rows:
        data = _content(row, visual.manifest.sources)
        if data is not None:
            try:
                yield row, decode(data, size=info.size, rule=info.rule).pixels
            except ImageError:
                continue


def _content(row: dict[str, Any], roots: tuple[str, ...]) -> bytes | None:
    """Return the bytes of a stored picture, None where no source has them any more."""
    for root in roots:
        # The uri of a row may have been written by anybody: it leads nowhere but below the source.
        path = Path(root, row["uri"])
        try:
            if not path.is_file() or not path.absolute().is_relative_to(Path(root).absolute()) or ".." in path.parts:
                continue
            data = path.read_bytes()
        except (OSError, ValueError):
            continue
        if hashlib.sha256(data).hexdigest() == row["sha256"]:
            return data
    return None
