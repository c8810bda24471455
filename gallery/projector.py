"""A gallery's vectors, metadata and thumbnails as TensorBoard's Embedding Projector reads them.

References
----------
Smilkov et al. 2016, "Embedding Projector: Interactive Visualization and Interpretation of Embeddings".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from milvise.adapter import Collection
from milvise.embeddings.pictures.decode import decode_file
from milvise.errors import ImageError, InputError

THUMBNAIL = 64
"""Side of a thumbnail in pixels: TensorBoard takes sprites of at most 8,192 pixels a side, which is 128 of these."""

MOST_PICTURES = (8_192 // THUMBNAIL) ** 2
_TOLD = 100
"""Pictures from one report of progress to the next."""

_GREY = (128, 128, 128)
_CONFIG = """embeddings {{
  tensor_name: "{name}"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {side}
    single_image_dim: {side}
  }}
}}
"""


def write_projector(
    collection: Collection,
    out: Path,
    *,
    limit: int,
    filter: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write ``vectors.tsv``, ``metadata.tsv``, ``sprite.png`` and ``projector_config.pbtxt`` into a folder.

    Rows are read as a stream; in memory stands the sprite, whose tiles are grey for pictures that are not on this
    machine.

    Parameters
    ----------
    limit : int
        At most so many pictures, up to 16,384.
    progress : callable
        Told now and then how many pictures are written, and how many there are to write.

    Raises
    ------
    InputError
        If the folder cannot be written, or there is nothing to write.
    """
    count = min(limit, MOST_PICTURES, collection.count(filter))
    if count == 0:
        raise InputError("no picture of the gallery fits the filter, so that there is nothing to write.")
    across = math.ceil(math.sqrt(count))
    sprite = Image.new("RGB", (across * THUMBNAIL, -(-count // across) * THUMBNAIL), _GREY)
    roots = [Path(source) for source in collection.manifest.sources]
    rows = islice(collection.scan(["uri", "label", "vector"], filter=filter), count)
    try:
        out.mkdir(parents=True, exist_ok=True)
        missing = 0
        with (
            (out / "vectors.tsv").open("w", encoding="utf-8") as vectors,
            (out / "metadata.tsv").open("w", encoding="utf-8") as metadata,
        ):
            metadata.write("uri\tlabel\n")
            for place, row in enumerate(rows):
                vectors.write("\t".join(f"{value:.6g}" for value in row["vector"]) + "\n")
                metadata.write(f"{_cell(row['uri'])}\t{_cell(row['label'])}\n")
                tile = _thumbnail(root / row["uri"] for root in roots)
                missing += tile is None
                if tile is not None:
                    sprite.paste(tile, (place % across * THUMBNAIL, place // across * THUMBNAIL))
                if (place + 1) % _TOLD == 0 or place + 1 == count:
                    progress(place + 1, count)
        sprite.save(out / "sprite.png")
        (out / "projector_config.pbtxt").write_text(
            _CONFIG.format(name=collection.manifest.alias, side=THUMBNAIL), "utf-8"
        )
    except OSError as error:
        raise InputError(f"cannot write to the folder {out}: {error.strerror or error}") from error
    return {
        "out": str(out),
        "vectors": collection.manifest.alias,
        "pictures": count,
        "left_out": collection.count(filter) - count,
        "without_thumbnail": missing,
        "open_with": f"tensorboard --logdir {out}",
    }


def _thumbnail(paths: Iterable[Path]) -> Image.Image | None:
    for path in paths:
        try:
            return Image.fromarray(decode_file(path, size=THUMBNAIL, rule="crop")[0].pixels)
        except (OSError, ImageError, ValueError):
            continue
    return None


def _cell(text: str) -> str:
    return text.translate({ord(char): " " for char in "\t\r\n"})
