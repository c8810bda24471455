"""From a decoded picture of any kind to a small square of 8-bit RGB, with few copies of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from typing import Any, Literal

import numpy as np
from PIL import Image

from milvise.core.arrays import Pixels

ResizeRule = Literal["crop", "squash"]

Fit = Literal["fit"]
"""The whole picture in its proportions, its longer side as long as asked for, and never larger than it is: for people, not for networks."""

LARGE = 25_000_000
"""Pictures of more pixels are reduced before anything else is made of them; smaller ones are resampled in one step."""

_TILE = 2**20
_OVERSAMPLING = 3
"""A reduced picture is still so many times as large as what is made of it, which is what Pillow calls no visible difference."""

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Box = tuple[int, int, int, int]
Span = tuple[float, float]


def is_turned(image: Image.Image) -> bool:
    """Return whether the EXIF data say that width and height are the other way round."""
    return image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)


def resized(image: Image.Image, size: int, rule: ResizeRule | Fit) -> Pixels:
    """Return the picture as people see it, of shape (size, size, 3) unless it is to fit; EXIF rotation applied, transparency on white."""
    image.load()
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    if image.width * image.height > LARGE:
        small = _reduced(image, size, rule)
        return np.asarray(small if turn is None else small.transpose(turn), dtype=np.uint8)
    plain = image.mode == "RGB" and not image.has_transparency_data
    rgb = image if plain else to_rgb(image)
    if turn is not None:
        rgb = rgb.transpose(turn)
    return np.asarray(_resize(rgb, size, rule, (0, 0, *rgb.size), (1, 1), rgb.size), dtype=np.uint8)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit RGB, transparency laid on white; only a part of it is copied at a time."""
    image.load()
    span = _span(image)
    if image.width * image.height <= _TILE:
        return _converted(image, span)
    made = Image.new("RGB", image.size)
    for box in _tiles((0, 0, *image.size), (1, 1)):
        made.paste(_converted(image.crop(box), span), box[:2])
    return made


def _converted(image: Image.Image, span: Span | None) -> Image.Image:
    if span is not None:
        return Image.fromarray(_to_8_bit(np.asarray(image), span)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        return white.convert("RGB")
    return image.convert("RGB")


def _reduced(image: Image.Image, size: int, rule: ResizeRule | Fit) -> Image.Image:
    """Return a large picture resized, of which only a part is copied at a time."""
    width, height = image.size
    if rule == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        area = (floor(left), floor(top), ceil(left + side), ceil(top + side))
        times = max(1, side // (_OVERSAMPLING * size))
        factor = (times, times)
    else:
        area = (0, 0, width, height)
        sides = area[2:] if rule == "squash" else (max(area), max(area))
        factor = (max(1, sides[0] // (_OVERSAMPLING * size)), max(1, sides[1] // (_OVERSAMPLING * size)))
    span = _span(image)
    made = Image.new("RGB", (ceil((area[2] - area[0]) / factor[0]), ceil((area[3] - area[1]) / factor[1])))
    for box in _tiles(area, factor):
        place = (box[0] - area[0]) // factor[0], (box[1] - area[1]) // factor[1]
        made.paste(_converted(image.crop(box), span).reduce(factor), place)
    return _resize(made, size, rule, area, factor, image.size)


def _resize(
    image: Image.Image, size: int, rule: ResizeRule | Fit, area: Box, factor: tuple[int, int], whole: tuple[int, int]
) -> Image.Image:
    """Resize a picture that shows an area of a whole one, reduced by a factor."""
    width, height = whole
    if rule != "crop":
        box = (0.0, 0.0, width / factor[0], height / factor[1])
    if rule == "fit":
        scale = min(1.0, size / max(whole))
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        return image.resize(sides, Image.Resampling.BICUBIC, box=box)
    if rule == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    side = min(width, height)
    left, top = (width - side) / 2 - area[0], (height - side) / 2 - area[1]
    box = (left / factor[0], top / factor[1], (left + side) / factor[0], (top + side) / factor[1])
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _tiles(area: Box, factor: tuple[int, int]) -> Iterator[Box]:
    """Yield the parts of an area, about a million pixels each, whose sides are multiples of the factor but at the ends."""
    across = factor[0] * max(1, 1_024 // factor[0])
    down = factor[1] * max(1, _TILE // across // factor[1])
    for top in range(area[1], area[3], down):
        for left in range(area[0], area[2], across):
            yield left, top, min(left + across, area[2]), min(top + down, area[3])


def _span(image: Image.Image) -> Span | None:
    """Return which samples become black and white where they are wider than 8 bits: the full range of 16 bits, else their own."""
    if image.mode.startswith("I;16"):
        return 0.0, 65_535.0
    if image.mode not in ("I", "F"):
        return None
    tiles = (np.asarray(image.crop(box)) for box in _tiles((0, 0, *image.size), (1, 1)))
    ends = np.asarray([(tile.min(), tile.max()) for tile in tiles], dtype=np.float64)
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    fits = image.mode == "I" and low >= 0 and high <= 65_535
    return (0.0, 65_535.0) if fits else (low, high)


def _to_8_bit(values: np.ndarray[Any, Any], span: Span) -> Pixels:
    low, high = span
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = (values.astype(np.float64) - low) / max(high - low, 1e-12)
        return (np.nan_to_num(scaled).clip(0, 1) * 255).round().astype(np.uint8)
