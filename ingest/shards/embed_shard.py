"""One shard, from its list to its files: a function of the list and the models alone, which any process on any machine may run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from milvise.gallery.plan import Plan
from milvise.ingest.picture_stages import picture_stages, readers_for
from milvise.ingest.quarantine import Quarantine
from milvise.ingest.reporter import Reporter
from milvise.ingest.runners import run_in_threads
from milvise.ingest.shards.folder import ShardFolder, ShardLedger, ShardsManifest
from milvise.ingest.shards.listing import read_listing, require_pyarrow
from milvise.ingest.shards.models import load_plan
from milvise.ingest.shards.rows_file import RowsFile

_PACKAGES = ("milvise", "keras", "tensorflow", "openvino", "numpy", "pillow", "pyarrow")


@dataclass(frozen=True, slots=True)
class ShardDone:
    """How far a shard is: pictures with vectors, and pictures that could not be read."""

    embedded: int
    quarantined: int


class ShardWorker:
    """What makes the rows of shards; the network is loaded when the first one comes.

    Parameters
    ----------
    engine : {"auto", "keras", "openvino"}
        What runs the network.
    batch_size : int, optional
        Pictures that the encoder gets at once; by default what keeps it busy.
    """

    def __init__(self, folder: ShardFolder, *, engine: str = "auto", batch_size: int | None = None) -> None:
        require_pyarrow("writing shards")
        self._folder = folder
        self._engine = engine
        self._batch_size = batch_size
        self._manifest: ShardsManifest = folder.manifest()
        self._plan: Plan | None = None

    def embed(self, number: int, progress: Callable[[ShardDone], None] = lambda done: None) -> ShardLedger:
        """Write the files of a shard, and note that it is done.

        Raises
        ------
        InputError
            If the list cannot be read, or a file cannot be written.
        FingerprintError, MissingExtraError, MissingEncoderError, ModelError
            As `milvise.ingest.shards.models.load_plan`.
        """
        plan = self._plan = self._plan or load_plan(self._folder, self._manifest, engine=self._engine)
        started = time.monotonic()
        with (
            closing(Reporter(Quarantine(self._folder.quarantine(number)))) as reporter,
            closing(RowsFile(self._folder, number, self._manifest, plan.classes)) as file,
        ):
            counts = reporter.tally

            def tell() -> None:
                progress(ShardDone(counts.counts.embedded, counts.counts.quarantined))

            run_in_threads(
                read_listing(self._folder, number),
                picture_stages(plan, file, reporter.report),
                batch_size=self._batch_size or plan.encoder.info.batch,
                progress=tell,
                readers=readers_for(self._manifest.elsewhere),
            )
            rows = file.finish()
            done = ShardLedger(
                number, rows, counts.counts.quarantined, file.hashes(), _versions(), f"{platform.node()}:{os.getpid()}",
                round(time.monotonic() - started, 3),
            )  # fmt: skip
        self._folder.note_done(done)
        return done

    def close(self) -> None:
        """Release the network."""
        if self._plan is not None:
            self._plan.encoder.close()
            self._plan = None


def _versions() -> dict[str, str]:
    """Return the versions of the packages that the vectors depend on, where they are installed."""
    installed = {one.metadata["Name"].lower(): one.version for one in importlib.metadata.distributions()}
    return {name: installed[name] for name in _PACKAGES if name in installed}
