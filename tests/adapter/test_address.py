"""Addresses and tokens that cannot be meant are refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import milvise as run

import milvise
from milvise.adapter.address import LONGEST_TOKEN, read_address
from milvise.errors import UsageError

WRONG = {
    "http://local host:19530": "a space",
    "http://127.0.0.1:1 9530": "a space",
    "http://127.0.0.1\n:19530": "control character",
    "http://h\0st:1": "control character",
    "http://h\x1b[31m:1": "control character",
    "http://\udcff:19530": "not UTF-8",
    "http://": "names no host",
    "https://": "names no host",
    "http://:19530": "names no host",
    "http://user:secret@/x": "names no host",
    "http://127.0.0.1:99999": "cannot be read",
    "http://127.0.0.1:-1": "cannot be read",
    "http://127.0.0.1:abc": "cannot be read",
    "http://127.0.0.1:0": "between 1 and 65535",
    "http://[::1:19530": "cannot be read",
    "http://[zz]:1": "cannot be read",
    "http://127.0.0.1:1/two words": "a space",
    "http://127.0.0.1:1/x.db": "only the name of a database",
    "http://127.0.0.1:1/a/b": "only the name of a database",
    "http://127.0.0.1:1?x=y": "only the name of a database",
    "http://user:secret@127.0.0.1:1#x": "only the name of a database",
}


@pytest.mark.parametrize("uri", WRONG, ids=ascii)
def test_an_address_that_cannot_be_meant_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match=WRONG[uri]) as caught:
        milvise.connect(uri)
    assert "secret" not in str(caught.value)
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize("uri", ["http://local host:19530", "http://127.0.0.1:1 9530", "https://", "x" * 300 + ".db"])
def test_the_command_line_says_so_in_one_message(uri: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--uri", uri, "status")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("token", ["root:\n", "root:\0", "root:\x1b", "\udcff:x", "x" * (LONGEST_TOKEN + 1)], ids=ascii)
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="the token") as caught:
        milvise.connect("http://127.0.0.1:1", token=token)
    assert token not in str(caught.value)


def test_what_an_address_says() -> None:
    plain, full = read_address("http://localhost"), read_address("HTTPS://me:secret@[::1]/photos")
    assert (plain.target, plain.secure, plain.token) == ("localhost:19530", False, "")
    assert (full.target, full.secure, full.token) == ("[::1]:443", True, "me:secret")
    assert str(full) == "https://[::1]:443"
    assert read_address("http://me:secret@host", "other").token == "other"
