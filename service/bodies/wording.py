"""What is said over HTTP: sentences for who asks, not for who runs the service.

Errors and remarks of milvise end with what to do, as a command, an option, or a name in Python. Who asks over HTTP can do none of that, and is
not to learn of paths and addresses behind the service. So a sentence that names any of these is left out, whichever error it is of.
"""

from __future__ import annotations

import re

from milvise import errors

_SAME = {"--fix (Python: fix=True)": "fix=true", "Expected: --space ": "Expected: space "}
"""What has another name over HTTP."""

_END = re.compile(r"((?<=[.!?]) +(?=[A-Z])|\n)")
_COMMANDS = "demo|drop|evaluate|explain|export|ingest|keys|project|search|serve|status|tag|train|tune|verify"
_INSIDE = re.compile(
    rf"\bmilvise ({_COMMANDS})\b|(^|[\s(])--[a-z]|\bMILVISE_[A-Z]|\bPython:|PictureFile|PictureBytes|StoredPicture"
    r"|(^|[\s'\"(:=])(/|~/|[A-Za-z]:\\)[^\s'\"]+|[a-z]+://\S+|\b\d{1,3}(\.\d{1,3}){3}\b|\brun the command\b"
)
_PAIR = ("Expected:", "Received:")

_INSTEAD: dict[type[errors.MilviseError], str] = {
    errors.UsageError: "The request cannot be answered as it is.",
    errors.NotFoundError: "What was asked for is not there.",
    errors.StoreAwayError: "The store that has the picture does not answer. Try again in a moment.",
    errors.FingerprintError: "What was asked for was made by different models, and cannot be compared.",
    errors.InputError: "What was sent cannot be read.",
    errors.MilviseError: "The service cannot answer this; its log says why.",
}


def in_http_terms(text: str, *, otherwise: str = "Ask who runs this service.") -> str:
    """Return the sentences of a text that are for who asks over HTTP, or something else where none is."""
    for before, after in _SAME.items():
        text = text.replace(before, after)
    parts = _END.split(text)
    ends = [*parts[1::2], ""]
    said = list(zip(parts[::2], ends, strict=True))
    left = [(sentence, end) for sentence, end in said if not _INSIDE.search(sentence)]
    # What was expected says nothing without what was received.
    if sum(sentence.startswith(_PAIR) for sentence, _ in left) < sum(
        sentence.startswith(_PAIR) for sentence, _ in said
    ):
        left = [(sentence, end) for sentence, end in left if not sentence.startswith(_PAIR)]
    return "".join(sentence + end for sentence, end in left).strip() or otherwise


_BEHIND = {
    "busy": "The service is busy. Try again in a moment.",
    "unavailable": "Milvus does not answer. Try again in a moment.",
    "locked": "Another process holds the database.",
    "missing_extra": "This service has no engine that computes the vectors of pictures.",
    "missing_encoder": "This service has no encoder that computes the vectors of pictures for this gallery.",
    "unsupported": "The Milvus behind this service lacks what this needs.",
}
"""Said of what is behind the service, by code: errors of Milvus and of models may name anything."""


def detail_of(error: errors.MilviseError) -> str:
    """Return what a problem document says of an error."""
    if isinstance(error, errors.StoreError | errors.ModelError):
        return _BEHIND.get(error.code, _INSTEAD[errors.MilviseError])
    return in_http_terms(str(error), otherwise=next(_INSTEAD[kind] for kind in type(error).__mro__ if kind in _INSTEAD))
