"""What a service logs: one line of JSON for each event, with the id of the request that it is about."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import TextIO

from milvise.service.watching.request_id import access_log, current_request_id


class JsonLines(logging.Handler):
    """A handler that writes lines of JSON.

    Parameters
    ----------
    stream : text file
    level : int
    """

    def __init__(self, stream: TextIO, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line: dict[str, object] = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        if record.name == access_log.name:
            line |= json.loads(record.getMessage())
        else:
            line["message"] = record.getMessage()
            if request_id := current_request_id():
                line["request_id"] = request_id
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        try:
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.handleError(record)


def log_as_json(*, quiet: bool = False, verbose: bool = False) -> None:
    """Write the events of milvise and uvicorn to standard error, in place of the sentences that commands print.

    Parameters
    ----------
    quiet : bool
        Only warnings and errors, and no line for each request.
    verbose : bool
        Also what each search did.
    """
    handler = JsonLines(sys.stderr, logging.WARNING if quiet else logging.NOTSET)
    for name in ("milvise", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger("milvise").setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("milvise.service").setLevel(logging.WARNING if quiet else logging.INFO)
