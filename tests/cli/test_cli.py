"""The command line as a process: its answers, its errors, its exit codes, and what it does not import."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import schemas
from jsonschema import validate
from milvus_server import free_port
from processes import answer, milvise


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, photos: list[Path]) -> Path:
    """A folder with a database of 10,000 words and a gallery of ten real photos, loaded by the command line."""
    folder = tmp_path_factory.mktemp("world")
    pictures = folder / "pictures" / "photo"
    pictures.mkdir(parents=True)
    chosen = [path for path in photos if path.name.startswith(("imagenet_", "chelsea"))][:10]
    for path in chosen:
        (pictures / path.name).symlink_to(path)
    (pictures / "bad.jpg").write_bytes(b"bad")
    words = milvise(folder, "--json", "ingest", "words", "glove-6b-50d", "--limit", "10000", "--index", "ivf_flat")
    validate(answer(words), schemas.INGEST_WORDS)
    loaded = milvise(folder, "--json", "ingest", "images", "pictures", "--gallery", "g")
    document = answer(loaded)
    validate(document, schemas.INGEST_IMAGES)
    assert (document["seen"], document["embedded"], document["quarantined"]) == (11, 10, 1)
    return folder


def test_search_by_words_answers_as_documented(world: Path) -> None:
    document = answer(milvise(world, "--json", "search", "images", "cat", "--gallery", "g", "--limit", "3"))
    validate(document, schemas.PICTURES)
    assert [hit["rank"] for hit in document["hits"]] == [1, 2, 3]
    assert document["request"]["expression"] == "cat"
    assert all(hit["label"] == "photo" for hit in document["hits"])


def test_words_given_apart_or_together_are_one_expression(world: Path) -> None:
    apart = answer(milvise(world, "--json", "search", "words", "king", "-", "man", "+", "woman"))
    together = answer(milvise(world, "--json", "search", "words", "king - man + woman"))
    validate(apart, schemas.WORDS)
    assert apart["hits"] == together["hits"]
    assert apart["hits"][0]["word"] == "queen"


def test_search_by_stored_picture_with_focus_and_filter(world: Path) -> None:
    uri = next(path.name for path in (world / "pictures/photo").iterdir() if path.name.startswith("imagenet"))
    arguments = ["search", "similar", f"photo/{uri}", "--gallery", "g", "--focus", "tabby cat", "--filter", "width > 9"]
    document = answer(milvise(world, "--json", *arguments))
    validate(document, schemas.PICTURES)
    assert document["request"]["focus"] == "tabby cat"
    assert f"photo/{uri}" not in [hit["uri"] for hit in document["hits"]]


def test_search_by_file_and_tags(world: Path, photos: list[Path]) -> None:
    cat = str(next(path for path in photos if path.name == "chelsea.png"))
    document = answer(milvise(world, "--json", "search", "similar", cat, "--gallery", "g", "--limit", "2"))
    validate(document, schemas.PICTURES)
    assert len(document["hits"]) == 2
    tags = answer(milvise(world, "--json", "tag", cat, "--gallery", "g"))
    validate(tags, schemas.TAGS)
    named = [hit for hit in tags["hits"] if "probability" in hit]
    assert tags["hits"][: len(named)] == named
    assert named[0]["probability"] >= 0.8
    assert named[0]["word"] in ("cat", "tabby", "animal")
    assert [hit for hit in tags["hits"] if "probability" not in hit]
    table = [line.split("\t") for line in milvise(world, "tag", cat, "--gallery", "g").stdout.splitlines()]
    assert [row[4] for row in table] == [f"{hit['probability']:.3f}" if hit in named else "" for hit in tags["hits"]]
    assert "cat" in [hit["word"] for hit in tags["hits"]]


def test_status_and_the_plain_tables(world: Path) -> None:
    validate(answer(milvise(world, "--json", "status")), schemas.STATUS)
    plain = milvise(world, "search", "images", "cat", "--gallery", "g", "--limit", "3")
    assert [line.split("\t")[0] for line in plain.stdout.splitlines()] == ["1", "2", "3"]
    status = milvise(world, "status")
    assert "g_visual" in status.stdout
    assert "efficientnet_lite0" in status.stdout
    assert "Held in memory by a process that searches all of it: about" in status.stderr
    verified = answer(milvise(world, "--json", "verify", "--gallery", "g", "--pictures", "3", "--repair"))
    validate(verified, schemas.VERIFY)
    assert (verified["gallery"], verified["whole"], verified["problems"], verified["repaired"]) == ("g", True, [], [])
    assert verified["checked"]["visual vectors compared with picture files"] == 3
    alone = milvise(world, "verify")
    assert (alone.returncode, alone.stdout) == (0, "default: whole\n")
    assert "no gallery 'default', and words and catalog were verified alone. Galleries here: g" in alone.stderr


def test_a_second_run_finds_nothing_to_do_and_strict_reports_bad_files(world: Path) -> None:
    again = milvise(world, "--json", "ingest", "images", "pictures", "--gallery", "g", "--strict")
    document = answer(again, code=3)
    assert (document["embedded"], document["unchanged"], document["quarantined"]) == (0, 10, 1)
    (line,) = (world / document["quarantine"]).read_text().splitlines()
    assert json.loads(line)["uri"] == "photo/bad.jpg"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "images", "cta", "--gallery", "g"], 2, "Close spellings: .*"),
        (["search", "images", '"cat', "--gallery", "g"], 2, "a quote is not closed"),
        (["search", "images", "cat", "--gallery", "nothing"], 1, "there is no gallery 'nothing'. Galleries here: g"),
        (["search", "images", "cat", "--gallery", "no-name"], 2, "starts with a letter"),
        (["search", "images", "cat", "--gallery", "g", "--filter", "lable == 1"], 2, "cannot read the filter"),
        (["search", "similar", "nowhere.jpg", "--gallery", "g"], 1, "neither a file on this machine nor"),
        (["ingest", "images", "nowhere", "--gallery", "g"], 1, "no folder or manifest at nowhere"),
        (["ingest", "images", "pictures", "--index", "tree"], 2, "unknown index kind"),
        (["ingest", "images", "pictures", "--index", "scann"], 1, "Milvus Lite does not have the index scann"),
        (["ingest", "images", "pictures", "--memory", "8GiB"], 1, "Milvus Lite holds all vectors in memory"),
        (["ingest", "images", "pictures", "--memory", "8 boxes"], 2, "a budget of memory cannot be read"),
        (["plan"], 2, "Expected: --pictures NUMBER, or --calibrate"),
        (["plan", "--pictures", "1M", "--index", "hnsw_sq8", "--milvus", "2.4"], 1, "from version 2.5 on"),
        (["ingest", "images", "pictures", "--backbone", "vgg61"], 1, "no backbone of this name"),
        (["ingest", "images", "pictures", "--labels", "x"], 2, "unknown kind of labels"),
        (["ingest", "words", "nowhere.txt"], 1, "no file of word vectors"),
        (["search", "images"], 2, "Missing argument"),
        (["--uri", "nowhere.db", "status"], 1, "no Milvus Lite database"),
        (["--uri", "ftp://x", "status"], 2, "ends in .db"),
    ],
)
def test_errors_are_messages_with_an_exit_code(world: Path, arguments: list[str], code: int, message: str) -> None:
    done = milvise(world, *arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert re.search(message, done.stderr.replace("\n", " "))


def test_an_error_is_one_json_document_too_and_verbose_shows_where(world: Path) -> None:
    document = answer(milvise(world, "--json", "search", "images", "cta", "--gallery", "g"), code=2)
    validate(document, schemas.ERROR)
    assert document["error"]["type"] == "UnknownWordError"
    assert "Traceback" in milvise(world, "-v", "search", "images", "cta", "--gallery", "g").stderr


def test_no_server_is_said_and_the_address_comes_from_the_environment(world: Path) -> None:
    done = milvise(world, "status", MILVISE_URI=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "Is the server running" in done.stderr


def test_searching_needs_no_neural_network(world: Path) -> None:
    uri = next(path.name for path in (world / "pictures/photo").iterdir() if path.name.startswith("imagenet"))
    requests = [
        ["search", "words", "cat"],
        ["search", "images", "cat", "--gallery", "g"],
        ["search", "similar", f"photo/{uri}", "--gallery", "g", "--focus", "tabby cat"],
        ["tag", f"photo/{uri}", "--gallery", "g"],
        ["status"],
    ]
    code = f"""
import sys
from milvise.cli.main import main
for request in {requests!r}:
    try:
        main(request)
    except SystemExit as end:
        assert not end.code, request
print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=world, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.splitlines()[-1].split())
    assert "pymilvus" in imported
    # pymilvus imports SciPy before a search, to see whether the query is a sparse matrix.
    assert not imported & {"tensorflow", "keras", "openvino", "gensim", "torch", "jax", "scipy"}


def test_two_at_once_on_one_file_is_an_error_that_says_so(world: Path) -> None:
    code = "import milvise, sys; milvise.connect('milvise.db'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=world,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = milvise(world, "search", "words", "cat")
        other.communicate(b"")
    assert done.returncode == 1
    assert "another process has milvise.db open" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(tmp_path: Path, world: Path) -> None:
    command = [sys.executable, "-m", "milvise", "--uri", str(world / "milvise.db"), "ingest", "images"]
    command += [str(world / "pictures"), "--gallery", "stopped", "--batch-size", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # "Building …"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 1), errors
    assert "Traceback" not in errors
    if process.returncode == 1:
        assert "Stopped" in errors
    document = answer(milvise(world, "--json", "ingest", "images", "pictures", "--gallery", "stopped"))
    assert document["embedded"] + document["unchanged"] == document["rows"] == 10
    assert milvise(world, "drop", "--gallery", "stopped", "--yes").returncode == 0


def test_dropping_asks_first(world: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "milvise", "drop", "--gallery", "g"],
        cwd=world, input="n\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "g_visual" in milvise(world, "status", "--gallery", "g").stdout


def test_demo_prints_four_kinds_of_search_and_writes_a_page(tmp_path: Path) -> None:
    done = milvise(tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    for title in ("By word", "By several words", "By picture", "By a class in a picture", "Tags of a picture"):
        assert title in done.stdout
    page = (tmp_path / "milvise-demo.html").read_text()
    assert str(tmp_path / "milvise-demo.html") in done.stdout
    assert page.count("data:image/jpeg;base64,") >= 4 * 8
    assert "http" not in page.replace("https://", "").partition("<body>")[0]
