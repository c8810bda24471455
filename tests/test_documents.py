"""The documents agree with the repository: links lead somewhere, files that are named exist, and commands parse."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.exceptions import TyperException

from milvise.adapter import IndexSpec
from milvise.cli.main import app
from milvise.errors import IndexSpecError
from milvise.evaluation.index.search_parameters import effort

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]
TYPED = [page for page in PAGES if page.name != "cli.md"]
"""Pages written by hand; docs/cli.md shows each command with the names of its arguments."""

NAMES_FILES = [
    page for page in TYPED if page.name in ("CONTRIBUTING.md", "architecture.md", "glossary.md") or "add-" in page.name
]
"""Pages that name each file by its path from the root, because a reader opens the files beside them."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w/.:-])((?:[\w.-]+/)+[\w.-]+\.py)\b")
NAMED = re.compile(r"`([\w./-]+\.py)`")
COMMAND_LINE = typer.main.get_command(app)
ENDS_A_COMMAND = {"|", ">", ">>", "&&", "||", ";"}


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=relative)


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", without_fences(text), re.MULTILINE):
        spoken = LINK.sub(lambda match: match.group().split("]")[0][1:], heading)
        slug = re.sub(r"[^\w\- ]", "", spoken.strip().lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(without_fences(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target.read_text("utf-8")):
            yield f"{link}: {relative(target)} has no such heading"


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "structure.md"], ids=relative)
def test_every_python_file_that_is_named_exists(page: Path) -> None:
    # docs/structure.md names files of other projects and of earlier versions.
    text = page.read_text("utf-8")
    named = set(PATH.findall(text)) | (set(NAMED.findall(text)) if page in NAMES_FILES else set())
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield what stands behind ``milvise`` in each command line of a page's fenced blocks."""
    for language, block in FENCE.findall(text):
        if language not in ("console", "sh", "bash"):
            continue
        lines = block.replace("\\\n", " ").splitlines()
        # Where commands have a prompt, the other lines are what they print.
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        for line in prompted or lines:
            yield from commands_of(line)


def commands_of(line: str) -> Iterator[list[str]]:
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        del words[0]
    if words and Path(words[0]).name == "milvise":
        end = next((place for place, word in enumerate(words) if word in ENDS_A_COMMAND), len(words))
        # docs/requests.md says what GALLERY stands for.
        yield [part for word in words[1:end] for part in (("--gallery", "name") if word == "GALLERY" else (word,))]


def problem_of(words: list[str]) -> str | None:
    """Return why the command line would refuse these words; nothing is run."""
    command, rest = COMMAND_LINE, list(words)
    try:
        while isinstance(command, typer.core.TyperGroup):
            command.make_context("milvise", list(rest))
            _, command, rest = command.resolve_command(typer.Context(command), unshared(rest))
        command.make_context("milvise", rest)
    except (TyperException, SystemExit) as error:
        return f"{' '.join(words)}: {error}"
    return None


def unshared(words: list[str]) -> list[str]:
    """Return the words from the first name of a command on."""
    place = 0
    while words[place].startswith("-"):
        place += 2 if words[place] in ("--uri", "--token") else 1
    return words[place:]


@pytest.mark.parametrize("page", TYPED, ids=relative)
def test_every_command_line_parses(page: Path) -> None:
    problems = [problem_of(words) for words in commands_in(page.read_text("utf-8"))]
    assert [problem for problem in problems if problem] == []


def test_many_command_lines_were_looked_at() -> None:
    counts = {page.name: sum(1 for _ in commands_in(page.read_text("utf-8"))) for page in TYPED}
    assert counts["README.md"] >= 10
    assert counts["requests.md"] >= 25
    assert min(counts["training.md"], counts["loading.md"]) >= 5


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("milvise search pictures dog", "pictures"),
        ("milvise search images dog --most 5", "--most"),
        ("milvise search images dog --limit none", "none"),
        ("milvise project --gallery g", "Missing parameter: head"),
        ("milvise --address x status", "--address"),
    ],
)
def test_a_command_line_that_does_not_parse_is_found(line: str, problem: str) -> None:
    (words,) = commands_of(line)
    assert problem in (problem_of(words) or "")


@pytest.mark.parametrize(
    "line",
    [
        "MILVISE_URI=x.db milvise -q --uri y.db search images 'red car' GALLERY | cut -f2",
        ".venv/bin/milvise status --json  # all of it",
    ],
)
def test_a_command_line_that_parses_is_not(line: str) -> None:
    (words,) = commands_of(line)
    assert problem_of(words) is None


def test_make_has_every_target_that_is_named() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in TYPED
        for _, block in [
            *FENCE.findall(page.read_text("utf-8")),
            *re.findall(r"()`([^`\n]+)`", page.read_text("utf-8")),
        ]
        for name in re.findall(r"^make ([a-z]+)", block, re.MULTILINE)
    }
    assert {"check", "test", "demo"} <= named <= targets


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 150


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = LINK.findall(without_fences(page.read_text("utf-8")))
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link]
    assert set(PAGES) - reached == set()


def section(page: Path, heading: str) -> str:
    text = page.read_text("utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {heading!r}"
    return found.group(1)


def table_of_rooms() -> dict[str, list[str]]:
    """Return the rooms of the architecture's table, and what it says that each imports."""
    lines = re.findall(r"^\| `(\w+)/` \|.*\| (.*?) ?\|$", section(DOCS / "architecture.md", "Rooms"), re.MULTILINE)
    return {room: re.findall(r"`(\w+)`", last) for room, last in lines}


def test_the_table_of_rooms_has_every_room() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        folders = set(tomllib.load(file)["tool"]["setuptools"]["package-dir"].values())
    assert sorted(table_of_rooms()) == sorted(folder for folder in folders if "/" not in folder)


def test_the_table_of_rooms_says_what_each_imports() -> None:
    for room, listed in table_of_rooms().items():
        texts = (path.read_text("utf-8") for path in (ROOT / room).rglob("*.py"))
        imported = {name for text in texts for name in re.findall(r"(?:from|import) milvise\.([a-z]+)", text)}
        if room != "milvise":
            assert set(listed) == imported - {room, "errors"}, room


@pytest.mark.parametrize("walk", ["One search", "One load of pictures", "One event", "One training"])
def test_a_walk_names_each_file_once(walk: str) -> None:
    files = NAMED.findall(section(DOCS / "architecture.md", walk))
    assert len(files) > 10
    assert sorted(file for file in set(files) if files.count(file) > 1) == []


def test_the_glossary_has_each_word_once_in_order() -> None:
    text = (DOCS / "glossary.md").read_text("utf-8")
    words = [word.lower() for word in re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)]
    assert len(words) > 50
    assert [pair for pair in pairwise(words) if pair[0] >= pair[1]] == []


def test_every_kind_of_index_stands_in_the_places_of_the_how_to() -> None:
    with pytest.raises(IndexSpecError) as refused:
        IndexSpec.parse("no such kind")
    kinds = re.search(r"Expected: auto, (.+)", str(refused.value))
    assert kinds is not None
    told = (DOCS / "cli.md").read_text("utf-8")
    (listed,) = set(re.findall(r"`--index <str>`: auto, (.+?);", told))
    assert sorted(re.split(r", | or ", listed)) == sorted(kinds.group(1).split(", "))
    assert [kind for kind in kinds.group(1).split(", ") if effort(IndexSpec(kind)) is None] == ["flat"]
