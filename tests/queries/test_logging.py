"""One structured event for each request and each ingest, that holds nothing of what people asked for, and no secret."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference_world import reference_gallery
from small_world import VOCABULARY, paint

import milvise
from milvise.adapter import Store
from milvise.adapter.connection import connect
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import NotFoundError, UnknownWordError
from milvise.operations.database import Database

TOKEN = "root:very-secret-token"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    connection = connect(str(tmp_path_factory.mktemp("logged") / "world.db"), create=True, token=TOKEN)
    yield from reference_gallery(Store(connection))
    connection.close()


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """What the logger gives to a handler, as it comes."""
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign]
    logger = logging.getLogger("milvise")
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, logger="milvise"):
        yield found
    logger.removeHandler(handler)


def test_each_request_is_one_event(db: Database, events: list[logging.LogRecord]) -> None:
    gallery = db.gallery("r")
    asked = {
        "search": (lambda: gallery.search("dog", space="joint", limit=7), "joint", 7, 7),
        "search_many": (lambda: gallery.search_many(["dog", "cat"], limit=3), None, 3, 2),
        "similar": (lambda: gallery.similar("folder/0.jpg", limit=4), None, 4, 4),
        "mixed": (lambda: gallery.mixed(["folder/0.jpg"], "dog", space="fused", limit=4), "fused", 4, 4),
        "complete": (lambda: gallery.complete(["folder/0.jpg"], limit=4), "visual", 4, 4),
        "rank": (lambda: gallery.rank(words="dog", ids=["folder/0.jpg"]), None, None, 1),
        "owners": (lambda: gallery.owners(words="dog", limit=2), None, 2, 2),
        "refine": (lambda: gallery.refine(words="dog", liked=["folder/0.jpg"], limit=4), None, 4, 4),
        "explain": (lambda: gallery.explain("folder/0.jpg", words="dog"), None, None, None),
        "tags": (lambda: gallery.tags("folder/0.jpg", limit=4), None, 4, 1),
        "classes": (lambda: gallery.classes(), None, None, 4),
        "classes_of": (lambda: gallery.classes_of("dog"), None, None, None),
        "duplicates": (lambda: list(gallery.duplicates()), None, None, 1),
        "read": (lambda: gallery.read("dog"), None, None, None),
    }
    for kind, (request, space, limit, hits) in asked.items():
        events.clear()
        request()
        (event,) = events
        assert (event.name, event.levelname, event.event) == ("milvise", "INFO", "request")
        assert (event.kind, event.gallery, event.space, event.limit) == (kind, "r", space, limit)
        assert (event.hits, event.error) == (hits, None), kind
        assert 0 < event.took_ms < 600_000
        assert event.getMessage().startswith(f"{kind} in r: ")


def test_requests_among_words_are_events_without_a_gallery(db: Database, events: list[logging.LogRecord]) -> None:
    db.words.similar("dog", limit=6)
    db.words.vector("dog")
    assert [(event.kind, event.gallery, event.limit, event.hits) for event in events] == [
        ("words", None, 6, 6),
        ("vector", None, None, None),
    ]


def test_a_request_that_fails_is_an_event_with_the_class_of_its_error(
    db: Database, events: list[logging.LogRecord]
) -> None:
    with pytest.raises(NotFoundError):
        db.gallery("r").similar("nowhere")
    with pytest.raises(UnknownWordError):
        db.words.similar("unheardof")
    assert [(event.kind, event.error, event.hits) for event in events] == [
        ("similar", "NotFoundError", None),
        ("words", "UnknownWordError", None),
    ]


def test_duplicates_that_nobody_reads_to_the_end_are_no_error(db: Database, events: list[logging.LogRecord]) -> None:
    groups = iter(db.gallery("r").duplicates())
    next(groups)
    groups.close()  # type: ignore[attr-defined]
    assert [(event.kind, event.hits, event.error) for event in events] == [("duplicates", 1, None)]


def test_an_event_holds_nothing_of_what_was_asked_and_no_token(db: Database, events: list[logging.LogRecord]) -> None:
    gallery = db.gallery("r")
    gallery.search("king woman", filter='label == "odd"', limit=2)
    gallery.similar("folder/77.jpg", focus="cat", limit=2)
    with pytest.raises(NotFoundError):
        gallery.similar("private/name.jpg")
    everything = "\n".join(f"{event.getMessage()} {vars(event)}" for event in events)
    for secret in (TOKEN, "very-secret", "king", "woman", "odd", "folder/77", "private", "world.db"):
        assert secret not in everything
    assert len(events) == 3


def test_each_ingest_is_one_event(tmp_path: Path, events: list[logging.LogRecord]) -> None:
    words = tmp_path / "private.txt"
    words.write_text(VOCABULARY)
    with milvise.connect(str(tmp_path / "own.db"), create=True, token=TOKEN) as db:
        db.ingest_words(words)
        with pytest.raises(milvise.errors.InputError):
            db.ingest_images(tmp_path / "nowhere", gallery="g")
    first, second = (event for event in events if event.event == "ingest")
    assert (first.kind, first.gallery, first.error) == ("words", None, None)
    assert first.counts == {"words": 5, "malformed": 0, "duplicates": 0}
    assert first.seconds > 0
    assert (second.kind, second.gallery, second.error) == ("images", "g", "InputError")
    assert second.counts == {}
    assert "private" not in f"{vars(first)}"


def test_pictures_are_counted(
    tmp_path: Path, events: list[logging.LogRecord], nets: list, class_names: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.operations.planned.load_encoder", lambda *args, **kwargs: Devise(nets[0]))
    for number in range(3):
        paint(tmp_path / "p" / f"{number}.png", number)
    (tmp_path / "p" / "bad.png").write_bytes(b"no picture")
    with milvise.connect(str(tmp_path / "own.db"), create=True) as db:
        db.ingest_images(
            tmp_path / "p",
            gallery="g",
            head="none",
            backbone="net",
            classes=class_names,
            quarantine=tmp_path / "q.jsonl",
        )
    (event,) = (event for event in events if event.event == "ingest")
    assert (event.counts["seen"], event.counts["embedded"], event.counts["quarantined"]) == (4, 3, 1)
    assert event.getMessage().startswith("ingest of images into g: 4 seen, 3 embedded, 1 quarantined in ")


def test_nothing_is_printed_unless_somebody_asks(tmp_path: Path) -> None:
    code = (
        "import logging, milvise; log = logging.getLogger('milvise'); log.warning('a warning'); log.info('an event');"
        "print([type(one).__name__ for one in log.handlers])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['NullHandler']\n", "")


@pytest.mark.parametrize(("options", "told"), [([], False), (["-v"], True)])
def test_the_command_line_tells_of_events_where_it_is_asked_to(
    options: list[str], told: bool, db: Database, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text(VOCABULARY)
    command = [sys.executable, "-m", "milvise", "--uri", str(tmp_path / "own.db"), *options]
    subprocess.run([*command, "-q", "ingest", "words", str(words)], check=True, capture_output=True, text=True)
    done = subprocess.run(
        [*command, "--json", "search", "words", "cat", "--limit", "2"], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("{")
    assert ("words: 2 hits in " in done.stderr) is told
    assert "Warning" not in done.stderr
    if not told:
        assert done.stderr == ""
