"""``milvise serve`` as a process: it starts, asks for keys, logs lines of JSON, and ends well; ``milvise keys`` makes its keys."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import milvise as package
from milvise.cli.main import main
from milvise.service.guards.key_file import add_key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database."""
    folder = tmp_path_factory.mktemp("serve")
    package.connect(str(folder / "milvise.db"), create=True).close()
    return folder


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MILVISE_")}
    command = [sys.executable, "-m", "milvise", "--json", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            yield json.loads("".join(lines))["address"], process
        finally:
            process.kill()


def get(address: str, key: str | None = None) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers={} if key is None else {"Authorization": f"Bearer {key}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=10) as given:
            return given.status, given.headers["X-Request-Id"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["X-Request-Id"]


def test_it_answers_until_it_is_told_to_stop(folder: Path) -> None:
    keys = folder / "keys"
    key = add_key(keys, "bob", "feedback")
    with serving(folder, "--api-keys", str(keys)) as (address, process):
        assert get(f"{address}/healthz")[0] == 200
        assert get(f"{address}/api/v1/none")[0] == 401
        status, request_id = get(f"{address}/api/v1/galleries/none/search?words=cat", key)
        assert status == 404
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=60)
    assert process.returncode == 0, logged
    lines = [json.loads(line) for line in logged.splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == request_id]
    assert (line["status"], line["level"], line["logger"]) == (404, "info", "milvise.service.access")
    assert "cat" not in logged and key not in logged
    # The database was closed: the next process may open it.
    package.connect(str(folder / "milvise.db")).close()


def test_it_says_what_is_wrong_before_it_starts(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = [
            (["--port", port], 2, f"--port {port}"),
            (["--host", "0.0.0.0"], 2, "needs keys"),
            (["--host", "::"], 2, "needs keys"),
            (["--host", "203.0.113.1", "--api-keys", "none"], 2, "file of keys cannot be read"),
            (["--cors", "*"], 2, "no origin"),
            (["--upload-bytes", "0"], 2, "upload-bytes"),
            (["--search-processes", "2"], 2, "one process alone can open Milvus Lite"),
            (["--uri", str(folder / "none.db")], 1, "no Milvus Lite database"),
        ]
        for arguments, code, told in cases:
            with pytest.raises(SystemExit) as end:
                main(["--uri", str(folder / "milvise.db"), "serve", *arguments])
            shown = capfd.readouterr()
            assert (end.value.code, shown.out) == (code, ""), shown.err
            assert told in " ".join(shown.err.split())


def test_without_its_packages_it_says_how_to_install_them(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(SystemExit) as end:
        main(["--uri", str(folder / "milvise.db"), "serve"])
    assert end.value.code == 1
    assert "pip install" in (told := capsys.readouterr().err) and "uvicorn" in told


def test_keys_are_made_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "keys")

    def keys(*arguments: str, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        shown = capsys.readouterr()
        assert end.value.code == code, shown.err
        return shown.out, shown.err

    assert sorted(json.loads(keys("--json", "keys", "add", file, "ann")[0])) == ["key", "name", "role"]
    key, remark = keys("keys", "add", file, "bob", "--role", "write")
    assert key.startswith("milvise_") and len(key.splitlines()) == 1
    assert "not shown again" in remark
    assert keys("keys", "list", file)[0] == "ann\tread\nbob\twrite\n"
    assert json.loads(keys("--json", "keys", "remove", file, "ann")[0]) == {"removed": "ann"}
    assert json.loads(keys("keys", "list", file, "--json")[0]) == {"keys": [{"name": "bob", "role": "write"}]}
    for wrong in (
        ["add", file, "bob"],
        ["add", file, "x", "--role", "admin"],
        ["remove", file, "ann"],
        ["list", "none"],
    ):
        assert "Received: " in keys("keys", *wrong, code=2)[1]
