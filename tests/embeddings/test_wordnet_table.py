"""The table of WordNet's nouns: it is in the package with its licence, and is what the script makes."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from milvise.embeddings.wordnet.hierarchy import VERSION
from milvise.embeddings.wordnet.nouns import Nouns, load_nouns

ROOT = Path(__file__).parent.parent.parent
WORDNET = ROOT.parent / "shared" / "wordnet"

DATA = """\
  1 This software and database is being provided to you
00000010 03 n 01 thing 0 001 ~ 00000020 n 0000 | what there is
00000020 05 n 02 Animal 0 brute 0 003 @ 00000010 n 0000 + 00000099 v 0101 %p 00000030 n 0000 | moves; "x | y"
00000030 05 n 01 ox 0 002 @ 00000020 n 0000 @i 00000010 n 0000 | one
00000040 18 n 01 brute 0 001 @ 00000010 n 0000 | a person
"""
INDEX = """\
  1 This software and database is being provided to you
animal n 1 2 @ ~ 1 0 00000020
brute n 2 2 @ ~ 2 1 00000040 00000020
ox n 1 1 @ 1 0 00000030
thing n 1 1 ~ 1 0 00000010
"""


def make(folder: Path, out: Path) -> bytes:
    subprocess.run([sys.executable, ROOT / "scripts" / "wordnet_table.py", folder, "--out", out], check=True)
    return out.read_bytes()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data.noun").write_text(DATA)
    (tmp_path / "index.noun.gz").write_bytes(gzip.compress(INDEX.encode()))
    (tmp_path / "noun.exc").write_text("oxen ox\noxes ax\noxes ox\n")
    return tmp_path


def test_the_table_holds_what_the_files_say(source: Path, tmp_path: Path) -> None:
    made = make(source, tmp_path / "table.gz")
    nouns = Nouns(gzip.decompress(made).decode())
    assert list(nouns) == ["n00000010", "n00000020", "n00000030", "n00000040"]
    assert nouns.lemmas("n00000020") == ("Animal", "brute")
    assert nouns.hypernyms("n00000030") == ("n00000020", "n00000010")
    assert nouns.ancestors("n00000030") == {"n00000010", "n00000020", "n00000030"}
    assert nouns.senses("brute") == ("n00000040", "n00000020")
    assert nouns.senses("animal") == ("n00000020",)
    assert nouns.senses("Animal") == ()
    assert nouns.file("n00000040") == 18
    assert nouns.exceptions == {"oxen": ("ox",), "oxes": ("ax", "ox")}


def test_the_same_files_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    assert make(source, tmp_path / "one.gz") == make(source, tmp_path / "two.gz")


def test_the_packaged_table_is_what_the_script_makes_of_wordnet(tmp_path: Path) -> None:
    if not WORDNET.is_dir():
        pytest.skip(f"WordNet's own files are not in {WORDNET}")
    made = make(WORDNET, tmp_path / "table.gz")
    packaged = files("milvise.embeddings.wordnet").joinpath("nouns.txt.gz").read_bytes()
    # Of the unpacked bytes: another zlib packs the same text otherwise.
    assert gzip.decompress(made) == gzip.decompress(packaged)


def test_table_and_licence_are_in_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    stands = {path.name for path in (ROOT / "embeddings/wordnet").iterdir() if path.is_file() and path.suffix != ".py"}
    assert stands == set(data["milvise.embeddings.wordnet"])
    licence = files("milvise.embeddings.wordnet").joinpath("LICENSE").read_text("ascii")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence
    assert 'PROVIDED "AS IS"' in licence


def test_another_table_is_another_version() -> None:
    """What stands in Milvus is called after `VERSION`: where the table changes, that must."""
    packed = files("milvise.embeddings.wordnet").joinpath("nouns.txt.gz").read_bytes()
    stamp = hashlib.sha256(gzip.decompress(packed)).hexdigest()[:16]
    assert (VERSION, stamp) == ({"nouns": "WordNet 3.0", "format": 1}, "9ae56d6a4badaca3")


def test_the_packaged_nouns_are_wordnets() -> None:
    nouns = load_nouns()
    assert nouns.lemmas("n01440764") == ("tench", "Tinca_tinca")
    assert nouns.senses("dog")[0] == "n02084071"
    assert nouns.senses("seahorse") == ("n02081571", "n01456756")
    assert "n00001740" in nouns.ancestors("n01440764")
    assert nouns.exceptions["mice"] == ("mouse",)
    assert sum(1 for _ in nouns) == 82_115
