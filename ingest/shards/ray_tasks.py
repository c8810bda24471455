"""Shards as tasks of Ray, one for each: on the machines of a cluster that share the folder of shards.

Ray core, and not Ray Data: each shard is a function of a file, so that nothing has to be kept track of but which shards are done.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from milvise.errors import MilviseError, MissingExtraError, UnavailableError
from milvise.ingest.shards.embed_shard import ShardDone, ShardWorker
from milvise.ingest.shards.folder import ShardFolder
from milvise.ingest.shards.processes import CORES_PER_WORKER, WorkerOptions
from milvise.ingest.shards.progress import ShardsProgress
from milvise.ingest.shards.schedule import Schedule

_LOOK_S = 1.0
_workers: dict[tuple[str, str, int | None], ShardWorker] = {}
"""Ray runs several tasks in one process, one after the other: the network is loaded once."""


def run_on_ray(
    folder: ShardFolder, todo: Iterable[int], options: WorkerOptions, progress: ShardsProgress, *, address: str | None
) -> Schedule:
    """Make shards on a cluster, and return what came of them.

    Parameters
    ----------
    address : str, optional
        Of the cluster, as `ray.init` takes it; None for the one of this machine, which is started where there is none.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    UnavailableError
        If the cluster cannot be reached.
    """
    ray = _ray(address)
    cores = min(
        CORES_PER_WORKER, max(1, int(max((node["Resources"].get("CPU", 1) for node in ray.nodes()), default=1)))
    )
    # The schedule tries again itself; Ray would run a lost task again on its own, and know nothing of slow ones.
    make = ray.remote(num_cpus=cores, max_retries=0)(_make)
    schedule = Schedule(todo)
    running: dict[Any, int] = {}
    try:
        while not schedule.is_over:
            slots = options.workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // cores)
            while len(running) < slots and (number := schedule.start(time.monotonic())) is not None:
                task = make.remote(str(folder.path.absolute()), number, options.engine, options.batch_size)
                running[task] = number
            ended, _ = ray.wait(list(running), num_returns=1, timeout=_LOOK_S) if running else ([], [])
            for task in ended:
                _note(ray, task, running.pop(task), schedule, progress)
            progress.tell()
    finally:
        for task in running:
            ray.cancel(task, force=True)
        ray.shutdown()
        folder.remove_leftovers()
    return schedule


def _make(folder: str, number: int, engine: str, batch_size: int | None) -> tuple[str, int, int]:
    """Make one shard, in a process of Ray's; return what came of it: a reason, or nothing and the numbers of pictures."""
    key = (folder, engine, batch_size)
    try:
        if key not in _workers:
            _workers[key] = ShardWorker(ShardFolder(Path(folder)), engine=engine, batch_size=batch_size)
        done = _workers[key].embed(number)
    except MilviseError as error:
        return str(error), 0, 0
    return "", done.rows, done.quarantined


def _note(ray: Any, task: Any, number: int, schedule: Schedule, progress: ShardsProgress) -> None:
    try:
        reason, embedded, quarantined = ray.get(task)
    except ray.exceptions.RayError as error:
        schedule.lose(number, f"its worker was lost: {type(error).__name__}")
        return
    if reason:
        schedule.fail(number, reason)
    else:
        schedule.done(number, time.monotonic())
        progress.done(number, ShardDone(embedded, quarantined))


def _ray(address: str | None) -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtraError("embedding on a Ray cluster", "ray") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
        except (ConnectionError, RuntimeError, TimeoutError) as error:
            raise UnavailableError(
                f"the Ray cluster at {address or 'this machine'} cannot be reached: {error}"
            ) from error
    return ray
