"""Networks that OpenVINO runs on a processor.

A head is no part of a network's graph, which takes a few pictures at a time: it would read the weights of the head for each of these groups.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.core.precision import HALF, SINGLE
from milvise.embeddings.devise.network import BATCH_SIZE, Network
from milvise.embeddings.runtimes.quiet_keras import silenced
from milvise.errors import MissingExtraError, ModelError

_HEAVY_BYTES = 100 * 2**20
_HEAVY_GROUP = 4
"""Networks with wide dense layers wait for their weights to come from memory, which several pictures can share."""

_HALF_GROUP = 2
"""Intermediate results in half precision take half the room, so that two pictures take that of one in single precision."""

_REQUESTS_PER_STREAM = 3
"""One is computed while others wait beside it, so that a stream never waits for Python."""

_FIRST = Lock()
"""OpenVINO's Python package sets itself up at the first inference, and where two threads come at once both wait for ever."""

_PRECISION = "INFERENCE_PRECISION_HINT"
_EXACT = {_PRECISION: "f32"}
"""By default OpenVINO computes in half precision where the processor can, and its vectors then differ from Keras's."""

_HALVES = {"BF16": "bf16", "FP16": "f16"}
"""The kinds of floats of 16 bits that a processor may multiply, as OpenVINO calls them. One that has both (x86-64) is slower than in single precision with the second."""

_ALONE = {"INFERENCE_NUM_THREADS": 1}
"""A product that several threads share is added up in another order, which changes last digits."""

_UNPINNED = {"ENABLE_CPU_PINNING": "NO"}
"""Reading, decoding and writing share the processor's cores with it."""


def import_openvino(purpose: str) -> Any:
    """Return the module ``openvino``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    # On import it would report its use to its makers, from a forked process. Without that module it goes on in silence.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        with silenced():
            import openvino
    except ImportError:
        raise MissingExtraError(purpose, "openvino") from None
    return openvino


@cache
def half_floats() -> str | None:
    """Return which floats of 16 bits this processor multiplies by itself, ``f16`` or ``bf16``, None for neither.

    Raises
    ------
    MissingExtraError
        If OpenVINO is not installed.
    """
    ov = import_openvino("running a network with OpenVINO")
    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return next((name for capability, name in _HALVES.items() if capability in able), None)


def read_graph(path: Path) -> Any:
    """Return the graph in an ``.xml`` file.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    ov = import_openvino("running a network with OpenVINO")
    try:
        return ov.Core().read_model(path)
    except RuntimeError as error:
        raise ModelError(f"{path} is no graph that OpenVINO can read: {error}") from error


@dataclass(frozen=True, slots=True)
class CompiledBackbone(Network):
    """A backbone that OpenVINO runs.

    Attributes
    ----------
    graph : Path
        Its ``.xml`` file, from ``pixels`` of type uint8 to ``visual``.
    """

    graph: Path
    _runner: Runner = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # It compiles the graph when the first picture comes: a run that finds everything unchanged needs none.
        object.__setattr__(self, "_runner", Runner(self.graph, precision=self.precision))

    @property
    def engine(self) -> str:
        """``openvino``."""
        return "openvino"

    @property
    def usual_batch(self) -> int:
        """How many pictures at once keep it busy: a head takes many at a time."""
        return 2 * BATCH_SIZE

    def embed(self, pixels: Pixels, *, batch_size: int = BATCH_SIZE) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""
        return np.concatenate([self._runner(pixels[at : at + batch_size]) for at in range(0, len(pixels), batch_size)])

    def close(self) -> None:
        """Release the compiled graphs, and OpenVINO's threads with them; they are made again when it is used again."""
        self._runner.close()


class Runner:
    """A compiled backbone, for many pictures at once or for a single one; usable from several threads."""

    def __init__(self, backbone: Path, *, precision: str = SINGLE) -> None:
        self._backbone = backbone
        self._precision = precision
        self._lock = Lock()
        self._many: _Streams | None = None
        self._single: Any = None

    def __call__(self, pixels: Pixels) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""
        if len(pixels) == 1:
            return self._run_single(pixels)
        with self._lock:
            many = self._many = self._many or self._streams()
        # Closed meanwhile, it is released after this call.
        return many.run(pixels)

    def close(self) -> None:
        """Release the compiled graphs; the next call makes them again."""
        with self._lock:
            self._many = self._single = None

    def _run_single(self, pixels: Pixels) -> Floats:
        with self._lock:
            self._single = self._single or self._compiled(1, "LATENCY").create_infer_request()
            return _infer(self._single, pixels)

    def _streams(self) -> _Streams:
        heavy = self._backbone.with_suffix(".bin").stat().st_size > _HEAVY_BYTES
        group = _HEAVY_GROUP if heavy else _HALF_GROUP if self._floats() else 1
        return _Streams(self._compiled(group, "THROUGHPUT"), group)

    def _floats(self) -> str | None:
        return half_floats() if self._precision == HALF else None

    def _compiled(self, group: int, hint: str) -> Any:
        ov = import_openvino("running a network with OpenVINO")
        model = read_graph(self._backbone)
        floats = self._floats()
        computing = {_PRECISION: floats} if floats else _EXACT
        try:
            model.reshape({0: [group, *(side.get_length() for side in list(model.input(0).partial_shape)[1:])]})
            with silenced():
                return _begun(
                    ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": hint, **computing, **_UNPINNED})
                )
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot run {self._backbone} on this processor: {error}") from error


class _Streams:
    """A graph for a group of pictures, run for as many groups at once as keep the processor busy.

    OpenVINO's own threads compute. The thread that calls gives them one group after the other, so that Python has nothing to do between two pictures
    but to copy one in and a vector out.
    """

    def __init__(self, compiled: Any, group: int) -> None:
        count = _REQUESTS_PER_STREAM * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._group = group
        self._width = list(compiled.output(0).shape)[1]
        self._requests = [compiled.create_infer_request() for _ in range(count)]
        self._lock = Lock()

    def run(self, pixels: Pixels) -> Floats:
        """Return the vectors, float32 of shape (n, dim), of pixels (n, size, size, 3); a thread that comes meanwhile waits."""
        vectors = np.empty((len(pixels), self._width), np.float32)
        starts = range(0, len(pixels), self._group)
        with self._lock:
            try:
                for place, start in enumerate(starts):
                    if place >= len(self._requests):
                        self._collect(place - len(self._requests), vectors)
                    self._begin(place, pixels[start : start + self._group])
                for place in range(max(0, len(starts) - len(self._requests)), len(starts)):
                    self._collect(place, vectors)
            except BaseException:
                # A request that computes cannot be begun again. One that failed says so each time that it is waited for.
                for request in self._requests:
                    with suppress(RuntimeError):
                        request.wait()
                raise
        return vectors

    def _begin(self, place: int, pixels: Pixels) -> None:
        request = self._requests[place % len(self._requests)]
        # In memory of its own: a graph goes on to write into memory that was once shared with it, long after that was freed.
        request.get_input_tensor(0).data[: len(pixels)] = pixels
        request.start_async()

    def _collect(self, place: int, vectors: Floats) -> None:
        request = self._requests[place % len(self._requests)]
        request.wait()
        part = vectors[place * self._group : (place + 1) * self._group]
        part[:] = request.get_output_tensor(0).data[: len(part)]


def run_graph(graph: Any) -> Callable[[Floats], Floats]:
    """Return a head's graph as a function from visual to joint vectors; usable from several threads.

    Raises
    ------
    ModelError
        If OpenVINO cannot run it here.
    """
    ov = import_openvino("running a head with OpenVINO")
    try:
        compiled = _begun(ov.Core().compile_model(graph, "CPU", {**_EXACT, **_UNPINNED, **_ALONE}))
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot run the head on this processor: {error}") from error

    def run(visual: Floats) -> Floats:
        request = compiled.create_infer_request()
        request.infer({0: visual})
        return np.array(request.get_output_tensor(0).data)

    return run


def _begun(compiled: Any) -> Any:
    """Return a compiled graph after its first inference, on nothing, while no other thread was at one."""
    shape = compiled.input(0).partial_shape
    nothing = np.zeros(
        [1 if side.is_dynamic else side.get_length() for side in shape], compiled.input(0).element_type.to_dtype()
    )
    with _FIRST:
        _infer(compiled.create_infer_request(), nothing)
    return compiled


def _infer(request: Any, pixels: Pixels) -> Floats:
    # Its input is copied: a graph goes on to write into memory that was once shared with it, long after that was freed.
    request.infer({0: pixels})
    return np.array(request.get_output_tensor(0).data)
