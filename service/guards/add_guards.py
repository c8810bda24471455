"""What stands before the routes, in the order in which a request meets it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from milvise.service.guards.failures import Failures
from milvise.service.guards.key_check import KeyCheck
from milvise.service.guards.key_file import KeyFile
from milvise.service.guards.origins import Origins
from milvise.service.guards.request_size import RequestSize
from milvise.service.guards.security_headers import SecurityHeaders
from milvise.service.settings import Settings
from milvise.service.watching.request_id import HEADER


def add_guards(app: FastAPI, settings: Settings) -> None:
    """Put the guards before an application.

    ::

        SecurityHeaders   on every answer, refusals included
        Failures          an error that nobody expected is an answer too
        CORS              only if origins were named
        Origins           pages of others, where no key protects
        KeyCheck          address, then key
        RequestSize       only now is a body read

    Raises
    ------
    UsageError
        If the file of keys cannot be read.
    """
    keys = None if settings.api_keys is None else KeyFile(settings.api_keys)
    # Each one is put before those that were added earlier.
    app.add_middleware(RequestSize, upload_bytes=settings.upload_bytes, most_uploads=settings.waiting + 1)
    app.add_middleware(KeyCheck, keys=keys, requests_per_minute=settings.most_requests)
    app.add_middleware(Origins, cors=settings.cors, has_keys=keys is not None)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors, allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", HEADER], expose_headers=[HEADER, "Retry-After"], max_age=600,
        )  # fmt: skip
    app.add_middleware(Failures)
    app.add_middleware(SecurityHeaders)
