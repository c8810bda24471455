"""The search for garbage is put off while a command is imported, and no longer."""

from __future__ import annotations

import gc
import subprocess
import sys

from milvise.cli import garbage

CODE = """
import gc, sys
from milvise import __main__ as entry
from milvise.cli import main as line, state

seen = []

def connect(self, uri=None, *, create=False):
    seen.append(gc.isenabled())
    with state.put_off_in():
        seen.append(gc.isenabled())
    seen.append(gc.isenabled())
    raise SystemExit(0)

state.State.connect = connect
entry.os._exit = lambda code: print(code, seen, gc.get_freeze_count() > 0)
sys.argv = ["milvise", "--uri", "a.db", "status"]
entry.run()
"""


def test_a_process_looks_for_garbage_again_before_a_command_does_anything_and_after_it_connected() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout == "0 [True, False, True] True\n", done.stderr


def test_a_process_that_is_not_the_commands_own_keeps_its_ways() -> None:
    before = gc.get_freeze_count()
    gc.disable()
    try:
        with garbage.put_off_in():
            assert not gc.isenabled()
        garbage.take_up()
        assert (gc.isenabled(), gc.get_freeze_count()) == (False, before)
    finally:
        gc.enable()
    with garbage.put_off_in():
        assert gc.isenabled()
