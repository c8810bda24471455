"""Networks that OpenVINO runs on a processor.

A head is no part of a network's graph, which takes one picture at a time: it would read the weights of the head for each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import SimpleQueue
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

_REQUESTS_PER_STREAM = 4
"""One is computed, and others wait beside it: a stream that waited for Python, whose threads wait for each other, would stand still meanwhile."""

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
        """Release the compiled graphs and end the threads that run them; they are made again when it is used again."""
        self._runner.close()


class Runner:
    """A compiled backbone, for many pictures at once or for a single one; usable from several threads."""

    def __init__(self, backbone: Path, *, precision: str = SINGLE) -> None:
        self._backbone = backbone
        self._precision = precision
        self._lock = Lock()
        self._many: _Pool | None = None
        self._single: Any = None

    def __call__(self, pixels: Pixels) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""
        if len(pixels) == 1:
            return self._run_single(pixels)
        with self._lock:
            self._many = self._many or self._pool()
            # Begun under the lock: what was begun is done, even if the threads are told to end meanwhile.
            begun = self._many.begin(pixels)
        return np.concatenate(list(begun))

    def close(self) -> None:
        """Release the compiled graphs, and end the threads after what they were asked for; the next call makes them again."""
        with self._lock:
            many, self._many, self._single = self._many, None, None
        if many is not None:
            many.close()

    def _run_single(self, pixels: Pixels) -> Floats:
        with self._lock:
            self._single = self._single or self._compiled(1, "LATENCY").create_infer_request()
            return _infer(self._single, pixels)

    def _pool(self) -> _Pool:
        heavy = self._backbone.with_suffix(".bin").stat().st_size > _HEAVY_BYTES
        group = _HEAVY_GROUP if heavy else 1
        return _Pool(self._compiled(group, "THROUGHPUT"), group)

    def _compiled(self, group: int, hint: str) -> Any:
        ov = import_openvino("running a network with OpenVINO")
        model = read_graph(self._backbone)
        floats = half_floats() if self._precision == HALF else None
        computing = {_PRECISION: floats} if floats else _EXACT
        try:
            model.reshape({0: [group, *(side.get_length() for side in list(model.input(0).partial_shape)[1:])]})
            with silenced():
                return _begun(
                    ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": hint, **computing, **_UNPINNED})
                )
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot run {self._backbone} on this processor: {error}") from error


class _Pool:
    """A graph for a group of pictures, run for as many groups at once as keep the processor busy."""

    def __init__(self, compiled: Any, group: int) -> None:
        count = _REQUESTS_PER_STREAM * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._group = group
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(count):
            self._requests.put(compiled.create_infer_request())
        self._workers = ThreadPoolExecutor(count, thread_name_prefix="milvise-openvino")

    def begin(self, pixels: Pixels) -> Iterator[Floats]:
        """Give all pictures to the threads, and return an iterator that waits for their vectors, group by group."""
        return self._workers.map(
            self._run, [pixels[at : at + self._group] for at in range(0, len(pixels), self._group)]
        )

    def close(self) -> None:
        """Wait for what was begun, and end the threads."""
        self._workers.shutdown()

    def _run(self, pixels: Pixels) -> Floats:
        request = self._requests.get()
        try:
            return _infer(request, _padded(pixels, self._group))[: len(pixels)]
        finally:
            self._requests.put(request)


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


def _padded(pixels: Pixels, group: int) -> Pixels:
    if len(pixels) == group:
        return pixels
    return np.concatenate([pixels, np.zeros((group - len(pixels), *pixels.shape[1:]), pixels.dtype)])
