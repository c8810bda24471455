"""How fast things are: what was measured on a machine, kept in a file, and what is taken where nothing was measured."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from milvise.core import config
from milvise.core.json_data import parse_json
from milvise.core.spaces import JOINT, VISUAL
from milvise.errors import InputError, UsageError
from milvise.operations.capacity.figures import Cost, Figure
from milvise.operations.capacity.usual import BACKBONES, COSTS, FIGURES, JOINT_DIM, WRITE

FORMAT = "milvise-calibration-2"
"""In the first one, what a server takes for a file stood for all files together."""
LITE = "lite"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How fast things are on one machine.

    Attributes
    ----------
    backbone : str
        What the pictures went through.
    spaces : mapping of str to int
        The width of the vectors of each collection.
    figures : mapping of str to Figure
        ``start_s``, ``list_per_s``, ``decode_per_s``, ``embed_per_s``, ``picture_bytes`` and ``shard_bytes``.
    costs : mapping of str to Cost
        Of rows in files, ``write``, and in Milvus: ``insert``, ``import``, ``index.hnsw``, ``index.ivf``, ``load``.
    milvus : str
        The Milvus that the costs are of: ``lite``, or the version of a server.
    machine : mapping
        What it was measured on.
    """

    backbone: str
    spaces: Mapping[str, int]
    figures: Mapping[str, Figure]
    costs: Mapping[str, Cost]
    milvus: str
    machine: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "format": FORMAT, "backbone": self.backbone, "spaces": dict(self.spaces), "milvus": self.milvus,
            "machine": dict(self.machine),
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "costs": {name: cost.to_json() for name, cost in self.costs.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Any) -> Calibration:
        """Read what `to_json` wrote; what is missing is taken from `usual`.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If it is something else.
        """
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']!r}, and not {FORMAT!r}")
        milvus = str(values["milvus"])
        known = usual_costs(milvus)
        figures = {
            name: Figure(float(one["value"]), str(one["unit"]), str(one["source"]))
            for name, one in values["figures"].items()
        }
        costs = {name: Cost.from_json(one) for name, one in values["costs"].items()}
        if any(not figure.value > 0 for figure in figures.values()):
            raise ValueError("a figure is not above zero")
        return cls(
            str(values["backbone"]),
            {str(name): int(dim) for name, dim in values["spaces"].items()},
            {**FIGURES, **figures},
            {**known, **costs},
            milvus,
            dict(values.get("machine", {})),
        )

    def without_joint(self) -> Calibration:
        """Return it for a gallery without joint vectors."""
        return replace(self, spaces={name: dim for name, dim in self.spaces.items() if name != JOINT})

    def on(self, milvus: str) -> Calibration:
        """Return it for another Milvus: what was measured is kept where it is of the same kind, Milvus Lite or a server."""
        if (milvus == LITE) == (self.milvus == LITE):
            return replace(self, milvus=milvus)
        return replace(self, milvus=milvus, costs={**usual_costs(milvus), "write": self.costs["write"]})


def usual(backbone: str, *, milvus: str, joint: bool = True) -> Calibration:
    """Return what is taken where nothing was measured.

    Raises
    ------
    UsageError
        If nothing is known of the backbone.
    """
    if backbone not in BACKBONES:
        raise UsageError(
            f"nothing is known of the speed of the backbone {backbone}.\nExpected: one of {', '.join(BACKBONES)}, or figures of this"
            f" machine\nMeasure them: milvise plan --calibrate --backbone {backbone}"
        )
    dim, figures = BACKBONES[backbone]
    spaces = {VISUAL: dim} | ({JOINT: JOINT_DIM} if joint else {})
    return Calibration(backbone, spaces, {**FIGURES, **figures}, usual_costs(milvus), milvus)


def kept_path(backbone: str) -> Path:
    """Return where the calibration of a backbone is kept on this machine; nothing is made."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in backbone)
    return config.cache() / "calibration" / f"{name}.json"


def read_calibration(path: Path) -> Calibration:
    """Return what `write_calibration` wrote, or somebody by hand.

    Raises
    ------
    InputError
        If there is no such file, or it is something else.
    """
    try:
        return Calibration.from_json(parse_json(path.read_bytes()))
    except OSError as error:
        raise InputError(f"the calibration {path} cannot be read: {error.strerror or error}.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no calibration: {type(error).__name__}: {error}.\nMeasure again: milvise plan --calibrate"
        ) from error


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration into a file, which is there whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(json.dumps(calibration.to_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"the calibration {path} cannot be written: {error.strerror or error}.") from error


def usual_costs(milvus: str) -> Mapping[str, Cost]:
    """Return the costs of files, and of Milvus Lite or of a server, that are taken where nothing was measured."""
    return {"write": WRITE, **COSTS["lite" if milvus == LITE else "server"]}
