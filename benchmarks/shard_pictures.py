"""`embed` and `load` beside a plain ingest of the same pictures: equal, at what cost, and what kills do to the files.

Real pictures are varied (crops, flips, brightness) until there are so many. They are

1. loaded by `milvise ingest images`;
2. embedded on processes, and loaded by bulk import: rows are compared with those of 1, and the seconds with its seconds;
3. embedded once more into smaller shards, undisturbed, and then again, while workers and the whole command are killed (SIGKILL): the files are compared, byte by byte;
4. embedded on a Ray cluster of two simulated nodes, one of which is killed, and the command too: the files likewise.

    python benchmarks/shard_pictures.py --pictures FOLDER                      # 20,000 pictures, some 15 minutes
    python benchmarks/shard_pictures.py --pictures FOLDER --count 2000 --without ray

It starts a Milvus server of its own (the package ``milvus``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from results import leave

import milvise

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from milvus_server import milvus_server

WORDS = "glove-6b-50d"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=1_000, help="pictures of a shard that is made under kills")
    parser.add_argument("--without", choices=["scaling", "kills", "ray"], action="append", default=[])
    parser.add_argument("--folder", type=Path, help="keep pictures and shards here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = given.folder or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        photos = varied(given.pictures, folder / "photos", given.count)
        server = Path(tempfile.mkdtemp(dir=folder))
        with milvus_server(server) as uri:
            small = 0 if {"scaling", "kills", "ray"} <= set(given.without) else given.rows
            figures = compared(uri, photos, folder, small)
        if "scaling" not in given.without:
            figures["scaling"] = scaled(folder, given.count // 4)
        if "kills" not in given.without:
            figures["kills"] = killed(folder)
        if "ray" not in given.without:
            figures["ray"] = on_ray(folder)
        shutil.rmtree(server, ignore_errors=True)
    print(json.dumps(figures, indent=2))
    leave("shard_pictures", figures)


def compared(uri: str, photos: Path, folder: Path, rows: int) -> dict[str, Any]:
    """Load the pictures both ways; return seconds and differences."""
    command("ingest", "words", WORDS, "--limit", "50000", uri=uri)
    # What is exported once for a machine is there for both.
    warm = folder / "warm"
    warm.mkdir(exist_ok=True)
    for path in islice(photos.iterdir(), 40):
        shutil.copy(path, warm)
    command("ingest", "images", str(warm), "--gallery", "warm", uri=uri)
    plain = command("ingest", "images", str(photos), "--gallery", "plain", uri=uri)
    embedded = command("embed", str(photos), "--out", str(folder / "whole"), uri=uri)
    loaded = command("load", str(folder / "whole"), "--gallery", "shards", uri=uri)
    if rows:
        command("embed", str(photos), "--out", str(folder / "shards"), "--rows", str(rows), uri=uri)
    with milvise.connect(uri) as db:
        different = {space: differences(db, space) for space in ("visual", "joint")}
    whole = embedded["wall_s"] + loaded["wall_s"]
    steps = {
        "list": json.loads((folder / "whole/manifest.json").read_text())["listed_in"],
        "embed": embedded["seconds"],
    }
    return {
        "pictures": plain["rows"], "dim": 1280, "joint_dim": 50, "shard_rows": 100_000, "plain_s": plain["wall_s"], "embed_s": embedded["wall_s"], "load_s": loaded["wall_s"],
        "overhead": round(whole / plain["wall_s"] - 1, 3), "imported": loaded["imported"], "different": different,
        "steps": {**steps, **loaded["steps"]},
    }  # fmt: skip


def differences(db: milvise.Database, space: str) -> int:
    """Return how many rows of the two galleries are not the same, vectors to 1e-6."""
    found: list[dict[str, Any]] = []
    for gallery in ("plain", "shards"):
        live = db.store.live(f"{gallery}_{space}")
        assert live is not None
        found.append({row["id"]: row for row in live.scan(["uri", "label", "sha256", "meta", "vector"])})
    ours, theirs = found
    return sum(not _same(ours.get(key), theirs.get(key)) for key in ours.keys() | theirs.keys())


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    scalars = all(one[name] == other[name] for name in ("uri", "label", "sha256", "meta"))
    return scalars and bool(np.allclose(one["vector"], other["vector"], rtol=0, atol=1e-6))


def killed(folder: Path) -> dict[str, Any]:
    """Embed again and kill workers and the command; return what was killed, and how many files differ."""
    again = planned_again(folder, "killed")
    dice, kills = random.Random(0), {"workers": 0, "commands": 0}
    total = len(list((folder / "shards/ledger").iterdir()))
    while (done := ledgers(again)) < total:
        process = started("embed", "--out", str(again), "--workers", "2", "-q")
        wanted = min(total, done + max(1, total // 5))
        while process.poll() is None and ledgers(again) < wanted:
            time.sleep(dice.uniform(0.5, 2.0))
            workers = children(process.pid)
            if workers and kills["workers"] < 3 and dice.random() < 0.3:
                os.kill(dice.choice(workers), signal.SIGKILL)
                kills["workers"] += 1
        if process.poll() is None and kills["commands"] < 3:
            process.kill()
            kills["commands"] += 1
        process.wait()
    return {**kills, "different_files": different_files(folder / "shards", again)}


def scaled(folder: Path, count: int) -> dict[str, float]:
    """Embed the first shards with one worker on one core, and with two on two; return pictures a second, the start of the workers included."""
    found = {}
    for workers in (1, 2):
        again = planned_again(folder, "scaled")
        manifest = json.loads((again / "manifest.json").read_text())
        shards = max(2, count // manifest["shard_rows"] // 2 * 2)
        manifest |= {"shards": min(shards, manifest["shards"])}
        (again / "manifest.json").write_text(json.dumps(manifest))
        began = time.monotonic()
        cores = "0" if workers == 1 else "0,1"
        subprocess.run(
            ["taskset", "-c", cores, sys.executable, "-m", "milvise", "-q", "embed", "--out", str(again), "--workers", str(workers)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        found[f"workers_{workers}"] = round(manifest["shards"] * manifest["shard_rows"] / (time.monotonic() - began), 1)
    return found | {"ratio": round(found["workers_2"] / found["workers_1"], 3)}


def on_ray(folder: Path) -> dict[str, Any]:
    """Embed on two nodes, and kill one of them and the command; return how many files differ."""
    from ray.cluster_utils import Cluster

    again = planned_again(folder, "ray")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = cluster.address
    total = len(list((folder / "shards/ledger").iterdir()))
    began = time.monotonic()
    first = started("embed", "--out", str(again), "--on", "ray", "-q")
    await_ledgers(first, again, total // 4)
    cluster.remove_node(second, allow_graceful=False)
    await_ledgers(first, again, total // 2)
    first.kill()
    first.wait()
    before = ledgers(again)
    cluster.add_node(num_cpus=1)
    last = started("embed", "--out", str(again), "--on", "ray", "-q")
    code = last.wait()
    cluster.shutdown()
    return {
        "nodes_killed": 1, "commands_killed": 1, "shards_before_the_kill": before, "code": code,
        "seconds": round(time.monotonic() - began, 1), "different_files": different_files(folder / "shards", again),
    }  # fmt: skip


def planned_again(folder: Path, name: str) -> Path:
    """Return a copy of the folder of shards in which nothing is embedded."""
    again = folder / name
    shutil.rmtree(again, ignore_errors=True)
    again.mkdir()
    for part in ("list", "model"):
        shutil.copytree(folder / "shards" / part, again / part)
    shutil.copy(folder / "shards/manifest.json", again)
    return again


def ledgers(folder: Path) -> int:
    """Return how many shards are done."""
    return len(list((folder / "ledger").glob("*.json")))


def await_ledgers(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    while ledgers(folder) < count:
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode} after {ledgers(folder)} shards")
        time.sleep(0.2)


def different_files(one: Path, other: Path) -> int:
    """Return how many files of rows are not the same, byte by byte."""
    pairs = zip_longest(sorted(one.glob("[vj]*/*.parquet")), sorted(other.glob("[vj]*/*.parquet")))
    return sum(ours is None or theirs is None or _hash(ours) != _hash(theirs) for ours, theirs in pairs)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def children(process: int) -> list[int]:
    """Return the processes that a process started."""
    found = []
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in thread.read_text().split()]
    return found


def command(*arguments: str, uri: str) -> dict[str, Any]:
    """Run a command of milvise to its end; return its answer, and how long it took, its start included."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "milvise", "--uri", uri, "--json", "-q", *arguments], check=True, capture_output=True
    )
    return {**json.loads(done.stdout), "wall_s": round(time.monotonic() - began, 2)}


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "milvise", *arguments], stdout=subprocess.DEVNULL)


def varied(source: Path, target: Path, count: int) -> Path:
    """Write so many pictures: those of the source, and variations of them."""
    if target.exists() and len(list(target.iterdir())) == count:
        return target
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    with ProcessPoolExecutor() as pool:
        list(
            pool.map(_vary, ((files[n % len(files)], target / f"{n:06d}.jpg", n) for n in range(count)), chunksize=100)
        )
    return target


def _vary(job: tuple[Path, Path, int]) -> None:
    source, target, seed = job
    dice = random.Random(seed)
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    width, height = picture.size
    left, top = dice.uniform(0, 0.2) * width, dice.uniform(0, 0.2) * height
    right, bottom = width - dice.uniform(0, 0.2) * width, height - dice.uniform(0, 0.2) * height
    picture = picture.crop((int(left), int(top), max(int(left) + 1, int(right)), max(int(top) + 1, int(bottom))))
    picture = ImageOps.mirror(picture) if dice.random() < 0.5 else picture
    ImageEnhance.Brightness(picture).enhance(dice.uniform(0.7, 1.3)).save(target, quality=88)


if __name__ == "__main__":
    main()
