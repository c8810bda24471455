"""The address of a Milvus server and the token for it, checked before pymilvus and gRPC see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from milvise.errors import UsageError

DEFAULT_PORT, DEFAULT_TLS_PORT = 19_530, 443
LONGEST_TOKEN = 4_096
"""Characters. gRPC refuses headers above 8 KiB, without saying which."""

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_DATABASE = re.compile(r"/?|/[A-Za-z_][A-Za-z0-9_]{0,254}/?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Attributes
    ----------
    uri : str
        As it was given; it may hold a password.
    host : str
    port : int
    secure : bool
        Whether it is spoken to over TLS.
    token : str
        ``user:password`` or an API key; empty where there is none.
    """

    uri: str
    host: str
    port: int
    secure: bool
    token: str

    @property
    def target(self) -> str:
        """Host and port, as gRPC takes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """Return the address for messages, without user and password."""
        return f"{'https' if self.secure else 'http'}://{self.target}"


def is_server(uri: str) -> bool:
    """Whether `uri` names a server, and no file."""
    return _SCHEME.match(uri) is not None


def is_local(uri: str) -> bool:
    """Whether `uri` names a server on this machine, which may read this machine's disk."""
    host = read_address(uri).host
    return host == "localhost" or host == "::1" or host.startswith("127.")


def read_address(uri: str, token: str = "") -> Address:
    """Return the address that ``http(s)://[user:password@]host[:port][/database]`` names.

    Raises
    ------
    UsageError
        If it cannot be read, or the token cannot be sent.
    """
    if any(ord(character) <= 32 or ord(character) == 127 for character in uri):
        raise _wrong("it holds a space or control character", uri)
    if not _can_be_sent(uri):
        raise _wrong("it holds bytes that are not UTF-8", uri)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong(f"it cannot be read ({error})", uri) from error
    if not host:
        raise _wrong("it names no host", uri)
    if port == 0:
        raise _wrong("the port must lie between 1 and 65535", uri)
    if parts.query or parts.fragment or not _DATABASE.fullmatch(parts.path):
        raise _wrong("only the name of a database may follow host and port", uri)
    secure = parts.scheme == "https"
    given = ":".join(filter(None, [parts.username, parts.password]))
    _check_token(token)
    return Address(uri, host, port or (DEFAULT_TLS_PORT if secure else DEFAULT_PORT), secure, token or given)


def without_password(uri: str) -> str:
    """Return `uri` for a message: what stands between ``//`` and ``@`` is left out, and nothing in it moves a terminal."""
    return ascii(re.sub(r"(?<=//)[^/]*@", "…@", uri)).replace("\\u2026", "…")


def _wrong(why: str, uri: str) -> UsageError:
    return UsageError(
        f"the address of the Milvus server is wrong: {why}.\nExpected: http(s)://host:port, such as"
        f" http://localhost:19530\nReceived: {without_password(uri)}"
    )


def _check_token(token: str) -> None:
    bad = (
        "holds a control character" if any(ord(character) < 32 or ord(character) == 127 for character in token)
        else "holds bytes that are not UTF-8" if not _can_be_sent(token)
        else f"is longer than {LONGEST_TOKEN} characters" if len(token) > LONGEST_TOKEN
        else ""
    )  # fmt: skip
    if bad:
        raise UsageError(f"the token {bad}. Expected: user:password, or an API key (--token or MILVISE_TOKEN).")


def _can_be_sent(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
