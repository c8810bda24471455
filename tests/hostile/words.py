"""Hostile files of word vectors and of tag lists."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hostile import word_pickles
from hostile.case import Case

GOOD = "".join(f"word{number} {number % 7 + 1}.5 -{number % 5}e-1 .25\n" for number in range(20))
SPARSE = 2**30


def binary(count: int, width: int, entries: int, word: bytes = b"w%d") -> bytes:
    body = b"".join(
        (word % number if b"%" in word else word) + b" " + struct.pack(f"<{width}f", *range(1, width + 1))
        for number in range(entries)
    )
    return b"%d %d\n" % (count, width) + body


def unfolding(piece: bytes, times: int) -> bytes:
    """Return gzip members that unfold to the piece again and again."""
    return gzip.compress(piece, 9) * times


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def lying_sizes() -> bytes:
    """Return an archive whose headers say that the member is 10 bytes long."""
    data, good = bytearray(zipped({"w.txt": GOOD.encode()})), struct.pack("<I", len(GOOD))
    return bytes(data.replace(good, struct.pack("<I", 10)))


def flagged(flag: int, method: int | None = None) -> bytes:
    data = bytearray(zipped({"w.txt": GOOD.encode()}))
    entry = data.index(b"PK\x01\x02")
    for at in (6, entry + 8):
        data[at] |= flag
    for at in (8, entry + 10) if method is not None else ():
        data[at : at + 2] = struct.pack("<H", method or 0)
    return bytes(data)


def refused() -> Iterator[tuple[str, str, bytes]]:
    """Yield what is wrong, the name of the file, and what stands in it."""
    yield "empty", "a.txt", b""
    yield "only a header", "a.txt", b"400000 300\n"
    yield "only a binary header", "a.bin", b"400000 300\n"
    yield "one line of 60 MB", "a.txt", b"a" * 60_000_000
    yield "a word of 60 MB, and numbers", "a.txt", b"a" * 60_000_000 + b" 1 2 3\n"
    yield "a word without an end", "a.bin", b"10 3\n" + b"a" * 30_000_000
    yield "a billion words announced", "a.bin", binary(10**9, 3, 2)
    yield "a number of words of 18 digits", "a.bin", binary(10**18 - 1, 300, 1)
    yield "a width of a million", "a.bin", binary(1, 10**6, 1)
    yield "a width of a million in the header", "a.txt", b"1 1000000\na 1 2 3\n"
    yield "a width of 18 digits", "a.txt", b"1 999999999999999999\na 1 2 3\n"
    yield "a width of 40,000 in the first line", "a.txt", b"a" + b" 1" * 40_000 + b"\n"
    yield "another width than the header's", "a.txt", b"20 5\n" + GOOD.encode()
    yield "numbers that can be read in many ways", "a.txt", b"1 50\nw" + b" 11" * 49 + b" 11x\n"
    yield "digits without an end", "a.txt", b"1 2\nw 1 " + b"1" * 900_000 + b"x\n"
    yield "nothing but NUL", "a.txt", b"\0" * 1_000
    yield "nothing but newlines, 16 MB", "a.txt", b"\n" * 2**24
    yield "UTF-16", "a.txt", GOOD.encode("utf-16")
    yield "UTF-16 in a tag list", "tags.txt", "cat dog\n".encode("utf-16")
    yield "only values out of range", "a.txt", b"a 1e200 1\nb 1 1e999\nc -1e400 0\n"
    yield "only zeros", "a.txt", b"a 0 0\nb 0 -0\n"
    yield "only nan", "a.bin", b"1 2\na " + struct.pack("<2f", float("nan"), 1)
    yield "gzip: 4 GB of NUL in 4 MB", "a.txt.gz", unfolding(b"\0" * 2**24, 256)
    yield "gzip: lines of duplicates", "a.txt.gz", unfolding(b"a 1 2 3\n" * 2**20, 256)
    yield "gzip: newlines", "a.txt.gz", unfolding(b"\n" * 2**24, 64)
    yield "gzip: newlines after a good line", "b.txt.gz", gzip.compress(b"a 1 2\n") + unfolding(b"\n" * 2**24, 64)
    yield "gzip: a binary file of NUL", "a.bin.gz", gzip.compress(b"900000000 300\n") + unfolding(b"\0 " * 2**23, 256)
    yield "gzip: cut short", "a.txt.gz", gzip.compress(os.urandom(500) + GOOD.encode())[:200]
    yield "gzip: no gzip", "a.txt.gz", b"no gzip"
    yield "zip: 64 MB of NUL in 64 KB", "a.zip", zipped({"w.txt": b"a 1 2\n" + b"\0" * 2**26})
    yield "zip: the sizes in the headers lie", "a.zip", lying_sizes()
    yield "zip: encrypted", "a.zip", flagged(1)
    yield "zip: an unknown method", "a.zip", flagged(0, 99)
    yield "zip: lzma", "a.zip", zipped({"w.txt": GOOD.encode()}, zipfile.ZIP_LZMA)
    yield "zip: bzip2", "a.zip", zipped({"w.txt": b"a 1 2 3\n" * 2**20}, zipfile.ZIP_BZIP2)
    yield "zip: no member", "a.zip", zipped({})
    yield "zip: two members with escape sequences", "a.zip", zipped({"\x1b[2Ja.txt": b"a 1 2", "b\n.txt": b"b 1 2"})
    yield "zip: sixty thousand names", "a.zip", zipped({f"{n:040}.txt": b"" for n in range(60_000)}, 0)
    yield "zip: no zip", "a.zip", b"PK\x05\x06" + b"\xff" * 18
    yield "tags: one line of 60 MB", "tags.txt", b"tag " * 15_000_000
    yield "tags: gzip: lines without an end", "tags.txt.gz", unfolding((b"cat dog bird " * 5_000 + b"\n") * 200, 20)
    yield "tags: no UTF-8", "tags.txt", b"cat \xff dog\n"


def loaded() -> Iterator[tuple[str, str, bytes]]:
    """Yield files of which a part can be used."""
    good = GOOD.encode()
    yield "one value of 1e200", "a.txt", good + b"huge 1e200 1 1\n"
    yield "one value of 1e38", "a.txt", good + b"far 1e38 1 1\n"
    yield "nan and inf", "a.txt", good + b"nan nan nan nan\ninf inf 1 1\nbig 1e999 1 1\n"
    yield "nan and inf, binary", "a.bin", binary(3, 3, 2) + b"n " + struct.pack("<3f", float("nan"), 1, float("inf"))
    yield "changing widths", "a.txt", good + b"a 1 2\nb 1 2 3 4\nc\nd 1  2 3\n"
    yield "a line of 60 MB between others", "a.txt", good + b"x" * 60_000_000 + b"\nlast 1 2 3\n"
    yield "a word of 2,000 bytes", "a.txt", good + b"x" * 2_000 + b" 1 2 3\n"
    yield "NUL in words", "a.txt", good + b"a\0b 1 2 3\n"
    yield "escape sequences in words", "a.txt", good + b"\x1b[2J\x1b]0;owned\x07 1 2 3\nbad\x1b[31m 1\n"
    yield "words that are no UTF-8", "a.txt", good + b"\xff\xfe\xfd 1 2 3\n\xed\xa0\x80 1 2 3\n"
    yield "words that are no UTF-8, binary", "a.bin", binary(5, 3, 4) + b"\xff\xfe " + struct.pack("<3f", 1, 2, 3)
    yield "byte order mark and CRLF", "a.txt", b"\xef\xbb\xbf20 3\r\n" + good.replace(b"\n", b"\r\n")
    yield "one word over and over", "a.txt", b"again 1 2 3\n" * 50_000
    yield "a header that promises more", "a.txt", b"999999999 3\n" + good
    yield "a header that promises less, binary", "a.bin", binary(2, 3, 9)
    yield "zip: a member outside of its folder", "a.zip", zipped({"../../../../tmp/evil.txt": good})
    yield "zip: a member with an absolute path", "a.zip", zipped({"/etc/passwd.txt": good, "x/": b""})
    yield "an object of Python in a text", "a.txt", b"__import__('os').system('ls') 1 2\n" + b"b 1 2\n"
    yield "no newline at the end", "a.txt", good[:-1]


def special(folder: Path) -> Iterator[tuple[str, str]]:
    """Make what is no regular file, or far larger than what is in it."""
    (folder / "folder.txt").mkdir()
    yield "a folder", str(folder / "folder.txt")
    for suffix in ("txt", "kv", "bin", "zip", "txt.gz"):
        os.mkfifo(folder / f"fifo.{suffix}")
        yield f"a pipe named .{suffix}", str(folder / f"fifo.{suffix}")
    for number, (name, target) in enumerate(
        {"/dev/zero": "/dev/zero", "nothing": "nowhere", "itself": str(folder / "link2.txt")}.items()
    ):
        (folder / f"link{number}.txt").symlink_to(target)
        yield f"a link to {name}", str(folder / f"link{number}.txt")
    for suffix in ("txt", "bin", "kv", "zip", "txt.gz"):
        path = folder / f"sparse.{suffix}"
        with path.open("wb") as file:
            file.truncate(SPARSE)
        yield f"1 GB of NUL named .{suffix}", str(path)
    yield "a name of 300 characters", str(folder / ("x" * 300)) + ".txt"


def make(folder: Path) -> list[Case]:
    """Write the files into the folder, which is empty; they take some 300 MB."""
    canary = os.environ.get("MILVISE_CANARY", str(folder / "canary"))
    cases = []
    for ends, files in (("refused", refused()), ("loaded", loaded())):
        for number, (name, file_name, data) in enumerate(files):
            path = folder / f"{ends}{number}-{file_name}"
            path.write_bytes(data)
            options = ("--train",) if file_name.startswith("tags") else ("--remove-components", "0", "--replace")
            cases.append(Case(name, ("ingest", "words", str(path), *options), ends))
    for name, path_name in special(folder):
        cases.append(Case(name, ("ingest", "words", path_name), "refused"))
    for name, path in word_pickles.write(folder, canary):
        cases.append(Case(name, ("ingest", "words", str(path)), "refused"))
    return cases
