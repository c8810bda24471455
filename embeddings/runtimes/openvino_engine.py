"""Networks that OpenVINO runs on a processor: backbone and head as one graph, pixels in, visual and joint vectors out."""

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
from weakref import WeakSet

import numpy as np

from milvise.core.arrays import Floats, Pixels
from milvise.core.precision import HALF, SINGLE
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.devise.network import BATCH_SIZE, Both, Head, Network
from milvise.embeddings.runtimes.quiet_keras import silenced
from milvise.errors import MissingExtraError, ModelError

_HEAVY_BYTES = 100 * 2**20
_HEAVY_GROUP = 4
"""Networks with wide dense layers wait for their weights to come from memory, which several pictures can share."""

_REQUESTS_PER_STREAM = 2
"""One is computed, and the next waits beside it: a stream that waited for Python would stand still meanwhile."""

_FIRST = Lock()
"""OpenVINO's Python package sets itself up at the first inference, and where two threads come at once both wait for ever."""

_PRECISION = "INFERENCE_PRECISION_HINT"
_EXACT = {_PRECISION: "f32"}
"""By default OpenVINO computes in half precision where the processor can, and its vectors then differ from Keras's."""

_HALVES = {"BF16": "bf16", "FP16": "f16"}
"""The kinds of floats of 16 bits that a processor may multiply, as OpenVINO calls them. One that has both (x86-64) is slower than in single precision with the second."""

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
    _runners: dict[str, Runner] = field(default_factory=dict, compare=False, repr=False)
    _joined: WeakSet[Runner] = field(default_factory=WeakSet, compare=False, repr=False)

    @property
    def engine(self) -> str:
        """``openvino``."""
        return "openvino"

    @property
    def usual_batch(self) -> int:
        """How many pictures at once keep it busy: at the end of each batch it waits for the last groups."""
        return 2 * BATCH_SIZE

    def embed(self, pixels: Pixels, *, batch_size: int = BATCH_SIZE) -> Floats:
        """Return the visual vectors, float32 of shape (n, dim), of pixels (n, size, size, 3)."""
        # Compiled when the first picture comes: a run that finds everything unchanged needs none.
        runner = self._runners.setdefault("visual", Runner(self.graph, precision=self.precision))
        return np.concatenate(
            [runner(pixels[at : at + batch_size])["visual"] for at in range(0, len(pixels), batch_size)]
        )

    def joined(self, head: Head) -> Both:
        """Return a function from pixels to visual and joint vectors, which is one graph where the head can be part of it.

        A head always computes in single precision.
        """
        source = head_graph(head)
        if source is None:
            # Not `super()`: a dataclass with slots is made anew, and the class that it names is another one.
            return Network.joined(self, head)
        if self.precision == HALF:
            return self._beside(run_graph(source))
        runner = Runner(self.graph, source)
        self._joined.add(runner)

        def both(pixels: Pixels, batch_size: int) -> tuple[Floats, Floats]:
            outputs = [runner(pixels[at : at + batch_size]) for at in range(0, len(pixels), batch_size)]
            visual, joint = (np.concatenate([output[name] for output in outputs]) for name in ("visual", "joint"))
            return visual, joint

        return both

    def _beside(self, run: Callable[[Floats], Floats]) -> Both:
        def both(pixels: Pixels, batch_size: int) -> tuple[Floats, Floats]:
            visual = self.embed(pixels, batch_size=batch_size)
            return visual, run(visual)

        return both

    def close(self) -> None:
        """Release the compiled graphs and end the threads that run them; they are made again when it is used again."""
        for runner in [*self._runners.values(), *self._joined]:
            runner.close()


class Runner:
    """A compiled graph, for many pictures at once or for a single one; usable from several threads."""

    def __init__(self, backbone: Path, head: Any | None = None, *, precision: str = SINGLE) -> None:
        self._backbone = backbone
        self._head = head
        self._precision = precision
        self._lock = Lock()
        self._many: _Pool | None = None
        self._single: Any = None

    def __call__(self, pixels: Pixels) -> dict[str, Floats]:
        """Return the outputs, each float32 of shape (n, its width), of pixels (n, size, size, 3)."""
        if len(pixels) == 1:
            return self._run_single(pixels)
        with self._lock:
            self._many = self._many or self._pool()
            # Begun under the lock: what was begun is done, even if the threads are told to end meanwhile.
            begun = self._many.begin(pixels)
        found = list(begun)
        return {name: np.concatenate([output[name] for output in found]) for name in found[0]}

    def close(self) -> None:
        """Release the compiled graphs, and end the threads after what they were asked for; the next call makes them again."""
        with self._lock:
            many, self._many, self._single = self._many, None, None
        if many is not None:
            many.close()

    def _run_single(self, pixels: Pixels) -> dict[str, Floats]:
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
        if self._head is not None:
            model = _chained(model, self._head.clone())
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

    def begin(self, pixels: Pixels) -> Iterator[dict[str, Floats]]:
        """Give all pictures to the threads, and return an iterator that waits for the outputs, group by group."""
        return self._workers.map(
            self._run, [pixels[at : at + self._group] for at in range(0, len(pixels), self._group)]
        )

    def close(self) -> None:
        """Wait for what was begun, and end the threads."""
        self._workers.shutdown()

    def _run(self, pixels: Pixels) -> dict[str, Floats]:
        request = self._requests.get()
        try:
            return {
                name: output[: len(pixels)] for name, output in _infer(request, _padded(pixels, self._group)).items()
            }
        finally:
            self._requests.put(request)


def head_graph(head: Head) -> Any | None:
    """Return a head as an OpenVINO graph from ``visual`` to ``joint``, None for one that only Keras can run."""
    if isinstance(head, ConseHead):
        return conse_graph(head)
    graph: Path | None = getattr(head, "graph", None)
    return None if graph is None else read_graph(graph)


def conse_graph(head: ConseHead) -> Any:
    """Return the training-free head as an OpenVINO graph."""
    ov = import_openvino("running a head with OpenVINO")
    from openvino import opset13 as ops

    visual = ops.parameter([-1, head.weights.shape[0]], np.float32, name="visual")
    logits = ops.add(
        ops.matmul(visual, ops.constant(np.ascontiguousarray(head.weights)), False, False), ops.constant(head.bias)
    )
    mixed = ops.matmul(ops.softmax(logits, axis=1), ops.constant(head.names), False, False)
    joint = ops.normalize_l2(mixed, ops.constant(np.array([1], np.int64)), 1e-24, "max")
    return ov.Model([ops.result(joint, name="joint")], [visual], "conse")


def run_graph(graph: Any) -> Callable[[Floats], Floats]:
    """Return a head's graph as a function from visual to joint vectors; usable from several threads.

    Raises
    ------
    ModelError
        If OpenVINO cannot run it here.
    """
    ov = import_openvino("running a head with OpenVINO")
    try:
        compiled = _begun(ov.Core().compile_model(graph, "CPU", {**_EXACT, **_UNPINNED}))
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot run the head on this processor: {error}") from error

    def run(visual: Floats) -> Floats:
        request = compiled.create_infer_request()
        request.infer({0: visual})
        return np.array(request.get_output_tensor(0).data)

    return run


def _chained(backbone: Any, head: Any) -> Any:
    """Return one graph with the outputs ``visual`` and ``joint``."""
    ov = import_openvino("running a network with OpenVINO")
    visual = backbone.output(0).get_node().input_value(0)
    for target in head.input(0).get_node().output(0).get_target_inputs():
        target.replace_source_output(visual)
    joint = head.output(0).get_node()
    return ov.Model([*backbone.get_results(), joint], backbone.get_parameters(), "milvise")


def _begun(compiled: Any) -> Any:
    """Return a compiled graph after its first inference, on nothing, while no other thread was at one."""
    shape = compiled.input(0).partial_shape
    nothing = np.zeros(
        [1 if side.is_dynamic else side.get_length() for side in shape], compiled.input(0).element_type.to_dtype()
    )
    with _FIRST:
        _infer(compiled.create_infer_request(), nothing)
    return compiled


def _infer(request: Any, pixels: Pixels) -> dict[str, Floats]:
    # Its input is copied: a graph goes on to write into memory that was once shared with it, long after that was freed.
    request.infer({0: pixels})
    names = ("visual", "joint")[: len(request.model_outputs)]
    return {name: request.get_output_tensor(place).data.copy() for place, name in enumerate(names)}


def _padded(pixels: Pixels, group: int) -> Pixels:
    if len(pixels) == group:
        return pixels
    return np.concatenate([pixels, np.zeros((group - len(pixels), *pixels.shape[1:]), pixels.dtype)])
