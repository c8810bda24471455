"""Encoders are found by their entry points, loaded when they are asked for, and checked when they are made."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from milvise.embeddings import registry
from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.encoder import EncoderInfo, abilities, classes_of, encode_images, encode_texts, vocabulary_of
from milvise.embeddings.registry import encoder_names, load_encoder
from milvise.errors import MissingEncoderError, ModelError, UsageError

ROOT = Path(__file__).parents[2]
INFO = EncoderInfo("odd", fingerprint={}, spaces={"visual": 2}, size=4)
PIXELS = np.zeros((3, 4, 4, 3), np.uint8)


class Odd:
    """An encoder whose answers can be anything."""

    def __init__(self, images: Any = None, texts: Any = None, info: Any = INFO) -> None:
        self.info, self._images, self._texts = info, images, texts

    def encode_images(self, pixels: Any) -> Any:
        return self._images()

    def vocabulary(self) -> list[str]:
        return ["a"]

    def encode_texts(self, texts: Any) -> Any:
        return self._texts()

    def close(self) -> None:
        return


def give(monkeypatch: pytest.MonkeyPatch, **made: Any) -> None:
    """Install entry points that point at functions of this test."""
    monkeypatch.setattr(sys.modules[__name__], "MADE", made, raising=False)
    points = [EntryPoint(name, f"{__name__}:{name}", registry.GROUP) for name in made]
    for name, make in made.items():
        monkeypatch.setattr(sys.modules[__name__], name, make, raising=False)
    monkeypatch.setattr(registry, "_points", lambda name=None: [one for one in points if name in (None, one.name)])


def test_devise_is_registered_as_every_other() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][registry.GROUP]
    from milvise.embeddings.devise.encoder import make

    assert {name: EntryPoint(name, value, registry.GROUP).load() for name, value in points.items()} == {"devise": make}


def test_names_are_listed_and_nothing_is_loaded(tiny: Path) -> None:
    assert {"devise", "tiny_codes", "tiny_colours", "tiny_warmth"} <= set(encoder_names())
    assert "tiny_colours" not in sys.modules
    assert load_encoder({"encoder": "tiny_colours"}).info.name == "tiny_colours"


def test_an_encoder_that_is_not_installed_is_an_error_that_names_what_is() -> None:
    with pytest.raises(
        MissingEncoderError, match=r"'tiny_colours' in the group 'milvise.encoders'; installed are devise"
    ):
        load_encoder({"encoder": "tiny_colours"})


@pytest.mark.parametrize("name", ["", "Tiny", "../tiny", "a-b", "9lives"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="small letters"):
        load_encoder({"encoder": name})


def test_a_package_that_cannot_be_imported_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("odd", "no_such_package_of_encoders:make", registry.GROUP)
    monkeypatch.setattr(registry, "_points", lambda name=None: [point])
    with pytest.raises(MissingEncoderError, match="no_such_package_of_encoders"):
        load_encoder({"encoder": "odd"})


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("odd", f"{package}:make", registry.GROUP) for package in ("one", "other")]
    monkeypatch.setattr(registry, "_points", lambda name=None: points)
    with pytest.raises(UsageError, match="one:make, other:make"):
        load_encoder({"encoder": "odd"})


def _fails(recipe: Any, *, engine: str) -> Any:
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_fails, "ZeroDivisionError: by nothing"),
        (lambda recipe, *, engine: object(), "makes no encoder of this name"),
        (lambda recipe, *, engine: Odd(info=EncoderInfo("even", {}, {"visual": 2}, 4)), "whose name is 'odd'"),
        (lambda recipe, *, engine: Odd(info=EncoderInfo("odd", {}, {"joint": 2}, 4)), "has no space 'visual'"),
    ],
)
def test_what_is_no_encoder_is_refused(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any], message: str) -> None:
    give(monkeypatch, odd=make)
    with pytest.raises(ModelError, match=re.escape(message)):
        load_encoder({"encoder": "odd"})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (lambda: 1 // 0, "failed to encode pictures: ZeroDivisionError"),
        (lambda: {}, "no vectors of the space 'visual'"),
        (lambda: {"visual": np.zeros((2, 2))}, "Expected: (3, 2)\nReceived: (2, 2)"),
        (lambda: {"visual": np.zeros((3, 5))}, "Received: (3, 5)"),
    ],
)
def test_vectors_of_pictures_are_checked(images: Callable[[], Any], message: str) -> None:
    with pytest.raises(ModelError, match=re.escape(message)):
        encode_images(Odd(images), PIXELS)


def test_vectors_of_texts_are_checked_and_scaled() -> None:
    with pytest.raises(ModelError, match="failed to encode texts"):
        encode_texts(Odd(texts=lambda: 1 // 0), ["a"])
    with pytest.raises(ModelError, match="another shape"):
        encode_texts(Odd(texts=lambda: np.zeros((2, 2))), ["a"])
    np.testing.assert_allclose(encode_texts(Odd(texts=lambda: np.array([[3.0, 4.0]])), ["a"]), [[0.6, 0.8]])


@pytest.mark.parametrize("texts", [[], ["a", "b", "a"]])
def test_a_vocabulary_has_each_text_once(monkeypatch: pytest.MonkeyPatch, texts: list[str]) -> None:
    odd = Odd()
    monkeypatch.setattr(odd, "vocabulary", lambda: texts)
    with pytest.raises(ModelError, match="one text or more, each once"):
        vocabulary_of(odd)


@pytest.mark.parametrize(
    "classes",
    [
        ["warm"],
        Classes((), np.zeros((0, 2), np.float32), np.zeros(0, np.float32)),
        Classes(("warm", "warm"), np.zeros((2, 2), np.float32), np.zeros(2, np.float32)),
        Classes(("warm",), np.zeros((1, 3), np.float32), np.zeros(1, np.float32)),
        Classes(("warm",), np.zeros((1, 2), np.float32), np.zeros(2, np.float32)),
    ],
)
def test_classes_fit_the_visual_vectors(classes: Any) -> None:
    class Known(Odd):
        def classes(self) -> Any:
            return classes

    with pytest.raises(ModelError, match="the classes of the encoder 'odd' cannot be used"):
        classes_of(Known(), INFO)


def test_another_encoder_may_have_a_network_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Odd()
    odd.network = object()  # type: ignore[attr-defined]
    assert abilities(odd).heads is None


def test_what_an_encoder_can_do_follows_from_its_methods(tiny: Path) -> None:
    import tiny_colours

    plain, warm = abilities(tiny_colours.Colours()), abilities(tiny_colours.Warmth())
    assert (plain.texts is not None, plain.classes, plain.heads) == (True, None, None)
    assert warm.classes is not None


def test_a_search_in_a_gallery_of_devise_asks_for_no_encoder() -> None:
    code = "import sys, milvise.operations.gallery, milvise.queries.search; print('milvise.embeddings.registry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
