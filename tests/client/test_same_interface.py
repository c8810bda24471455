"""A client of a service has the requests of Python, with the same parameters; what it lacks is listed."""

from __future__ import annotations

import inspect

import pytest

from milvise.client.database import RemoteDatabase
from milvise.client.gallery import RemoteGallery
from milvise.client.words import RemoteVocabulary
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries.vocabulary.word_vectors import Vocabulary

LACKED = {
    Database: {
        "calibrate", "demo", "drop", "drop_words", "embed", "follow", "has_gallery", "ingest_images", "ingest_words", "load", "verify", "word_users",
    },
    Gallery: {
        "check_wiring", "evaluate", "export_duplicates", "export_manifest", "export_model", "export_pairs", "export_projector", "project", "project_part", "rebuild", "rollback", "search_each", "train", "tune",
        "versions",
    },
    Vocabulary: set(),
}  # fmt: skip
"""Done where Milvus is."""


def public(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("here", "there"), [(Database, RemoteDatabase), (Gallery, RemoteGallery), (Vocabulary, RemoteVocabulary)]
)
def test_every_request_is_there_with_the_same_parameters(here: type, there: type) -> None:
    wanted, found = public(here), public(there)
    assert wanted.keys() - found.keys() == LACKED[here]
    assert found.keys() <= wanted.keys()
    for name, signature in found.items():
        assert parameters(signature) == parameters(wanted[name]), name


def parameters(signature: inspect.Signature) -> list[tuple[str, object, object]]:
    return [(one.name, one.kind, one.default) for one in signature.parameters.values()]
