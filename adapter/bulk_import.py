"""Bulk import: a server reads a Parquet file by itself, which is faster than rows sent to it.

It is asked over gRPC, which servers from 2.3 on answer, by the jobs' own calls. A server imports a file as often as it is asked to and
looks for no duplicates: who asks keeps account of it (`milvise.ingest.shards.import_files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from milvise.adapter.collection import READ_TIMEOUT_S, WRITE_TIMEOUT_S
from milvise.adapter.connection import Connection


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A file that a server was asked to import.

    Attributes
    ----------
    number : int
        What the server calls the job.
    files : str
        The file, as the server was told; empty where it does not say.
    is_done, is_failed : bool
        How it ended; neither while it goes on.
    rows : int
        How many rows were read.
    percent : int
        How far it is.
    reason : str
        Why it failed.
    """

    number: int
    files: str
    is_done: bool
    is_failed: bool
    rows: int
    percent: int
    reason: str


class BulkImport:
    """The import jobs of a server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, collection: str, file: str) -> int:
        """Have the server import a file; return the number of the job.

        Where the answer is lost it is asked again, so that there may be two jobs for the file: `jobs` tells.

        Parameters
        ----------
        file : str
            Where the server finds it: a path in its object store, or on its own disk.
        """
        ask = self._handler().do_bulk_insert
        return int(self._connection.call(ask, collection, "", [file], timeout=WRITE_TIMEOUT_S))

    def job(self, number: int) -> ImportJob:
        """Return how far a job is."""
        return _job(self._connection.call(self._handler().get_bulk_insert_state, number, timeout=READ_TIMEOUT_S))

    def jobs(self, collection: str) -> list[ImportJob]:
        """Return the jobs of a collection that the server remembers."""
        found = self._connection.call(self._handler().list_bulk_insert_tasks, 0, collection, timeout=READ_TIMEOUT_S)
        return [_job(one) for one in found]

    def _handler(self) -> Any:
        # `MilvusClient` 3.0 has no method for it; its connection has, with the client's address and token.
        return self._connection.client._get_connection()


def _job(state: Any) -> ImportJob:
    infos = {str(name): str(value) for name, value in dict(state.infos or {}).items()}
    return ImportJob(
        int(state.task_id),
        infos.get("files", ""),
        state.state_name == "Completed",
        state.state_name.startswith("Failed"),
        int(state.row_count),
        int(state.progress or 0),
        infos.get("failed_reason", ""),
    )
