"""A process of one command does without garbage collection while it imports modules, and no longer."""

from __future__ import annotations

import gc
import subprocess
import sys

from milvise.cli import collecting

CODE = """
import gc, sys
from milvise import __main__ as entry
from milvise.cli import main as line, state

seen = []

def connect(self, uri=None, *, create=False):
    seen.append(gc.isenabled())
    for _ in range(2):
        with state.without_gc():
            seen.append(gc.isenabled())
        seen.append(gc.get_freeze_count())
    seen.append(gc.isenabled())
    raise SystemExit(0)

state.State.connect = connect
entry.os._exit = lambda code: print(code, seen[0], seen[1], seen[3], seen[5], seen[2] == seen[4] > 10_000)
sys.argv = ["milvise", "--uri", "a.db", "status"]
entry.run()
"""


def test_a_process_collects_garbage_before_a_command_does_anything_and_after_it_connected() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout == "0 True False False True True\n", done.stderr


def test_a_process_that_is_not_the_commands_own_keeps_its_ways() -> None:
    before = gc.get_freeze_count()
    gc.disable()
    try:
        with collecting.without_gc():
            assert not gc.isenabled()
        collecting.enable_gc()
        assert (gc.isenabled(), gc.get_freeze_count()) == (False, before)
    finally:
        gc.enable()
    with collecting.without_gc():
        assert gc.isenabled()
