"""Folders that are traps, or have names that are; all made here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile.case import Case
from small_world import paint

LOADED, REFUSED = "loaded", "refused"
Trap = Callable[[Path], None]

NAMES = {
    "an option": "--json",
    "another option": "--prune=yes.d",
    "a newline": "new\nline",
    "a carriage return": "car\rriage",
    "a tab": "tab\tulator",
    "an escape sequence": "\x1b]0;owned\x07\x1b[31mred\x1b[2J",
    "a C1 control character": "c1\x9b31m",
    "right to left": "\u202egpj.exe",
    "zero width": "a\u200bb\u200dc\ufeff",
    "quotes": 'it\'s "quoted" `here`',
    "backslashes": "back\\slash\\",
    "glob characters": "*[a-z]?{1,2}",
    "a shell command": "$(touch owned); rm -rf ~ |& cat",
    "an expression of Milvus": 'x" or id != "',
    "markup": "[bold red]markup[/bold red]",
    "HTML": "<script>alert(1)<",
    "a format string": "%s%n{0}{self}",
    "spaces": "  spaces  ",
    "dots at the end": "d...",
    "an emoji": "👩\u200d👩\u200d👧",
    "the longest name": "x" * 255,
    "the longest name in UTF-8": "é" * 127,
}


def good(place: Path) -> None:
    """Write one picture of noise, which is loaded whatever else is there."""
    paint(place / "good.png", 1)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no picture")


def raw(place: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.fsencode(place) + b"/" + name))


def bind(place: Path) -> None:
    # Not by its path, which may be longer than a socket's may be.
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(place)
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("socket.jpg")
    finally:
        os.fchdir(here)
        os.close(here)


def deep(place: Path, levels: int, name: str) -> None:
    bottom = str(place)
    for _ in range(levels):
        bottom += f"/{name}"
        os.mkdir(bottom)  # noqa: PTH102 - pathlib nests as deeply
    shutil.copyfile(place / "good.png", bottom + "/deep.png")


def too_deep(place: Path) -> None:
    """Make a folder whose path is longer than the system takes."""
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(place)
        for _ in range(30):
            os.mkdir("x" * 200)  # noqa: PTH102
            os.chdir("x" * 200)
    finally:
        os.fchdir(here)
        os.close(here)


def many_empty(place: Path) -> None:
    for number in range(20_000):
        os.makedirs(f"{place}/{number // 200}/{number}", exist_ok=True)  # noqa: PTH103 - twice as fast


def twins(place: Path, *names: str) -> None:
    for number, name in enumerate(names):
        paint(place / "twins" / f"{name}.png", number)


def links(place: Path, count: int) -> None:
    for number in range(count):
        (place / f"link-{number}.png").symlink_to(place / "good.png")


def beside_good() -> dict[str, Trap]:
    """Return what lies beside a picture that is loaded."""
    return {
        "a link to its own folder": lambda place: (place / "loop").symlink_to(place),
        "a link to the root": lambda place: (place / "root").symlink_to("/"),
        "a link that leads to itself": lambda place: (place / "self.jpg").symlink_to(place / "self.jpg"),
        "links that lead to each other": lambda place: [
            (place / name).symlink_to(place / other) for name, other in (("a.jpg", "b.jpg"), ("b.jpg", "a.jpg"))
        ].clear(),
        "a link to nowhere": lambda place: (place / "nowhere.png").symlink_to(place / "gone.png"),
        "a link to a folder, named as a picture": lambda place: (place / "folder.jpg").symlink_to("/usr"),
        "a link to /dev/zero": lambda place: (place / "zero.jpg").symlink_to("/dev/zero"),
        "a link to /dev/stdin": lambda place: (place / "stdin.jpg").symlink_to("/dev/stdin"),
        "a link to /proc": lambda place: (place / "maps.png").symlink_to("/proc/self/maps"),
        "a link to /etc/passwd": lambda place: (place / "passwd.png").symlink_to("/etc/passwd"),
        "a thousand links to one picture": lambda place: links(place, 300),
        "a pipe": lambda place: os.mkfifo(place / "pipe.jpg"),
        "a hundred pipes": lambda place: [os.mkfifo(place / f"pipe-{n}.png") for n in range(100)].clear(),
        "a socket": bind,
        "a folder named as a picture": lambda place: (place / "folder.png").mkdir(),
        "a picture without permission": lambda place: (write(place / "a.jpg"), (place / "a.jpg").chmod(0))[1],
        "a folder without permission": lambda place: (write(place / "locked/a.jpg"), (place / "locked").chmod(0))[1],
        "names that are not UTF-8": lambda place: (
            shutil.copyfile(place / "good.png", raw(place, b"caf\xe9.png")) and None
        ),
        "folders that are not UTF-8": lambda place: write(raw(place, b"\xff\xfe/a.png")),
        "500 folders in each other": lambda place: deep(place, 500, "d"),
        "a path longer than the system takes": too_deep,
        "20,000 empty folders": many_empty,
        "twins in upper and lower case": lambda place: twins(place, "cat", "CAT", "Cat"),
        "twins in two normal forms": lambda place: twins(
            place, unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
        ),
        "hidden files": lambda place: (write(place / ".hidden.jpg"), write(place / ".git/a.png"))[1],
        "a thousand broken pictures": lambda place: [write(place / f"broken/{n}.jpg") for n in range(1_000)].clear(),
        "pictures of a phone": lambda place: [write(place / f"IMG_{n}.HEIC") for n in range(50)].clear(),
        "films": lambda place: [
            write(place / f"MOV_{n}.{kind}") for n, kind in enumerate(("mp4", "MOV", "mkv"))
        ].clear(),
        "an empty file": lambda place: (place / "empty.png").touch(),
    }


def without_pictures() -> dict[str, Trap]:
    """Return folders that no gallery can be made of."""
    return {
        "nothing": lambda place: None,
        "nothing but empty folders": many_empty,
        "nothing but hidden files": lambda place: write(place / ".hidden.jpg"),
        "nothing but HEIC": lambda place: [write(place / f"IMG_{n}.HEIC") for n in range(50)].clear(),
        "nothing but films": lambda place: write(place / "a.mp4"),
        "nothing but a link to a folder": lambda place: (place / "link").symlink_to("/usr"),
        "nothing but a pipe": lambda place: os.mkfifo(place / "pipe.png"),
        "nothing but broken pictures": lambda place: [write(place / f"{n}.jpg") for n in range(20)].clear(),
        "nothing but texts": lambda place: write(place / "readme.txt"),
    }


def named(name: str) -> Trap:
    def trap(place: Path) -> None:
        paint(place / name / f"{name[: 255 - 4 - len(name.encode()) + len(name)] if len(name) < 120 else 'a'}.png", 2)

    return trap


def make(folder: Path, backbone: str) -> list[Case]:
    """Write every trap into a folder of its own, which is loaded into a gallery of its own."""
    return list(_cases(folder, backbone))


def _cases(folder: Path, backbone: str) -> Iterator[Case]:
    traps = [(name, trap, LOADED) for name, trap in beside_good().items()]
    traps += [(f"named as {kind}", named(name), LOADED) for kind, name in NAMES.items()]
    traps += [(name, trap, REFUSED) for name, trap in without_pictures().items()]
    for number, (name, trap, ends) in enumerate(traps):
        place = folder / f"{number:03}"
        place.mkdir(parents=True)
        if ends == LOADED:
            good(place)
        trap(place)
        yield _case(name, place, number, backbone, ends)
    number = len(traps)
    for name, place in (
        ("a folder that is not there", folder / "gone"),
        ("a pipe instead of a folder", folder / "pipe.csv"),
        ("a folder that is a link to itself", folder / "itself"),
    ):
        number += 1
        if place.suffix:
            os.mkfifo(place)
        elif place.name == "itself":
            place.symlink_to(place)
        yield _case(name, place, number, backbone, REFUSED)


def _case(name: str, place: Path, number: int, backbone: str, ends: str) -> Case:
    command = (
        "ingest",
        "images",
        str(place),
        "--gallery",
        f"folder_{number}",
        "--head",
        "none",
        "--backbone",
        backbone,
    )
    return Case(name, command, ends)


def clean(folder: Path) -> None:
    """Remove the folders, some of which are too deep for shutil."""
    subprocess.run(["rm", "-rf", str(folder)], check=False)
