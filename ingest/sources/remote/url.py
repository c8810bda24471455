"""URLs of pictures, and of what lists them: which are read, and that none of them holds a credential."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from milvise.errors import InputError

WEB = ("http", "https")
STORES = ("s3", "gs", "abfs", "abfss")
SCHEMES = (*STORES, *WEB)

_SECRETS = ("signature", "sig", "token", "password", "secret", "credential", "accesskeyid", "apikey", "api_key")


def scheme_of(text: str) -> str:
    """Return the lower-case scheme of a URL, empty for the path of a file."""
    scheme, separator, _ = text.partition("://")
    return scheme.lower() if separator and scheme.isascii() and scheme.replace("+", "").isalnum() else ""


def is_remote(text: str) -> bool:
    """Return whether a text is a URL that is read through fsspec."""
    return scheme_of(text) in SCHEMES


def problem_with(url: str) -> str | None:
    """Return why a URL is not read, None where it may be.

    A URL stands in the gallery, in messages and in listings. One that holds a password or a signature would tell it to everybody.
    """
    scheme = scheme_of(url)
    if scheme not in SCHEMES:
        return f"URLs of these schemes are read: {', '.join(SCHEMES)} and file"
    if any(ord(character) < 32 or ord(character) == 127 for character in url):
        return "the URL holds a control character"
    try:
        parts = urlsplit(url)
        user, separator, _ = parts.netloc.rpartition("@")
        # abfs://container@account.dfs.core.windows.net names a container there, and no user.
        if separator and (not scheme.startswith("abfs") or ":" in user):
            return "the URL holds a user or a password; credentials come from the environment"
        if not parts.netloc:
            return "the URL names no bucket or host"
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)] if scheme in WEB else []
    except ValueError as error:
        return f"it is no URL: {error}"
    for name in names:
        if name.lower().rpartition("-")[2] in _SECRETS:
            return f"the URL holds a credential ({name}), which would stand in the gallery"
    return None


def require_url(url: str) -> str:
    """Return a URL that may be read.

    Raises
    ------
    InputError
        If it may not; the message does not repeat a password.
    """
    problem = problem_with(url)
    if problem is not None:
        raise InputError(f"{shown(url)!r} cannot be a source: {problem}.")
    return url


def shown(url: str) -> str:
    """Return a URL without user, password and query, for messages about one that is refused."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]
    return f"{scheme}://{host}{slash}{path.partition('?')[0]}"


def folder_of(url: str) -> str:
    """Return the URL of the folder in which an object lies, without a slash at the end."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() in WEB:
        rest = rest.partition("?")[0].partition("#")[0]
    return f"{scheme}://{rest.rpartition('/')[0] or rest}"


def bucket_of(url: str) -> str:
    """Return scheme and bucket of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def name_of(url: str) -> str:
    """Return the last part of a URL's path."""
    path = urlsplit(url).path if scheme_of(url) in WEB else url
    return path.rstrip("/").rpartition("/")[2]
