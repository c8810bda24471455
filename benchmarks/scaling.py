"""How embedding scales with workers, by a discrete simulation with the figures of a calibration.

    milvise plan --calibrate
    python benchmarks/scaling.py [--pictures 100M] [--nodes 8] [--calibration FILE]

Workers take shards one after another. A worker needs its start time before its first shard, and again after it failed; it fails at random,
on average `--failures` times an hour, and the shard that it had in hand is done again from its beginning, `NOTICED_S` later. The speed of each attempt is
drawn from a lognormal distribution with mean one (`--spread` is its sigma). A worker that finds no shard left begins a second attempt of the
one that would end last, if it can be faster; what ends first counts. All workers share the bandwidth of the store that pictures come from. Import, index
and load follow when all shards are there, as ``milvise plan`` reckons them for `--nodes` nodes of Milvus. One seed gives one result.

Printed for each number of workers: hours of embedding, the efficiency (one worker's time by workers and time), the same on paper (`milvise plan`, without
failures and stragglers), hours until the gallery is live, and what takes longest.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from results import leave

import milvise
from milvise.core.sizes import read_count, read_size
from milvise.operations.capacity.steps import embedding_seconds

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
NOTICED_S = 60.0
"""Until somebody notices that a worker is gone, and starts it again."""


@dataclass(frozen=True)
class Scene:
    """What is simulated.

    Attributes
    ----------
    pictures, shard_rows, workers : int
    per_s : float
        Pictures a second that one worker embeds and writes.
    start_s : float
        What a worker takes before its first picture.
    store_per_s : float
        Pictures a second that the store gives to all workers together.
    failures : float
        Of one worker, an hour.
    spread : float
        Sigma of the logarithm of an attempt's speed.
    """

    pictures: int
    shard_rows: int
    workers: int
    per_s: float
    start_s: float = 0.0
    store_per_s: float = float("inf")
    failures: float = 0.0
    spread: float = 0.0
    seed: int = 0


@dataclass
class Attempt:
    """A worker at a shard: at first it starts, where it has to, then it embeds."""

    worker: int
    shard: int
    rows: float
    speed: float
    ready: float
    fails: float


@dataclass
class Outcome:
    """What came of it.

    Attributes
    ----------
    seconds : float
        Until all shards are there.
    failed, second : int
        Attempts that ended with a failure, and second attempts that were begun.
    store_bound_s : float
        For how long the store gave less than the workers could take.
    """

    seconds: float = 0.0
    failed: int = 0
    second: int = 0
    store_bound_s: float = 0.0
    done: set[int] = field(default_factory=set)


def simulate(scene: Scene) -> Outcome:
    """Let the workers embed all shards."""
    drawn = random.Random(scene.seed)
    sizes = shard_sizes(scene.pictures, scene.shard_rows)
    waiting = list(reversed(range(len(sizes))))
    running: list[Attempt] = []
    # A worker is back at some time: at the beginning all are, and need their start.
    idle = [(0.0, worker) for worker in range(scene.workers)]
    cold = set(range(scene.workers))
    now, found = 0.0, Outcome()
    while len(found.done) < len(sizes):
        while idle and idle[0][0] <= now:
            shard = _next_shard(waiting, running, found, sizes, scene, now)
            if shard is None:
                break
            _, worker = heapq.heappop(idle)
            running.append(_attempt(worker, shard, sizes[shard], now, cold, drawn, scene))
        rates = _rates(running, now, scene)
        step = _next_event(running, rates, idle, now)
        if _is_store_bound(running, rates, now):
            found.store_bound_s += step
        now += step
        for attempt, rate in zip(running, rates, strict=True):
            attempt.rows -= rate * step
        running = _ended(running, waiting, idle, cold, found, now)
    found.seconds = now
    return found


def shard_sizes(pictures: int, rows: int) -> list[int]:
    whole, last = divmod(pictures, rows)
    return [rows] * whole + ([last] if last else [])


def _next_shard(
    waiting: list[int], running: list[Attempt], found: Outcome, sizes: list[int], scene: Scene, now: float
) -> int | None:
    if waiting:
        return waiting.pop()
    tried = {attempt.shard for attempt in running}
    twice = {shard for shard in tried if sum(attempt.shard == shard for attempt in running) > 1}
    behind = [
        (max(0.0, attempt.ready - now) + attempt.rows / attempt.speed, attempt.shard)
        for attempt in running
        if attempt.shard not in twice
    ]
    if not behind:
        return None
    left, shard = max(behind)
    if left <= sizes[shard] / scene.per_s:
        return None
    found.second += 1
    return shard


def _attempt(
    worker: int, shard: int, rows: int, now: float, cold: set[int], drawn: random.Random, scene: Scene
) -> Attempt:
    start = scene.start_s if worker in cold else 0.0
    cold.discard(worker)
    # The mean of the time is what was measured, so that the mean of exp(...) is one.
    factor = drawn.lognormvariate(-(scene.spread**2) / 2, scene.spread) if scene.spread else 1.0
    fails = drawn.expovariate(scene.failures / 3_600) if scene.failures else float("inf")
    return Attempt(worker, shard, rows, scene.per_s / factor, now + start, now + fails)


def _rates(running: list[Attempt], now: float, scene: Scene) -> list[float]:
    """Return what each attempt embeds a second: its own speed, or an equal part of what the store has left over."""
    rates = [attempt.speed if attempt.ready <= now else 0.0 for attempt in running]
    if sum(rates) <= scene.store_per_s:
        return rates
    left, open_ones = scene.store_per_s, sorted((rate, place) for place, rate in enumerate(rates) if rate)
    for position, (rate, place) in enumerate(open_ones):
        rates[place] = min(rate, left / (len(open_ones) - position))
        left -= rates[place]
    return rates


def _is_store_bound(running: list[Attempt], rates: Iterable[float], now: float) -> bool:
    return any(rate < attempt.speed and attempt.ready <= now for attempt, rate in zip(running, rates, strict=True))


def _next_event(running: list[Attempt], rates: list[float], idle: list[tuple[float, int]], now: float) -> float:
    """Return how long nothing happens: until an attempt begins to embed, ends or fails, or a worker is back."""
    times = [attempt.fails - now for attempt in running]
    times += [
        attempt.rows / rate if rate else attempt.ready - now for attempt, rate in zip(running, rates, strict=True)
    ]
    times += [back - now for back, _ in idle if back > now]
    return max(0.0, min(times))


def _ended(
    running: list[Attempt],
    waiting: list[int],
    idle: list[tuple[float, int]],
    cold: set[int],
    found: Outcome,
    now: float,
) -> list[Attempt]:
    going = []
    for attempt in running:
        if attempt.rows <= 1e-6 and attempt.shard not in found.done:
            found.done.add(attempt.shard)
            heapq.heappush(idle, (now, attempt.worker))
        elif attempt.shard in found.done:
            # Another one was faster.
            heapq.heappush(idle, (now, attempt.worker))
        elif attempt.fails <= now:
            found.failed += 1
            cold.add(attempt.worker)
            heapq.heappush(idle, (now + NOTICED_S, attempt.worker))
            if not any(other.shard == attempt.shard for other in running if other is not attempt):
                waiting.append(attempt.shard)
        else:
            going.append(attempt)
    # An attempt that was looked at before the one that beat it.
    for attempt in [one for one in going if one.shard in found.done]:
        going.remove(attempt)
        heapq.heappush(idle, (now, attempt.worker))
    return going


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", default="100M")
    parser.add_argument("--shard-rows", type=int, default=100_000)
    parser.add_argument("--bandwidth", default="1.25GB")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--milvus", default="2.6")
    parser.add_argument("--memory", default="320GB")
    parser.add_argument("--failures", type=float, default=0.01, help="of one worker, an hour")
    parser.add_argument("--spread", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calibration")
    arguments = parser.parse_args()
    planned = milvise.plan(
        arguments.pictures, memory=arguments.memory, nodes=arguments.nodes, milvus=arguments.milvus,
        bandwidth="1000TB", shard_rows=arguments.shard_rows, calibration=arguments.calibration,
    )  # fmt: skip
    behind = {name: planned.step(name).seconds for name in ("import", "index", "load")}
    rates = {name: planned.step(name).rate for name in ("embed", "write")}
    # A shard is written after its pictures were embedded.
    per_s = 1 / sum(1 / rate.value for rate in rates.values())
    pictures = read_count(arguments.pictures)
    picture_bytes = planned.sources.value / pictures
    start_s = planned.step("embed").seconds - pictures / rates["embed"].value
    print(
        f"{pictures:,} pictures in shards of {arguments.shard_rows:,}; {per_s:.0f} pictures/s a worker ({rates['embed'].source})"
    )
    print(
        f"{arguments.nodes} nodes of Milvus: "
        + ", ".join(f"{name} {seconds / 3600:.1f} h" for name, seconds in behind.items())
    )
    print(
        f"{'workers':>7} {'embedding':>10} {'efficiency':>10} {'waits for':<17} {'on paper':>9} {'failed':>6} {'second':>6} {'live after':>10} {'efficiency':>10}  takes longest"
    )
    alone = whole_alone = 0.0
    rows = []
    for workers in WORKERS:
        scene = Scene(
            pictures, arguments.shard_rows, workers, per_s, start_s, read_size(arguments.bandwidth) / picture_bytes,
            arguments.failures, arguments.spread, arguments.seed,
        )  # fmt: skip
        found = simulate(scene)
        whole = found.seconds + sum(behind.values())
        alone, whole_alone = alone or found.seconds, whole_alone or whole
        paper = embedding_seconds(pictures, workers, per_s, start_s, arguments.shard_rows)
        steps = {"embedding": found.seconds, **behind}
        longest = max(steps, key=lambda name: steps[name])
        waits = "store of pictures" if found.store_bound_s > found.seconds / 2 else "workers"
        efficiency, of_whole = alone / workers / found.seconds, whole_alone / workers / whole
        rows.append({
            "workers": workers, "embedding_h": found.seconds / 3600, "efficiency": efficiency, "paper_h": paper / 3600, "failed": found.failed,
            "second_attempts": found.second, "live_h": whole / 3600, "efficiency_of_all": of_whole, "embedding_waits_for": waits, "longest": longest,
        })  # fmt: skip
        print(
            f"{workers:>7} {found.seconds / 3600:>8.1f} h {efficiency:>10.2f} {waits:<17} {paper / 3600:>7.1f} h {found.failed:>6} {found.second:>6}"
            f" {whole / 3600:>8.1f} h {of_whole:>10.2f}  {longest}"
        )
    leave("scaling", {"pictures": pictures, "nodes": arguments.nodes, "per_s": per_s, "behind_s": behind, "rows": rows})


if __name__ == "__main__":
    main()
