"""Broken files of many kinds: each is reported with a reason, and the good ones around them are loaded."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_world import paint

from milvise.ingest import pipeline
from milvise.ingest.summary import Summary

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
FORMATS = {
    "jpg": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP", "webp": "WEBP", "tif": "TIFF", "ppm": "PPM", "ico": "ICO",
    "jp2": "JPEG2000", "tga": "TGA", "sgi": "SGI", "pcx": "PCX", "dds": "DDS", "icns": "ICNS",
}  # fmt: skip


def encoded(kind: str, image: Image.Image = NOISE, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", checksum if checksum is not None else zlib.crc32(name + data))
    )


def png(width: int, height: int, *, bits: int = 8, colour: int = 2, data: bytes = b"", bad_sum: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header, checksum=0 if bad_sum else None)
        + png_chunk(b"IDAT", zlib.compress(data))
        + png_chunk(b"IEND", b"")
    )


def broken_files() -> dict[str, bytes]:
    """Names and contents of files that are no pictures any more."""
    jpeg, whole = encoded("JPEG"), encoded("PNG")
    files = {f"cut-{suffix}.{suffix}": encoded(kind)[: len(encoded(kind)) // 3] for suffix, kind in FORMATS.items()}
    files |= {f"head-only-{suffix}.{suffix}": encoded(kind)[:12] for suffix, kind in FORMATS.items()}
    files |= {f"empty-{suffix}.{suffix}": b"" for suffix in ("jpg", "png", "gif", "webp")}
    files |= {
        "text.jpg": b"this is no picture",
        "html.jpg": b"<!doctype html><title>404</title>",
        "json.png": b'{"error": "not found"}',
        "pdf.jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "eps.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "zip.png": b"PK\x03\x04" + bytes(60),
        "elf.jpg": b"\x7fELF" + bytes(60),
        "zeros.jpg": bytes(4_096),
        "ones.png": b"\xff" * 4_096,
        "random.jpg": np.random.default_rng(1).bytes(4_096),
        "newline.png": b"\n",
        "git-lfs.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
        "utf16.jpg": "picture".encode("utf-16"),
        "mp4.jpg": b"\x00\x00\x00\x18ftypmp42" + bytes(60),
        "markers-only.jpg": b"\xff\xd8\xff\xd9",
        "no-scan.jpg": jpeg[: jpeg.index(b"\xff\xda")],
        "no-tables.jpg": b"\xff\xd8" + jpeg[jpeg.index(b"\xff\xc0") :],
        "zero-size.jpg": jpeg.replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 0, 0), 1),
        "bomb.png": png(60_000, 60_000, data=bytes(1_000)),
        "bomb-gif.gif": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(6) + b",\0\0\0\0"
        + struct.pack("<HH", 65_535, 65_535) + b"\0\x02\x02D\x01\0;",
        "no-pixels.png": png(64, 64),
        "few-pixels.png": png(64, 64, data=bytes(100)),
        "zero-width.png": png(0, 64, data=bytes(100)),
        "odd-colour.png": png(64, 64, colour=5, data=bytes(20_000)),
        "odd-depth.png": png(64, 64, bits=7, data=bytes(20_000)),
        "bad-checksum.png": png(64, 64, data=bytes(20_000), bad_sum=True),
        "damaged-middle.png": whole[:100] + bytes(500) + whole[600:],
        "signature-only.png": b"\x89PNG\r\n\x1a\n",
        "text-bomb.png": whole[:33] + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9)) + whole[33:],
        "lzw.tif": encoded("TIFF", compression="tiff_lzw")[:3_000],
    }  # fmt: skip
    return files


def make_odd_entries(root: Path) -> dict[str, str]:
    """Make entries that are not even files; return what is expected to be said of each."""
    os.mkfifo(root / "pipe.jpg")
    (root / "nowhere.jpg").symlink_to(root / "gone.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.jpg")).write_bytes(encoded("JPEG"))
    with socket.socket(socket.AF_UNIX) as opened:
        os.chdir(root)
        opened.bind("socket.jpg")
    (root / "long").mkdir()
    return {
        "pipe.jpg": "not a regular file",
        "nowhere.jpg": "is not there",
        "loop.jpg": "cannot be read",
        "caf\\xe9.jpg": "not valid UTF-8",
        "socket.jpg": "not a regular file",
    }


def test_sixty_kinds_of_broken_file_end_in_quarantine_with_a_reason_each(
    load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "pictures"
    for number in range(5):
        paint(root / f"good-{number}.png", number)
    files = broken_files()
    for name, content in files.items():
        (root / name).write_bytes(content)
    odd = make_odd_entries(root)
    assert len(files) + len(odd) >= 60
    summary = load(root, labels=False)
    report = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    reasons = {entry["uri"]: entry["reason"] for entry in report}
    assert set(reasons) == set(files) | set(odd), "loaded although broken, or not reported"
    assert all(reasons.values())
    for name, expected in odd.items():
        assert expected in reasons[name]
    assert reasons["empty-jpg.jpg"] == "the file is empty"
    assert "decompression bomb" in reasons["bomb.png"]
    assert reasons["text.jpg"] == "not a picture in a format that can be read"
    assert reasons["cut-png.png"].startswith("damaged")
    assert (summary.quarantined, summary.embedded, summary.rows) == (len(reasons), 5, 5)


def test_a_file_that_vanishes_between_listing_and_reading_is_reported(
    load: Callable[..., Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "pictures"
    for number in range(3):
        paint(root / f"{number}.png", number)
    decode_file = pipeline.decode_file

    def vanish_first(path: Path, **how: Any) -> Any:
        if path.name == "1.png":
            path.unlink()
        return decode_file(path, **how)

    monkeypatch.setattr(pipeline, "decode_file", vanish_first)
    summary = load(root)
    assert (summary.embedded, summary.quarantined) == (2, 1)
    assert "not there (any more)" in (tmp_path / "quarantine.jsonl").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_reported(load: Callable[..., Summary], tmp_path: Path) -> None:
    path = paint(tmp_path / "pictures" / "locked.png", 0)
    path.chmod(0)
    assert load(path.parent).quarantined == 1
    assert "Permission denied" in (tmp_path / "quarantine.jsonl").read_text()
