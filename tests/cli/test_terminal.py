"""What reaches a terminal or a pipe: plain rows, no control characters, and an end without a traceback for odd arguments."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import answer, milvise, on_a_terminal

from milvise import __version__
from milvise.adapter import IndexSpec, Manifest, Store, connect
from milvise.cli.main import main
from milvise.cli.terminal import json_text, visible
from milvise.core.arrays import unit
from milvise.core.records import record_id

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
ODD = f"a\n2\tx{ESCAPE}\x9b31m\u202egpj.exe\udce9"
STORABLE = ODD.removesuffix("\udce9")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
WORDS = ["the", "cat", f"cat{ESCAPE}", "dog"]
DIM = 6


def put(store: Store, manifest: Manifest, rows: list[dict[str, Any]]) -> None:
    collection = store.build(manifest)
    collection.upsert(rows)
    store.publish(store.finish(collection, IndexSpec("flat")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose names, labels, words and metadata would steer a terminal."""
    folder = tmp_path_factory.mktemp("terminal")
    connection = connect(str(folder / "milvise.db"), create=True)
    store = Store(connection)
    vectors = unit(np.random.default_rng(0).normal(size=(8, DIM)).astype(np.float32))
    words, backbone = {"words": "w", "count": len(WORDS), "content": "0" * 16}, {"backbone": "b", "weights": "none"}
    put(
        store,
        Manifest("words", "words", DIM, words),
        [{"word": word, "rank": rank, "vector": vectors[rank]} for rank, word in enumerate(WORDS)],
    )
    rows = [
        {
            "id": record_id(uri), "uri": uri, "label": STORABLE, "sha256": "same", "width": 1, "height": 1,
            "meta": {"owner": STORABLE}, "vector": vectors[place],
        }
        for place, uri in enumerate([STORABLE, f"{STORABLE}2", "plain.jpg"])
    ]  # fmt: skip
    put(store, Manifest("g_visual", "visual", DIM, backbone), rows)
    head = {"kind": "conse"}
    put(store, Manifest("g_joint", "joint", DIM, {"visual": backbone, "words": words, "head": head}), rows)
    connection.close()
    return folder


REQUESTS = [
    ["search", "images", "cat", "--gallery", "g"],
    ["search", "similar", "plain.jpg", "--gallery", "g"],
    ["search", "words", "dog"],
    ["search", "owners", "--words", "cat", "--gallery", "g"],
    ["tag", "plain.jpg", "--gallery", "g"],
    ["duplicates", "--gallery", "g"],
    ["explain", "plain.jpg", "--words", "cat", "--gallery", "g"],
    ["status"],
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: " ".join(request[:2]))
def test_control_characters_of_data_reach_no_pipe_and_no_json(
    request_: list[str], world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    main_in_process(request_)
    plain = capsys.readouterr()
    assert not CONTROL.search(plain.out.replace("\t", "") + plain.err)
    main_in_process([*request_, "--json"])
    printed = capsys.readouterr().out
    assert not CONTROL.search(printed)
    assert json.loads(printed)


@pytest.mark.parametrize("request_", [REQUESTS[0], REQUESTS[3], REQUESTS[5]], ids=lambda request: " ".join(request[:2]))
def test_control_characters_of_data_reach_no_terminal(request_: list[str], world: Path) -> None:
    seen = on_a_terminal(world, *request_)
    assert "\\x1b" in seen.replace("\r\n", "")
    # The styles of the header are the program's own.
    assert not CONTROL.search(re.sub("\x1b\\[[0-9;]*m|\r\n", "", seen))


def test_a_picture_with_such_a_name_is_asked_for_by_its_uri(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    main_in_process(["search", "similar", STORABLE, "--gallery", "g", "--json"])
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert {hit["uri"] for hit in hits} == {"plain.jpg", f"{STORABLE}2"}


def test_a_pipe_gets_one_line_a_hit_with_tabs_between_the_values(world: Path) -> None:
    done = milvise(world, "search", "images", "cat", "--gallery", "g")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert all(len(line) == 5 for line in lines)
    assert {line[1] for line in lines} == {visible(STORABLE), visible(f"{STORABLE}2"), "plain.jpg"}
    assert -1 <= float(lines[0][3]) <= 1
    long = milvise(world, "status", COLUMNS="20")
    assert [line.split("\t")[0] for line in long.stdout.splitlines()] == ["g_joint", "g_visual", "words"]


def test_a_terminal_gets_a_table_with_a_header(world: Path) -> None:
    seen = on_a_terminal(world, "search", "words", "dog").splitlines()
    assert re.sub("\x1b\\[[0-9;]*m", "", seen[0]).split() == ["rank", "word", "similarity", "distance"]
    assert max(len(line) for line in seen) <= 80


def test_options_of_every_command_stand_in_front_or_behind(world: Path) -> None:
    uri = str(world / "milvise.db")
    expected = [hit["word"] for hit in answer(milvise(world, "--json", "search", "words", "dog"))["hits"]]
    for arguments in (
        ["--uri", uri, "--json", "search", "words", "dog"],
        ["search", "--json", "words", "--uri", uri, "dog"],
        ["search", "words", "dog", "--uri", uri, "--json", "-q"],
    ):
        found = answer(milvise(world.parent, *arguments))
        assert [hit["word"] for hit in found["hits"]] == expected
    assert "Traceback" in milvise(world, "search", "words", "gdo", "-v").stderr


def test_version_and_completion() -> None:
    assert milvise(Path.cwd(), "--version").stdout == f"milvise {__version__}\n"
    assert "_MILVISE_COMPLETE" in milvise(Path.cwd(), "--show-completion", "bash").stdout
    typed = {"_MILVISE_COMPLETE": "complete_bash", "COMP_WORDS": "milvise sear", "COMP_CWORD": "1"}
    assert milvise(Path.cwd(), **typed).stdout.split() == ["search"]


SURROGATES = "caf\udce9" + ESCAPE
ODD_ARGUMENTS = [
    ["search", "images", SURROGATES, "--gallery", "g"],
    ["search", "images", "cat", "--gallery", SURROGATES],
    ["search", "images", "cat", "--gallery", "g", "--filter", SURROGATES],
    ["search", "images", "cat", "--gallery", "g", "--space", SURROGATES],
    ["search", "words", SURROGATES],
    ["search", "similar", SURROGATES, "--gallery", "g"],
    ["search", "similar", "plain.jpg", "--gallery", "g", "--focus", SURROGATES],
    ["search", "mixed", "plain.jpg", "--words", SURROGATES, "--gallery", "g"],
    ["search", "complete", SURROGATES, "--gallery", "g"],
    ["search", "rank", SURROGATES, "--words", "cat", "--gallery", "g"],
    ["search", "rank", "--words", "cat", "--filter", SURROGATES, "--gallery", "g"],
    ["search", "owners", "--words", "cat", "--by", SURROGATES, "--gallery", "g"],
    ["search", "refine", "--words", "cat", "--like", SURROGATES, "--gallery", "g"],
    ["tag", SURROGATES, "--gallery", "g"],
    ["explain", SURROGATES, "--words", "cat", "--gallery", "g"],
    ["duplicates", "--gallery", "g", "--kind", SURROGATES],
    ["duplicates", "--gallery", "g", "--filter", SURROGATES],
    ["project", "--gallery", "g", "--head", SURROGATES],
    ["train", "--gallery", "g", "--out", SURROGATES],
    ["train", "--gallery", "g", "--out", "h.keras", "--hold-out", SURROGATES],
    ["ingest", "words", SURROGATES],
    ["ingest", "images", SURROGATES, "--gallery", "g"],
    ["evaluate", "accuracy", "--gallery", "g", "--out", "o", "--filter", SURROGATES],
    ["export", "pairs", "--gallery", "g", "--out", "x", "--log", SURROGATES],
    ["status", "--gallery", SURROGATES],
    ["verify", "--gallery", SURROGATES],
    ["drop", "--yes", "--gallery", SURROGATES],
    [SURROGATES],
    ["status", "--uri", SURROGATES],
    ["status", SURROGATES],
]


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS, ids=lambda given: " ".join(given).replace(SURROGATES, "ODD"))
def test_arguments_that_are_not_utf_8_end_with_a_message(
    arguments: list[str], world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    assert main_in_process(arguments) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err
    assert "\x1b]" not in printed.err


def test_what_a_narrow_encoding_lacks_is_written_as_an_escape(world: Path) -> None:
    done = milvise(world, "search", "words", "été", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    document = answer(milvise(world, "search", "words", "été", "--json", PYTHONIOENCODING="ascii"), code=2)
    assert "été" in document["error"]["message"]


@pytest.mark.parametrize("module", ["typer", "milvise.cli.console", "grpc", "pymilvus.milvus_client"])
def test_ctrl_c_in_the_first_moments_ends_with_a_line(module: str, world: Path) -> None:
    """It comes while the command line is imported, as soon as one of its modules is there."""
    command = [sys.executable, "-X", "importtime", "-m", "milvise", "status"]
    with subprocess.Popen(command, cwd=world, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    # 130 where it came before the command began, and the command may have ended before it.
    assert process.returncode in (0, 1, 130), errors
    assert "Traceback" not in errors


def test_visible_text_and_json_say_the_same() -> None:
    assert visible("a\x1b[1m\t\n\x9b\u202eb\udcff é 猫") == "a\\x1b[1m\\t\\n\\x9b\\u202eb\\xff é 猫"
    assert json.loads(json_text({"name": ODD})) == {"name": ODD}


def main_in_process(arguments: list[str]) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_warnings_are_sentences_without_control_characters_and_said_once() -> None:
    code = (
        "import logging; logging.basicConfig(); from milvise.cli.state import show_warnings;"
        f" show_warnings(); logging.getLogger('milvise').warning({ESCAPE!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == f"Warning: {visible(ESCAPE)}\n"
