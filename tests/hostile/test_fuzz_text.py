"""Any text, to every parser of text from outside: it is read, or refused with an error of milvise, and nothing else happens."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.fuzzing import fuzzed
from hypothesis import example, given
from hypothesis import strategies as st
from reference_world import reference_gallery

from milvise.adapter import IndexSpec, Store, connect
from milvise.adapter.escape import literal
from milvise.cli.terminal import json_text, visible
from milvise.embeddings.words.tag_vectors import split_tags
from milvise.errors import MilviseError
from milvise.evaluation.accuracy.taxonomy import read_taxonomy
from milvise.evaluation.bias.groups import Attribute
from milvise.evaluation.report.files import read_json
from milvise.evaluation.report.limits import read_limits
from milvise.queries.requests.feedback import labels_of, read_feedback, read_pairs, training_pairs
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.expression import parse, render

ANYTHING = st.text(st.characters(codec=None), max_size=60)
"""Halves of surrogate pairs included, which is what bytes become that are not UTF-8."""

PIECES = st.sampled_from(
    [
        "dog",
        "cat",
        '"',
        "\\",
        "^",
        "^2",
        "^0",
        "^1e9",
        "^" + "9" * 400,
        "+",
        "-",
        " ",
        "\t",
        "_",
        "(",
        ",",
        "'",
        "\0",
        "é",
    ]
)
EXPRESSIONS = st.lists(PIECES | ANYTHING, max_size=12).map("".join)
SPECS = st.lists(
    st.sampled_from(["hnsw", "ivf_flat", "auto", ":", "M", "=", ",", "32", "-1", "1e9", "nlist", "٣", " ", "9" * 5_000])
    | ANYTHING,
    max_size=9,
).map("".join)
FILTERS = st.lists(
    st.sampled_from(
        ["label", "width", 'meta["number"]', "==", "!=", "<", ">", " in ", "[1, 2]", "1", "1.5", '"even"', "'odd'", "and", "or",
         "not ", "(", ")", "like", '"%e%"', " ", "nothing", "exists ", "json_contains", "-", "*", "/", "%", "**", "9" * 30, "true"]
    )
    | ANYTHING,
    max_size=9,
).map(" ".join)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | ANYTHING,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANYTHING, inner, max_size=4),
    max_leaves=12,
)
FEEDBACK = st.fixed_dictionaries(
    {"gallery": st.just("r") | JSON, "words": st.just("dog") | JSON, "pictures": st.just([]) | JSON,
     "liked": st.just(["a"]) | JSON, "disliked": st.just(["b"]) | JSON, "at": st.just("2026") | JSON}
)  # fmt: skip
PAIR = st.fixed_dictionaries(
    {
        "words": st.just("dog") | JSON,
        "id": st.just("a") | JSON,
        "relevant": st.booleans() | JSON,
        "at": st.just("1") | JSON,
    }
)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    connection = connect(str(tmp_path_factory.mktemp("fuzz") / "fuzz.db"), create=True)
    yield from (database.gallery("r") for database in reference_gallery(Store(connection)))
    connection.close()


@given(EXPRESSIONS)
@fuzzed
def test_expressions(text: str) -> None:
    with contextlib.suppress(MilviseError):
        terms = parse(text)
        assert terms
        assert all(term.phrase and math.isfinite(term.weight) and term.weight for term in terms)
        assert parse(render(terms)) == terms


@given(EXPRESSIONS)
@example("\ud800")
@fuzzed
def test_searches(gallery: Gallery, text: str) -> None:
    with contextlib.suppress(MilviseError):
        assert all(math.isfinite(hit.similarity) for hit in gallery.search(text, limit=2))


@given(FILTERS)
@fuzzed
def test_filters(gallery: Gallery, text: str) -> None:
    with contextlib.suppress(MilviseError):
        assert len(gallery.similar("folder/3.jpg", filter=text, limit=2)) <= 2


@given(ANYTHING)
@fuzzed
def test_names_of_pictures(gallery: Gallery, name: str) -> None:
    with contextlib.suppress(MilviseError):
        gallery.similar(name, limit=1)


@given(ANYTHING)
@fuzzed
def test_literals_mean_what_they_say(text: str) -> None:
    with contextlib.suppress(MilviseError):
        assert json.loads(literal(text)) == text


@given(SPECS)
@fuzzed
def test_index_specs(text: str) -> None:
    with contextlib.suppress(MilviseError):
        spec = IndexSpec.parse(text)
        assert IndexSpec.parse(str(spec)) == spec
        resolved = spec.resolve(rows=100_000, dim=64, is_lite=False)
        assert set(resolved.build_params) <= set(resolved.params)


@given(st.lists(ANYTHING, max_size=3), ANYTHING)
@example([], "NAN")
@fuzzed
def test_limits_attributes_and_tags(texts: list[str], text: str) -> None:
    with contextlib.suppress(MilviseError):
        assert all(not math.isnan(limit) for limit in read_limits([*texts, f"p@10={text}"], "--fail-under").values())
    with contextlib.suppress(MilviseError):
        Attribute.parse(text)
    assert all(split_tags(text))


@given(st.lists(FEEDBACK.map(json.dumps) | ANYTHING, max_size=3), st.lists(PAIR.map(json.dumps) | ANYTHING, max_size=3))
@fuzzed
def test_logs_of_feedback_and_pairs(tmp_path: Path, log: list[str], pairs: list[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes("\n".join(log).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(MilviseError):
        for pair in training_pairs(read_feedback(None, path, gallery="r")):  # type: ignore[arg-type]
            assert isinstance(pair["id"], str)
    path.write_bytes("\n".join(pairs).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(MilviseError):
        assert all(isinstance(label, str) for label in labels_of(read_pairs(path)).values())


@given(st.binary(max_size=80) | ANYTHING.map(lambda text: text.encode("utf-8", "surrogatepass")))
@fuzzed
def test_reports_and_taxonomies(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    for prefix in (b"", b"child,parent\n"):
        path.write_bytes(prefix + data)
        with contextlib.suppress(MilviseError):
            read_taxonomy(path)
    with contextlib.suppress(MilviseError):
        read_json(path)


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deeply_nested_json_is_refused(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * depth + "]" * depth)
    for read in (read_json, read_pairs, lambda path: list(read_feedback(None, path, gallery="r"))):  # type: ignore[arg-type]
        with pytest.raises(MilviseError):
            read(path)


@given(ANYTHING, JSON)
@fuzzed
def test_what_is_printed(text: str, document: object) -> None:
    assert all(char.isprintable() or char not in "\x1b\x9b\x07\n\t\r" for char in visible(text))
    printed = json_text({"document": document, "text": text})
    assert "\x1b" not in printed
    assert "\x9b" not in printed
    assert json.loads(printed)["text"] == text
