"""The file of keys: one line for each, with its name, its role and its hash; written by ``milvise keys``, read by a service.

A key is 256 random bits, so one round of SHA-256 hides it: a slow hash such as scrypt protects what people think of, and would let strangers
keep the processor busy with wrong keys. Whoever reads the file learns no key. A service looks at the file again while it runs, so that a key
that was removed is refused a second later.

References
----------
Grassi et al. 2017, "Digital Identity Guidelines", NIST SP 800-63B, section 5.1.2.2: secrets of 112 bits and more need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from milvise.errors import UsageError

logger = logging.getLogger("milvise.service")

Role = Literal["read", "feedback", "write"]
"""Each role may do what those before it may."""

ROLES: tuple[Role, ...] = get_args(Role)

PREFIX = "milvise_"
"""Keys begin so, which lets scanners for secrets find one that was published by mistake."""

LOOK_AGAIN_S = 1.0
MOST_KEYS = 1_000
_MOST_BYTES = 256 * MOST_KEYS

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file.

    Attributes
    ----------
    name : str
        Whose it is, or what for.
    role : {"read", "feedback", "write"}
    hash : str
        SHA-256 of the key, in hexadecimal.
    """

    name: str
    role: Role
    hash: str


def hashed(key: str) -> str:
    """Return what a file of keys holds of a key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def role_of(key: str, roles: dict[str, Role]) -> Role | None:
    """Return the role of a key among hashes, or None; the time says nothing about where hashes differ.

    Parameters
    ----------
    key : str
    roles : dict of str to {"read", "feedback", "write"}
        By `hashed`.
    """
    given, found = hashed(key), None
    for known, role in roles.items():
        if hmac.compare_digest(given, known):
            found = role
    return found


def read_keys(path: Path) -> tuple[Key, ...]:
    """Return the keys in a file.

    Raises
    ------
    UsageError
        If it cannot be read, or a line is none that `add_key` writes.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise UsageError(f"the file of keys is too large.\nExpected: at most {MOST_KEYS} keys\nReceived: {path}")
        lines = text.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"the file of keys cannot be read: {reason}.\nExpected: a file that `milvise keys add FILE` wrote\nReceived: {path}"
        ) from error
    keys = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            keys.append(_parsed(line, f"{path}, line {number}"))
    return tuple(keys)


def add_key(path: Path, name: str, role: str) -> str:
    """Make a key, write its hash into a file, and return the key, which is shown this once.

    Raises
    ------
    UsageError
        If the name is taken or cannot be, there is no such role, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"a key cannot be called so.\nExpected: 1 to 64 of A-Z a-z 0-9 . _ @ -\nReceived: {name!r}")
    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise UsageError(f"there is no such role.\nExpected: {', '.join(ROLES)}\nReceived: {role!r}")
    keys = read_keys(path) if path.exists() else ()
    if any(one.name == name for one in keys):
        raise UsageError(
            f"there is a key of this name already.\nReceived: {name}\nRemove it first: milvise keys remove {path} {name}"
        )
    if len(keys) >= MOST_KEYS:
        raise UsageError(f"the file is full: it holds {MOST_KEYS} keys.\nReceived: {path}")
    key = PREFIX + secrets.token_urlsafe(32)
    _write(path, (*keys, Key(name, known, hashed(key))))
    return key


def remove_key(path: Path, name: str) -> None:
    """Remove a key; services that use the file refuse it a second later.

    Raises
    ------
    UsageError
        If there is none of this name, or the file cannot be read or written.
    """
    keys = read_keys(path)
    left = tuple(one for one in keys if one.name != name)
    if len(left) == len(keys):
        raise UsageError(
            f"there is no key of this name.\nExpected: {', '.join(one.name for one in keys) or 'a file with keys'}\nReceived: {name}"
        )
    _write(path, left)


class KeyFile:
    """The keys in a file, as a running service asks for them; threads may share it.

    A file that can no longer be read leaves the keys as they were, with a warning.

    Parameters
    ----------
    path : Path

    Raises
    ------
    UsageError
        If the file cannot be read, or holds no key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._looked = time.monotonic()
        self._roles = _roles(read_keys(path))
        if not self._roles:
            raise UsageError(
                f"the file holds no key.\nReceived: {path}\nMake one: milvise keys add {path} NAME --role read"
            )

    def role_of(self, key: str) -> Role | None:
        """Return the role of a key, or None if it is not known."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_AGAIN_S:
                self._looked = time.monotonic()
                self._look()
            roles = self._roles
        return role_of(key, roles)

    def _look(self) -> None:
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._roles = _roles(read_keys(self._path))
        except UsageError as error:
            logger.warning("The keys stay as they were: %s", error)

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _roles(keys: tuple[Key, ...]) -> dict[str, Role]:
    return {one.hash: one.role for one in keys}


def _parsed(line: str, where: str) -> Key:
    parts = line.split()
    if len(parts) == 3 and _NAME.fullmatch(parts[0]):
        role = next((one for one in ROLES if one == parts[1]), None)
        found = _HASH.fullmatch(parts[2])
        if role is not None and found is not None:
            return Key(parts[0], role, found[1])
    # The line is not shown: it may hold a key that somebody wrote there in plain.
    raise UsageError(f"a line of the file of keys cannot be read.\nExpected: NAME ROLE sha256:HASH\nReceived: {where}")


def _write(path: Path, keys: tuple[Key, ...]) -> None:
    """Replace the file whole; it is readable for its owner alone from the first byte on, unless others were given that right."""
    text = "# Keys of milvise serve: name, role and hash. `milvise keys` changes this file.\n"
    text += "".join(f"{one.name} {one.role} sha256:{one.hash}\n" for one in keys)
    try:
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                Path(draft).chmod(stat.S_IMODE(path.stat().st_mode))
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"the file of keys cannot be written: {error.strerror}.\nReceived: {path}") from error
