"""What decoding may cost: memory, time, and no other pixels than before."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hostile.pictures import broken_files, lying_files
from PIL import Image, ImageOps

from milvise.embeddings.pictures import decode as pictures
from milvise.embeddings.pictures import headers as picture_headers
from milvise.embeddings.pictures import memory, rgb
from milvise.embeddings.pictures.decode import decode, decode_file, decode_image
from milvise.embeddings.pictures.memory import Budget
from milvise.errors import ImageError

RULES = ("crop", "squash")


def noise(width: int, height: int, bands: int = 3) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def by_whole_copies(data: bytes, size: int, rule: str) -> np.ndarray:
    """Decode as was done before memory was bounded: every step copies the whole picture."""
    with Image.open(io.BytesIO(data)) as image:
        scale = 2 * size / min(image.size)
        image.draft("RGB", (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        low, high = 0.0, 65_535.0
        if values.dtype.kind == "f" or values.min() < low or values.max() > high:
            low, high = float(values.min()), float(values.max())
        scaled = np.nan_to_num((values.astype(np.float64) - low) / max(high - low, 1e-12))
        image = Image.fromarray((scaled.clip(0, 1) * 255).round().astype(np.uint8)).convert("RGB")
    elif image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white.convert("RGB")
    image = image.convert("RGB")
    if rule == "squash":
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)))


def of_every_kind(width: int, height: int) -> dict[str, bytes]:
    image, clear = noise(width, height), noise(width, height, 4)
    turned = Image.Exif()
    turned[0x0112] = 6
    wide = np.random.default_rng(1).integers(0, 65_536, (height, width))
    made = {
        f"{kind}{' turned' if options else ''}": encoded(picture, kind, **options)
        for kind, picture in (("JPEG", image), ("PNG", clear), ("WEBP", clear), ("TIFF", clear), ("PNG", image))
        for options in ({}, {"exif": turned})
    }
    return made | {
        "progressive": encoded(image, "JPEG", progressive=True, subsampling=0),
        "CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "JPEG2000": encoded(image, "JPEG2000"),
        "LZW": encoded(image, "TIFF", compression="tiff_lzw", exif=turned),
        "palette": encoded(image.quantize(16), "PNG", transparency=3, exif=turned),
        "GIF": encoded(image.quantize(16), "GIF", transparency=3),
        "1": encoded(image.convert("1"), "PNG"),
        "LA": encoded(clear.convert("LA"), "PNG"),
        "transparent colour": encoded(image, "PNG", transparency=(1, 2, 3)),
        "16 bit": encoded(Image.fromarray(wide.astype(np.uint16)), "PNG"),
        "32 bit": encoded(Image.fromarray((wide - 9).astype(np.int32)), "TIFF"),
        "float": encoded(Image.fromarray(wide.astype(np.float32) / 7 - 1), "TIFF"),
        "BMP": encoded(image, "BMP"),
    }


@pytest.mark.parametrize("size", [(61, 47), (1, 700), (700, 1), (1_301, 1_103)])
def test_pictures_that_are_not_large_have_the_same_pixels_as_ever(size: tuple[int, int]) -> None:
    for kind, data in of_every_kind(*size).items():
        for rule in RULES:
            pixels = decode(data, size=48, rule=rule).pixels
            np.testing.assert_array_equal(pixels, by_whole_copies(data, 48, rule), err_msg=f"{kind} {rule}")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(2_003, 1_501), (40, 9_001), (9_001, 40), (1, 20_000)])
def test_large_pictures_look_the_same(rule: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.linspace(0, 255, size[0]), np.linspace(255, 0, size[1])[:, None]
    smooth = np.stack(np.broadcast_arrays(x, y, (x + y) / 2), axis=-1).astype(np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    for data in (encoded(Image.fromarray(smooth), "PNG"), encoded(Image.fromarray(smooth), "PNG", exif=turned)):
        before = decode(data, size=32, rule=rule)
        with monkeypatch.context() as patch:
            patch.setattr(rgb, "LARGE", 1_000)
            now = decode(data, size=32, rule=rule)
        assert (now.width, now.height) == (before.width, before.height)
        assert np.abs(now.pixels.astype(int) - before.pixels).max() <= 6


def test_a_large_jpeg_2000_is_decoded_at_a_part_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.linspace(0, 255, 900), np.linspace(255, 0, 700)[:, None]
    smooth = np.stack(np.broadcast_arrays(x, y, x), axis=-1).astype(np.uint8)
    data = encoded(Image.fromarray(smooth), "JPEG2000")
    before = decode(data, size=32, rule="crop")
    monkeypatch.setattr(pictures, "LARGE", 1_000)
    now = decode(data, size=32, rule="crop")
    assert (now.width, now.height) == (900, 700)
    assert np.abs(now.pixels.astype(int) - before.pixels).max() <= 6
    coarse = encoded(Image.fromarray(smooth), "JPEG2000", num_resolutions=1)
    assert decode(coarse, size=32, rule="crop").width == 900


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(1, 1), (1, 3_000), (3_000, 1), (2, 1)])
def test_a_picture_of_one_row_is_a_picture(rule: str, size: tuple[int, int]) -> None:
    for kind in (
        "PNG",
        "JPEG",
        "GIF",
        "BMP",
        "TIFF",
        "WEBP",
        "PPM",
        "TGA",
        "PCX",
        "SGI",
        "QOI",
        "AVIF",
        "JPEG2000",
        "IM",
    ):
        if kind == "AVIF" and "AVIF" not in Image.SAVE:
            continue
        assert decode(encoded(noise(*size), kind), size=16, rule=rule).pixels.shape == (16, 16, 3), kind
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I", "F", "I;16"):
        assert decode_image(Image.new(mode, size), size=16, rule=rule).pixels.shape == (16, 16, 3), mode


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_a_picture_of_no_row_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="0 pixels|0 x"):
        decode_image(Image.new("RGB", size), size=16, rule="crop")


def test_hostile_files_are_loaded_or_refused_with_a_reason(tmp_path: Path) -> None:
    files = list(lying_files())
    assert len(files) + len(broken_files()) >= 140
    for name, write, good in files:
        path = tmp_path / name
        write(path)
        started = time.monotonic()
        if good:
            assert decode_file(path, size=32, rule="crop")[0].pixels.shape == (32, 32, 3), name
        else:
            with pytest.raises(ImageError) as error:
                decode_file(path, size=32, rule="crop")
            assert str(error.value), name
        assert time.monotonic() - started < 60, name
        path.unlink()
    for content in broken_files().values():
        with pytest.raises(ImageError):
            decode(content, size=32, rule="squash")


_DECODES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from milvise.embeddings.pictures.decode import decode_file
from milvise.errors import ImageError
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024
def decoded(path):
    try:
        return decode_file(path, size=224, rule="crop")[0].width
    except ImageError as error:
        return str(error)
before = peak()
found = set(ThreadPoolExecutor(8).map(decoded, sys.argv[1:]))
print(peak() - before, found)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_large_files_decoded_at_once_stay_below_a_gigabyte(tmp_path: Path) -> None:
    large = {
        name: write for name, write, good in lying_files() if "large" in name or "near" in name or "sparse" in name
    }
    for name, write in large.items():
        write(tmp_path / name)
    flat = Image.new("RGBA", (6_000, 5_000), (9, 90, 200, 100))
    flat.save(tmp_path / "flat.webp", method=0, quality=10)
    flat.convert("RGB").save(tmp_path / "flat.jpg", progressive=True)
    paths = [str(path) for path in tmp_path.iterdir()] + [str(tmp_path / "flat.webp")] * 4
    answer = subprocess.run([sys.executable, "-c", _DECODES, *paths], capture_output=True, text=True, check=True)
    megabytes = int(answer.stdout.split()[0])
    assert 200 < megabytes < 1_000, answer.stdout


def test_the_file_is_hashed_as_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    path = tmp_path / "a.png"
    noise(50, 40).save(path)
    expected = decode(path.read_bytes(), size=16, rule="crop"), hashlib.sha256(path.read_bytes()).hexdigest()
    for most in (2**20, 0):
        monkeypatch.setattr(pictures, "_IN_MEMORY", most)
        picture, digest = decode_file(path, size=16, rule="crop")
        np.testing.assert_array_equal(picture.pixels, expected[0].pixels)
        assert digest == expected[1]


def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    noise(50, 40).save(path)
    before_opening = picture_headers.before_opening

    def writing(*given: object) -> int:
        os.utime(path, ns=(1, 1))
        return before_opening(*given)

    monkeypatch.setattr(picture_headers, "before_opening", writing)
    with pytest.raises(ImageError, match="written to while it was read"):
        decode_file(path, size=16, rule="crop")


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path, reason in (
        (tmp_path / "pipe.jpg", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path, "Is a directory|not a regular file"),
        (tmp_path / "gone.jpg", "not there"),
        (Path("a\0b.jpg"), "cannot be read"),
        (Path("x" * 5_000), "cannot be read"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode_file(path, size=16, rule="crop")


def test_a_budget_is_never_overdrawn_and_nobody_waits_for_ever() -> None:
    budget, lock = Budget(100), threading.Lock()
    taken = most = done = 0

    def work(amount: int) -> None:
        nonlocal taken, most, done
        with budget.taken(amount):
            with lock:
                taken += min(amount, 100)
                most = max(most, taken)
            time.sleep(0.001)
            with lock:
                taken -= min(amount, 100)
                done += 1

    threads = [threading.Thread(target=work, args=(amount,)) for amount in [1, 60, 100, 30, 1_000, 99] * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == 60
    assert most <= 100


def test_a_damaged_large_picture_gives_its_memory_back() -> None:
    free = memory.DECODING._free
    with pytest.raises(ImageError, match="damaged"):
        decode(encoded(noise(2_000, 1_500), "PNG")[:60_000], size=16, rule="crop")
    assert memory.DECODING._free == free == memory.MOST_MEMORY
