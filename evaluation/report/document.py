"""Start here: a report on a gallery, from its parts to a JSON document and a page."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from milvise.adapter import Manifest
from milvise.core.spaces import JOINT, VISUAL
from milvise.evaluation.report.figures import Figure, rounded
from milvise.evaluation.report.section import Section
from milvise.queries.evaluation_reads import GalleryReader

FORMAT = 1
_PACKAGES = ("milvise", "pymilvus", "milvus-lite", "numpy", "ir-measures", "faiss-cpu", "hnswlib", "annoy")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about a gallery.

    Attributes
    ----------
    gallery : dict
        Name, filter, and for each collection its size, index and fingerprint.
    software : dict of str to str
        Versions.
    made : str
        When, in UTC.
    parts : list of Part
    seconds : float
        How long it took.
    changes : list of dict
        What `milvise.evaluation.report.compare` found, where an older report was given.
    older : list of str
        In which ways that older report is of something else.
    gates : list of dict
        What `milvise.evaluation.report.limits` found, where limits were given.
    """

    gallery: dict[str, Any]
    software: dict[str, str]
    made: str
    parts: list[Section]
    seconds: float
    changes: list[dict[str, Any]] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures by name."""
        return {figure.name: figure for part in self.parts for figure in part.figures}

    @property
    def not_measured(self) -> list[str]:
        """What a reader might expect and does not find."""
        names = {part.name for part in self.parts}
        absent = [
            f"{name.capitalize()}: run milvise evaluate {name}, or all."
            for name in ("accuracy", "index", "bias") if name not in names
        ]  # fmt: skip
        return [*absent, *(remark for part in self.parts for remark in part.not_measured)]

    @property
    def kept(self) -> bool:
        """Whether all limits are kept."""
        return all(gate["kept"] for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Return the report with every number in it."""
        return {
            "milvise_report": FORMAT,
            "made": self.made,
            "seconds": rounded(self.seconds),
            "gallery": self.gallery,
            "software": self.software,
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "parts": {
                part.name: {
                    "figures": [figure.name for figure in part.figures], "facts": part.facts, "tables": part.tables,
                    "not_measured": part.not_measured,
                }
                for part in self.parts
            },
            "not_measured": self.not_measured,
            "changes": self.changes,
            "older": self.older,
            "gates": self.gates,
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Report:
        """Return the report that `to_json` wrote down."""
        figures = {name: Figure.from_json(name, values) for name, values in document["figures"].items()}
        parts = [
            Section(
                name,
                [figures[figure] for figure in values["figures"]],
                *(values[key] for key in ("facts", "tables", "not_measured")),
            )
            for name, values in document["parts"].items()
        ]
        gallery, software, made = (document[name] for name in ("gallery", "software", "made"))
        kept = (document[name] for name in ("changes", "older", "gates"))
        return cls(gallery, software, made, parts, document["seconds"], *kept)


def make_report(
    reading: GalleryReader, evaluations: Sequence[Callable[[], Section]], *, filter: str, clock: Callable[[], float]
) -> Report:
    """Run evaluations of one gallery.

    Raises
    ------
    StoreError
        If the gallery was replaced meanwhile.
    """
    started = clock()
    parts = [evaluate() for evaluate in evaluations]
    reading.require_unchanged()
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Report(_gallery(reading, filter), _software(reading), made, parts, clock() - started)


def _gallery(reading: GalleryReader, filter: str) -> dict[str, Any]:
    def entry(manifest: Manifest) -> dict[str, Any]:
        return {
            "rows": reading.rows(manifest), "dim": manifest.dim, "index": manifest.index, "collection": manifest.collection,
            "fingerprint": dict(manifest.fingerprint),
        }  # fmt: skip

    joint = reading.joint if JOINT in reading.spaces else None
    standing = {VISUAL: reading.visual, JOINT: joint, "words": reading.words}
    collections = {name: entry(manifest) for name, manifest in standing.items() if manifest is not None}
    return {
        "name": reading.gallery.name, "filter": filter, "sources": list(reading.visual.sources), "collections": collections,
    }  # fmt: skip


def _software(reading: GalleryReader) -> dict[str, str]:
    found = {"milvus": reading.database.store.connection.version, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
