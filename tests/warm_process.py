"""A program that has imported what commands import, and runs each command in a fork of itself.

It reads one command a line from standard input, as JSON: ``folder``, ``arguments``, ``environment``, and the files ``out`` and
``err`` for what is printed. It answers each with the exit code, which is ``-N`` after signal N. It ends with its input.

It holds no thread of Python's, no connection and no open file besides these, so that a fork of it is as a new interpreter is
after the same imports. TensorFlow computes nothing when it is imported, and starts its threads with the first network.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import milvise
from milvise.embeddings.runtimes.openvino_engine import import_openvino
from milvise.embeddings.runtimes.quiet_keras import import_keras

TIME_LIMIT_S = 280
AT_START = frozenset(os.environ)
"""Variables that the program was started with; imports add others, which a new interpreter's imports would add too."""

CLIENT = ("milvus_lite.adapter.grpc.server", "pyarrow.dataset", "faiss", "rich.live", "typer._adapters")
"""What the client and the command line import when they are first used."""

WITH_A_NETWORK = {"train", "export", "demo", "--backbone"}
"""Commands that import Keras, which takes longer than all else together; it is imported before the first of them."""


def import_modules() -> None:
    """Import all of milvise, the client and OpenVINO."""
    for module in pkgutil.walk_packages(milvise.__path__, "milvise."):
        if module.name != "milvise.__main__":
            importlib.import_module(module.name)
    for name in CLIENT:
        importlib.import_module(name)
    import_openvino("testing")


def next_command() -> dict[str, Any]:
    """Serve commands; return in the process of each, with that command, and never in this one."""
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        if "keras" not in sys.modules and WITH_A_NETWORK & set(command["arguments"]):
            import_keras("testing")
        assert threading.active_count() == 1
        # What stands now is left alone by the collector, which would copy it page by page.
        gc.collect()
        gc.freeze()
        process = os.fork()
        if not process:
            return command
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def become(command: dict[str, Any]) -> None:
    """Take over the folder, the environment, the arguments and the streams of a command."""
    signal.alarm(TIME_LIMIT_S)
    os.chdir(command["folder"])
    set_by_imports = {name: value for name, value in os.environ.items() if name not in AT_START}
    os.environ.clear()
    os.environ.update(set_by_imports | command["environment"])
    for stream, path in enumerate((os.devnull, command["out"], command["err"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, stream)
        os.close(opened)
    # As `python -m` does.
    sys.path[0] = str(Path.cwd())
    sys.argv = ["-m", *command["arguments"]]


import_modules()
become(next_command())
runpy.run_module("milvise", run_name="__main__", alter_sys=True)
