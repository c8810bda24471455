"""How processes that test beside each other share the tests: ``pytest -n N --dist loadfile --no-loadscope-reorder``.

A file is tested by one process, so that it makes what its tests share once. Tests on a server are an exception: they wait
for the server most of the time, so a few processes take all of them, from the first minute on. Each of these processes
starts a server, which costs processor time even when nobody asks it anything; so there are as few as keep up with the rest.
"""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

OWN_GROUP = ("queries",)
"""Whose tests on a server take half as long as all such tests, so that they have a process; all others have one together."""

SERVERS_ALONE = (
    "adapter/test_dying_server.py",
    "adapter/test_probe.py",
    "adapter/test_scan.py",
    "operations/test_bulk_import.py",
    "queries/test_readers.py",
)
"""Files with servers of their own, which their tests' names do not tell."""

LONGEST = (
    "operations/test_rebuild.py",
    "service/test_page.py",
    "queries/test_requests.py",
    "training/test_train.py",
    "embeddings/test_backbones.py",
    "cli/test_models.py",
    "service/test_page_for_all.py",
    "operations/test_shards.py",
    "ingest/test_follow_storm.py",
    "cli/test_cli.py",
    "embeddings/test_picture_limits.py",
    "cli/test_evaluate.py",
    "cli/test_json_as_before.py",
    "embeddings/test_model_check.py",
    "gallery/test_verify_lost.py",
    "gallery/test_project.py",
    "cli/test_follow.py",
)
"""Files that take half a minute or more without a server. They come first: whatever comes last is waited for."""

_ON_SERVER = re.compile(r"\[server[-\]]")


def group_of(name: str) -> str:
    """Return which tests one process takes together with the one of this name: a file, or those on a server."""
    file, _, rest = name.partition("::")
    file = file.removeprefix("tests/")
    if not _ON_SERVER.search(rest) and file not in SERVERS_ALONE:
        return file
    return f"server-{next((own for own in OWN_GROUP if file.startswith(own)), 'others')}"


def place_of(group: str) -> int:
    """Return when a group's turn comes."""
    if group.startswith("server-"):
        return -1
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


class SharingOut(LoadScopeScheduling):
    """Gives each group to one process, which asks for another when it is done."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def make_scheduler(config: Any, log: Any) -> SharingOut | None:
    """Return what shares out the tests where a file is to be tested by one process, None where that was not asked for."""
    return SharingOut(config, log) if config.getvalue("dist") == "loadfile" else None
