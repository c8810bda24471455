"""The classes of a backbone and the vectors of their names: read from Milvus once, and kept on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from milvise.adapter import Collection
from milvise.core import config
from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.classes import stored_classes
from milvise.embeddings.model_files.kept_files import read_arrays
from milvise.embeddings.wordnet.hierarchy import Hierarchy
from milvise.embeddings.words.phrases import lookups, phrase_vector
from milvise.errors import ModelError
from milvise.queries.plan.class_mixture import ClassMixture

_FORMAT = 2
"""Of what is kept; another one where names are told by other vectors."""

_BROADER = 0.3
"""How much what a class is a kind of counts beside its own name (`benchmarks/everyday.py`)."""


_ARRAYS = {
    "labels": ("U", 1), "names": ("f", 2), "first_names": ("f", 2), "other_names": ("f", 2), "owners": ("i", 1), "weights": ("f", 2), "bias": ("f", 1)
}  # fmt: skip


def load_mixture(classes: Collection, words: Collection, hierarchy: Hierarchy | None = None) -> ClassMixture:
    """Read the classes and their names' vectors: once on each machine, because neither changes under its name.

    It takes one call to Milvus for the classes, and one for each thousand spellings of their names.

    Raises
    ------
    ModelError
        If the words know none of the names.
    """
    made = "tree" if hierarchy else "names"
    path = config.cache() / "classes" / f"{classes.name}-{words.name}-{made}{_FORMAT}.npz"
    kept = _kept(path, classes.manifest.dim, words.manifest.dim, hierarchy)
    if kept is None:
        kept = _fetched(classes, words, hierarchy)
        _keep(kept, path)
    return kept


def _fetched(classes: Collection, words: Collection, hierarchy: Hierarchy | None) -> ClassMixture:
    found = stored_classes(classes.query('name != ""', fields=["name", "index", "bias", "vector"]))
    spoken = [_Spoken(name, place, hierarchy) for place, name in enumerate(found.names)]
    known = words.vectors(list(dict.fromkeys(form for one in spoken for form in one.lookups())))
    dim = words.manifest.dim
    names, firsts = np.zeros((2, len(spoken), dim), dtype=np.float32)
    others: list[Floats] = []
    owners: list[int] = []
    for place, one in enumerate(spoken):
        first, *further = one.vectors(known) or [np.zeros(dim, np.float32)]
        label = phrase_vector(found.names[place], known)
        names[place] = 0 if label is None else label
        firsts[place] = first
        others += further
        owners += [place] * len(further)
    if not firsts.any():
        raise ModelError(
            f"none of the {len(spoken)} class names is in the vocabulary, so that words have no place among the classes in"
            f" {classes.name}. Load words of the classes' language: milvise ingest words …"
        )
    return ClassMixture(
        found.names,
        names,
        firsts,
        np.asarray(others, dtype=np.float32).reshape(-1, dim),
        np.asarray(owners, dtype=np.int64),
        np.ascontiguousarray(found.weights),
        found.bias,
        hierarchy,
    )


class _Spoken:
    """The phrases that stand for a class: its names, what it is a kind of, and what that is a kind of."""

    def __init__(self, name: str, place: int, hierarchy: Hierarchy | None) -> None:
        self._name = name
        self._lemmas = (
            [lemma for lemma in hierarchy.lemmas(place) if lemma != name and _is_kind(hierarchy, lemma, place)]
            if hierarchy
            else []
        )
        self._parents = hierarchy.parents(place) if hierarchy else ()
        self._broader = hierarchy.broader(place) if hierarchy else ()

    def lookups(self) -> list[str]:
        return [form for phrase in (self._name, *self._lemmas, *self._broader) for form in lookups(phrase)]

    def vectors(self, known: Mapping[str, Floats]) -> list[Floats]:
        """Return the unit vectors of its names, the first one first; none where the words know nothing of it."""
        parents = [vector for phrase in self._parents if (vector := phrase_vector(phrase, known)) is not None]
        above = _BROADER * unit(np.sum(parents, axis=0)) if parents else np.float32(0)
        others = {phrase: vector for phrase in self._lemmas if (vector := phrase_vector(phrase, known)) is not None}
        first = phrase_vector(self._name, known)
        if first is None:
            # Only a single word stands for a class without its name: a mud puppy, which is an axolotl, would be a puppy.
            first = next((vector for phrase, vector in others.items() if " " not in phrase), None)
        if first is None:
            first = next(
                (vector for phrase in self._broader if (vector := phrase_vector(phrase, known)) is not None), None
            )
        return [] if first is None else [unit(vector + above) for vector in (first, *others.values())]


def _is_kind(hierarchy: Hierarchy, name: str, place: int) -> bool:
    """Return whether a class is a kind of the last word of one of its names: a *mud puppy*, which is an axolotl, is no puppy."""
    *before, last = name.split()
    senses = hierarchy.senses(last) if before else ()
    return not senses or any(place in sense.kinds for sense in senses)


def _kept(path: Path, visual_dim: int, words_dim: int, hierarchy: Hierarchy | None) -> ClassMixture | None:
    arrays = read_arrays(path, _ARRAYS)
    if not arrays:
        return None
    count, others = len(arrays["labels"]), len(arrays["owners"])
    shapes = {
        "names": (count, words_dim), "first_names": (count, words_dim), "other_names": (others, words_dim), "weights": (count, visual_dim), "bias": (count,)
    }  # fmt: skip
    if not count or any(arrays[name].shape != shape for name, shape in shapes.items()):
        return None
    owners = arrays["owners"]
    if owners.size and not 0 <= owners.min() <= owners.max() < count:
        return None
    labels = tuple(arrays["labels"].tolist())
    return ClassMixture(
        labels,
        arrays["names"],
        arrays["first_names"],
        arrays["other_names"],
        owners,
        arrays["weights"],
        arrays["bias"],
        hierarchy,
    )


def _keep(mixture: ClassMixture, path: Path) -> None:
    """Write it for the next process; where the disk or the folder does not allow it, nothing is kept."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        config.cache_folder("classes")
        with part.open("wb") as file:
            np.savez(
                file,
                labels=np.asarray(mixture.labels),
                names=mixture.names,
                first_names=mixture.first_names,
                other_names=mixture.other_names,
                owners=mixture.owners,
                weights=mixture.weights,
                bias=mixture.bias,
            )
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
