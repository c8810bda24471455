"""A process that makes shards: their numbers come on standard input, one a line, and what came of each goes to standard output as JSON.

    python -m milvise.ingest.shards.worker FOLDER ENGINE BATCH_SIZE CORES

It ends when standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from milvise.errors import MilviseError
from milvise.ingest.shards.embed_shard import ShardDone, ShardWorker
from milvise.ingest.shards.folder import ShardFolder


def main(folder: str, engine: str, batch_size: str, cores: str) -> None:
    """Make the shards that standard input names.

    Parameters
    ----------
    batch_size : str
        A number, or nothing for the encoder's own.
    cores : str
        The processors that it may use, separated by commas; nothing for all.
    """
    # Ctrl-C is for who started it, and closes standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Libraries print there.
    os.dup2(2, 1)

    def tell(kind: str, number: int, **values: Any) -> None:
        try:
            print(json.dumps({"kind": kind, "number": number, **values}), file=answers, flush=True)
        except BrokenPipeError:
            # Nobody waits for it any more. The shard is made by whoever goes on.
            os._exit(1)

    worker = ShardWorker(ShardFolder(Path(folder)), engine=engine, batch_size=int(batch_size) if batch_size else None)
    for line in sys.stdin:
        number = int(line)

        def progress(done: ShardDone, number: int = number) -> None:
            tell("progress", number, embedded=done.embedded, quarantined=done.quarantined)

        try:
            ledger = worker.embed(number, progress)
        except MilviseError as error:
            tell("failed", number, reason=str(error))
        else:
            tell("done", number, embedded=ledger.rows, quarantined=ledger.quarantined)
    worker.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
