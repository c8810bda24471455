"""Decoding: what people see is what the backbone gets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from milvise.embeddings.pictures.decode import decode, extensions
from milvise.errors import ImageError

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(width: int = 64, height: int = 32) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    return image


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 40)


def test_cropping_keeps_the_middle_and_squashing_keeps_everything() -> None:
    image = Image.new("RGB", (96, 32), BLUE)
    image.paste(RED, (0, 0, 32, 32))
    assert near(decode(encoded(image), size=16, rule="crop").pixels[8, 1], BLUE)
    assert near(decode(encoded(image), size=16, rule="squash").pixels[8, 1], RED)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((96, 32), (16, 5)), ((32, 96), (5, 16)), ((10, 4), (10, 4)), ((3_000, 1), (16, 1)), ((6_000, 4_500), (16, 12))],
)
def test_a_picture_that_fits_keeps_its_proportions_and_does_not_grow(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    pixels = decode(encoded(halves(*size), "BMP"), size=16, rule="fit").pixels
    assert pixels.shape == (shown[1], shown[0], 3)
    assert near(pixels[0, 0], RED)
    assert near(pixels[-1, -1], BLUE)


def test_a_large_picture_fits_as_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(halves(6_000, 4_500), "JPEG", exif=exif), size=16, rule="fit")
    assert (picture.pixels.shape, picture.width, picture.height) == ((16, 12, 3), 4_500, 6_000)
    assert near(picture.pixels[0, 5], RED)
    assert near(picture.pixels[-1, 5], BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(halves(), "JPEG", exif=exif, quality=95), size=16, rule="squash")
    first, last = picture.pixels[8, 1], picture.pixels[8, 14]
    above, below = picture.pixels[1, 8], picture.pixels[14, 8]
    seen = {1: (first, last), 2: (last, first), 3: (last, first), 4: (first, last)}.get(orientation)
    if seen is None:
        seen = (above, below) if orientation in (5, 6) else (below, above)
        assert (picture.width, picture.height) == (32, 64)
    else:
        assert (picture.width, picture.height) == (64, 32)
    assert near(seen[0], RED)
    assert near(seen[1], BLUE)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    assert (decode(encoded(image, **options), size=4, rule="crop").pixels == 255).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode)
    assert (decode(encoded(image, kind), size=4, rule="crop").pixels > 240).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_pictures_are_scaled_and_not_clipped(kind: str) -> None:
    ramp = np.linspace(0, 65_535, 256, dtype=np.uint16).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp), kind), size=16, rule="crop").pixels
    np.testing.assert_allclose(pixels[..., 0].ravel(), np.arange(256), atol=2)


def test_floating_point_pictures_use_their_own_range() -> None:
    ramp = np.linspace(-1, 1, 256, dtype=np.float32).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp), "TIFF"), size=16, rule="crop").pixels
    np.testing.assert_allclose(pixels[..., 0].ravel(), np.arange(256), atol=2)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert near(decode(data, size=4, rule="crop").pixels[2, 2], RED)


def test_a_large_jpeg_keeps_its_size_and_its_look() -> None:
    picture = decode(encoded(halves(4_000, 3_000), "JPEG"), size=32, rule="squash")
    assert (picture.width, picture.height) == (4_000, 3_000)
    assert near(picture.pixels[16, 2], RED)
    assert near(picture.pixels[16, 29], BLUE)


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1)])
def test_extreme_proportions_are_no_error(size: tuple[int, int]) -> None:
    for rule in ("crop", "squash"):
        assert decode(encoded(Image.new("RGB", size, RED)), size=8, rule=rule).pixels.shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (encoded(halves(600, 600))[:200], "damaged"),
        (b"\xff\xd8", "not a picture"),
    ],
)
def test_what_is_no_picture_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode(data, size=8, rule="crop")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    with pytest.raises(ImageError, match="decompression bomb"):
        decode(bomb, size=8, rule="crop")


def test_formats_that_start_other_programs_are_left_out() -> None:
    assert ".jpg" in extensions()
    assert ".eps" not in extensions()
    with pytest.raises(ImageError, match="not a picture"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", size=8, rule="crop")


def test_real_photos_are_decoded(photos: list[Path]) -> None:
    assert len(photos) >= 40
    for path in photos:
        assert decode(path.read_bytes(), size=32, rule="crop").pixels.shape == (32, 32, 3)
