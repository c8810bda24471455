"""Picture files that lie about their size, ask for more than there is, or are no pictures; all made here.

``broken_files`` are small and end in the quarantine. ``lying_files`` are written one by one, because some are large; most of
those are sparse and take no room on the disk.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from hostile.case import Case
from PIL import Image

Writer = Callable[[Path], None]

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


def be(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def le(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def plain(content: bytes, length: int = 0) -> Writer:
    """Write the content, and nothing behind it up to a length."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(content)
            if length:
                file.truncate(length)

    return write


def png_of(width: int, height: int, *, bits: int = 8, colour: int = 2, extra: bytes = b"", first: bytes = b"") -> bytes:
    """Return a whole PNG whose samples are zero."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * bits * samples + 7) // 8)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + first
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", data)
        + png_chunk(b"IEND", b"")
    )


def tiff(tags: list[tuple[int, int, int, int]], *, behind: bytes = b"", following: int = 0) -> bytes:
    """Return a TIFF of one directory; each tag is its number, type, count and value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + le(8) + struct.pack("<H", len(tags)) + entries + le(following) + behind


def tiff_tags(width: int, height: int, **other: int) -> list[tuple[int, int, int, int]]:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 1_000, 277: 1, 278: height, 279: width * height}
    tags |= {int(name[1:]): value for name, value in other.items()}
    return [(number, 4, 1, value) for number, value in tags.items()]


def ico(*pictures: bytes, count: int | None = None, offset: int | None = None) -> bytes:
    """Return a Windows icon whose table calls every picture one of 16 x 16."""
    count = len(pictures) if count is None else count
    table, place = b"", 6 + 16 * len(pictures)
    for picture in pictures:
        table += struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), place if offset is None else offset)
        place += len(picture)
    return struct.pack("<HHH", 0, 1, count) + table + b"".join(pictures)


def icns(code: bytes, picture: bytes, *, length: int | None = None) -> bytes:
    block = code + be(8 + len(picture) if length is None else length) + picture
    return b"icns" + be(8 + len(block)) + block


def riff(kind: bytes, data: bytes) -> bytes:
    chunk = kind + le(len(data)) + data
    return b"RIFF" + le(4 + len(chunk)) + b"WEBP" + chunk


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """Return a JPEG that claims another size."""
    return jpeg.replace(struct.pack(">HH", 64, 64), struct.pack(">HH", height, width), 1)


def with_segment(jpeg: bytes, marker: int, *contents: bytes) -> bytes:
    segments = b"".join(bytes((255, marker)) + struct.pack(">H", 2 + len(content)) + content for content in contents)
    return jpeg[:2] + segments + jpeg[2:]


def exif(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    return b"Exif\0\0" + tiff(list(entries), following=following)


def many_scans(times: int, width: int, height: int) -> bytes:
    """Return a progressive JPEG whose last scan stands in it so many times."""
    jpeg = encoded("JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return resized(jpeg[:-2], width, height) + jpeg[last:-2] * times + jpeg[-2:]


def avif_of(width: int, height: int) -> bytes:
    """Return an AVIF that claims another size."""
    data = encoded("AVIF")
    place = data.index(b"ispe") + 8
    return data[:place] + be(width, height) + data[place + 8 :]


def gif(width: int, height: int, frame: bytes, *, times: int = 1) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + frame * times + b";"


def psd(width: int, height: int, *, resources: int = 0, data: bytes = b"") -> bytes:
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, height, width, 8, 3)
    return head + be(0, resources, 0) + b"\0\0" + data


def lying_files() -> Iterator[tuple[str, Writer, bool]]:
    """Yield the name of a file, what writes it, and whether it is loaded all the same."""
    jpeg, whole = encoded("JPEG"), encoded("PNG")
    huge, frame = 20_000, b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    near = png_of(13_376, 13_376, bits=1, colour=0)
    refused: dict[str, Writer] = {
        "png-over-the-limit.png": plain(png(13_400, 13_400, bits=1, colour=0, data=bytes(1_000))),
        "png-64-bit-size.png": plain(png(2**31 - 1, 2**31 - 1, data=bytes(9))),
        "png-two-headers.png": plain(whole[:33] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", huge, huge, 8, 6, 0, 0, 0)) + whole[33:]),
        "png-million-chunks.png": plain(whole[:33] + png_chunk(b"tEXt", b"a\0b") * 400_000 + whole[33:]),
        "png-metadata-bomb.png": plain(whole[:33] + be(2**30 - 200) + b"tEXt", 2**30),
        "png-text-behind.png": plain(whole[:-12] + be(2**30 - 20_000) + b"tEXt", 2**30),
        "png-transparent-before-palette.png": plain(png(8, 8, colour=3, data=bytes(90)).replace(b"IDAT", b"tRNS", 1)),
        "png-colour-profile-bomb.png": plain(whole[:33] + png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000), 9)) + whole[33:]),
        "jpeg-over-the-limit.jpg": plain(resized(jpeg, 65_500, 65_500)),
        "jpeg-progressive-bomb.jpg": plain(resized(encoded("JPEG", progressive=True, subsampling=0), 13_000, 13_000)),
        "jpeg-cmyk-progressive-bomb.jpg": plain(
            resized(encoded("JPEG", NOISE.convert("CMYK"), progressive=True, subsampling=0), 11_000, 11_000)
        ),
        "jpeg-many-scans.jpg": plain(many_scans(5_000, 4_000, 4_000)),
        "jpeg-metadata-bomb.jpg": plain(with_segment(jpeg, 0xE1, *[bytes(65_000)] * 700)),
        "jpeg-padding-bomb.jpg": plain(jpeg[:2] + b"\xff" * 6_000_000 + jpeg[2:]),
        "jpeg-sparse.jpg": plain(jpeg[:20], 2**30),
        "jpeg-over-a-gigabyte.jpg": plain(jpeg, 2**30 + 1),
        "webp-canvas-bomb.webp": plain(riff(b"VP8X", b"\x10\0\0\0" + b"\xff\x3f\0" * 2) + encoded("WEBP")[12:]),
        "webp-near-canvas.webp": plain(riff(b"VP8X", b"\x10\0\0\0" + (12_000).to_bytes(3, "little") * 2)),
        "webp-lossless-bomb.webp": plain(riff(b"VP8L", b"\x2f" + le(12_000 | 12_000 << 14) + bytes(90))),
        "webp-sparse.webp": plain(encoded("WEBP"), 2**30),
        "webp-cut-header.webp": plain(encoded("WEBP")[:28]),
        "avif-bomb.avif": plain(avif_of(huge, huge)),
        "avif-sparse.avif": plain(encoded("AVIF"), 2**30),
        "heic-named-jpg.jpg": plain(be(24) + b"ftypheic" + be(0) + b"mif1heic" + bytes(900)),
        "jpeg2000-bomb.jp2": plain(
            encoded("JPEG2000").replace(be(64, 64), be(huge, huge))
        ),
        "jpeg2000-header-lie.jp2": plain(encoded("JPEG2000").replace(be(64, 64), be(9_000, 9_000), 1)),
        "jpeg2000-components.jp2": plain(encoded("JPEG2000").replace(be(64, 64) + b"\0\x03", be(64, 64) + b"\x40\0", 1)),
        "tiff-loop.tif": plain(tiff(tiff_tags(huge, huge), following=8)),
        "tiff-endless-tag.tif": plain(tiff([*tiff_tags(64, 64), (700, 1, 2**32 - 1, 200)])),
        "tiff-numbers-bomb.tif": plain(tiff([(256, 4, 1, 9), (257, 4, 1, 9), (273, 4, 30_000_000, 300)]), 150_000_000),
        "tiff-metadata-bomb.tif": plain(tiff([*tiff_tags(64, 64), (37_724, 7, 2**30 - 900, 300)]), 2**30),
        "tiff-directory-of-itself.tif": plain(b"II*\0" + le(0) + bytes(60)),
        "tiff-no-size.tif": plain(tiff([(258, 4, 1, 8)])),
        "tiff-tile-bomb.tif": plain(tiff(tiff_tags(2_000, 2_000, t259=5, t322=2**31 - 16, t323=2**31 - 16, t324=300, t325=90), behind=bytes(900))),
        "tiff-strip-bomb.tif": plain(tiff(tiff_tags(13_000, 13_000, t259=5, t277=3, t262=2), behind=bytes(900))),
        "tiff-64-bit-samples.tif": plain(tiff(tiff_tags(64, 64, t258=64), behind=bytes(40_000))),
        "tiff-big.tif": plain(b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2**60) + bytes(90)),
        "gif-over-the-limit.gif": plain(gif(65_535, 65_535, frame)),
        "gif-frame-outside.gif": plain(gif(1, 1, b",\0\0\0\0" + struct.pack("<HH", 60_000, 60_000) + b"\0\x02\x02D\x01\0")),
        "gif-no-frame.gif": plain(gif(64, 64, b"")),
        "ico-huge-png.ico": plain(ico(png(huge, huge, bits=1, colour=0, data=bytes(900)))),
        "ico-large-png.ico": plain(ico(png_of(9_000, 9_000, bits=1, colour=0))),
        "ico-two-headers.ico": plain(ico(whole[:33] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 13_000, 13_000, 8, 6, 0, 0, 0)) + whole[33:])),
        "ico-bitmap-bomb.ico": plain(ico(struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, 2**31 - 1, 1, 32, 0, 0, 0, 0, 0, 0))),
        "ico-bitmap-large.ico": plain(ico(struct.pack("<IiiHHIIiiII", 40, 12_000, 24_000, 1, 32, 0, 0, 0, 0, 0, 0))),
        "ico-of-65535.ico": plain(ico(whole, count=65_535)),
        "ico-of-itself.ico": plain(ico(b"", offset=0)),
        "ico-nothing.ico": plain(struct.pack("<HHH", 0, 1, 0)),
        "icns-huge-png.icns": plain(icns(b"icp4", png(13_000, 13_000, bits=8, colour=6, data=bytes(900)))),
        "icns-large-png.icns": plain(icns(b"ic10", png_of(9_000, 9_000, bits=1, colour=0))),
        "icns-jpeg2000.icns": plain(icns(b"ic10", encoded("JPEG2000").replace(be(64, 64), be(12_000, 12_000)))),
        "icns-endless.icns": plain(b"icns" + be(2**31) + (b"abcd" + be(8)) * 500_000),
        "icns-block-of-nothing.icns": plain(icns(b"ic10", whole, length=0)),
        "bmp-bomb.bmp": plain(b"BM" + le(0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, huge, huge, 1, 32, 0, 0, 0, 0, 0, 0)),
        "bmp-cut.bmp": plain(b"BM" + le(0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 9_000, 9_000, 1, 24, 0, 0, 0, 0, 0, 0)),
        "ppm-long-number.ppm": plain(b"P6\n" + b"9" * 5_000_000 + b" 1 255\n"),
        "ppm-no-range.ppm": plain(b"P6\n64 64 0\n" + bytes(64 * 64 * 3)),
        "ppm-cut.ppm": plain(b"P6\n9000 9000 255\n"),
        "qoi-bomb.qoi": plain(b"qoif" + be(13_000, 13_000) + b"\4\0" + b"\xfd" * 2_800_000),
        "dds-bomb.dds": plain(b"DDS " + le(124, 0, 11_000, 16_000) + bytes(56) + le(32, 4) + b"DXT1" + bytes(60), 90_000_000),
        "psd-bomb.psd": plain(psd(30_000, 30_000)),
        "psd-resources.psd": plain(psd(64, 64, resources=2**31 - 1)),
        "tga-bomb.tga": plain(struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 65_535, 65_535, 24, 0) + bytes(900)),
        "pcx-bomb.pcx": plain(struct.pack("<BBBBHHHH", 10, 5, 1, 8, 0, 0, 65_534, 65_534).ljust(128, b"\0")),
        "sgi-bomb.sgi": plain(struct.pack(">hBBHHHH", 474, 1, 1, 3, 60_000, 60_000, 3).ljust(512, b"\0")),
        "xbm-negative.xbm": plain(b"#define a_width -5\n#define a_height 8\nstatic char a_bits[] = {\n0x00};"),
        "xpm-colours.xpm": plain(b'/* XPM */\n"9 9 4000000 4",\n' + b'"aaaa c #000000",\n' * 300_000),
        "im-lie.im": plain(b"Image type: RGB image\r\nImage size (x*y): 30000*30000\r\n".ljust(511, b"\0") + b"\x1a"),
    }  # fmt: skip
    float_tags = [*tiff_tags(64, 64, t258=32, t279=16_384), (339, 3, 1, 3)]
    loaded: dict[str, Writer] = {
        "jpeg-large-claim.jpg": plain(resized(jpeg, 65_500, 2_700)),
        "avif-lie.avif": plain(avif_of(6_000, 6_000)),
        "png-near-the-limit.png": plain(near),
        "png-large-rgb.png": plain(png_of(12_000, 11_000)),
        "png-one-row.png": plain(png_of(2_000_000, 1)),
        "png-one-column.png": plain(png_of(1, 2_000_000)),
        "png-16-bit.png": plain(png_of(64, 64, bits=16)),
        "png-animated-for-ever.png": plain(whole[:33] + png_chunk(b"acTL", be(2**31 - 1, 0)) + whole[33:]),
        "jpeg-many-small-scans.jpg": plain(many_scans(500, 64, 64)),
        "jpeg-exif-loop.jpg": plain(with_segment(jpeg, 0xE1, exif((0x8769, 4, 1, 8), (0x112, 3, 1, 6), following=8))),
        "jpeg-exif-orientation-99.jpg": plain(with_segment(jpeg, 0xE1, exif((0x112, 3, 1, 99)))),
        "jpeg-exif-many-entries.jpg": plain(with_segment(jpeg, 0xE1, exif(*[(number, 4, 1, 8) for number in range(5_000)]))),
        "jpeg-profile-in-parts.jpg": plain(with_segment(jpeg, 0xE2, *[b"ICC_PROFILE\0" + bytes((n % 256, 255)) + bytes(60_000) for n in range(400)])),
        "jpeg-cmyk.jpg": plain(encoded("JPEG", NOISE.convert("CMYK"))),
        "jpeg-million-bytes-behind.jpg": plain(jpeg + bytes(1_000_000)),
        "tiff-raw-large.tif": plain(tiff(tiff_tags(12_000, 12_000)), 12_000 * 12_000 + 1_000),
        "tiff-not-a-number.tif": plain(tiff(float_tags, behind=bytes(1_000 - 8 - 2 - 12 * len(float_tags) - 4) + struct.pack("<f", float("nan")) * 4_096)),
        "tiff-infinite.tif": plain(tiff(float_tags, behind=bytes(1_000 - 8 - 2 - 12 * len(float_tags) - 4) + struct.pack("<ff", float("inf"), 1) * 2_048)),
        "gif-many-frames.gif": plain(gif(1, 1, frame, times=100_000)),
        "gif-long-comment.gif": plain(gif(1, 1, b"!\xfe" + (b"\xff" + bytes(255)) * 10_000 + b"\0" + frame)),
        "bmp-large.bmp": plain(
            b"BM" + le(0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 12_000, 12_000, 1, 24, 0, 0, 0, 0, 0, 0), 54 + 3 * 12_000**2
        ),
        "ppm-large.ppm": plain(b"P6\n12000 12000 255\n", 20 + 3 * 12_000**2),
        "psd-large.psd": plain(psd(9_000, 9_000), 3 * 9_000**2 + 40),
        "jpeg2000-large.jp2": lambda path: Image.new("L", (5_300, 5_300), 90).save(path),
    }  # fmt: skip
    yield from ((name, write, False) for name, write in refused.items())
    yield from ((name, write, True) for name, write in loaded.items())


def make(folder: Path, backbone: str) -> list[Case]:
    """Write every file into a folder of its own, which is loaded into a gallery of its own."""
    written = [(name, plain(content), False) for name, content in broken_files().items()]
    cases = []
    for number, (name, write, good) in enumerate([*written, *lying_files()]):
        place = folder / f"{number:03}"
        place.mkdir(parents=True)
        write(place / name)
        if good:
            # A small network may make a zero vector of a black picture, which is then reported.
            NOISE.save(place / "good.png")
        command = (
            "ingest",
            "images",
            str(place),
            "--gallery",
            f"picture_{number}",
            "--head",
            "none",
            "--backbone",
            backbone,
        )
        cases.append(Case(name, command, "loaded" if good else "refused"))
    return cases
