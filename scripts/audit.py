"""Compare installed or resolved packages with a checkout of a vulnerability database, without asking any service.

pip-audit asks a service for each package, and reports "No known vulnerabilities found" also where it was given no answer for any of
them. This script reads a copy of the Python Packaging Advisory Database (github.com/pypa/advisory-database), which is what that
service answers from.

    python scripts/audit.py ADVISORY-DATABASE
    python -m pip install --dry-run --ignore-installed --report report.json '.[ingest,evaluate,compare,openvino,offline,test]'
    python scripts/audit.py ADVISORY-DATABASE --report report.json

It needs PyYAML. It ends with 1 where a package has a known vulnerability, and with 2 where the database cannot be read.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument(
        "--report", type=Path, help="what pip resolved; without it, what is installed beside this Python"
    )
    given = parser.parse_args()
    packages = _resolved(given.report) if given.report else _installed()
    folder = given.database / "vulns"
    if not folder.is_dir() or not any(folder.iterdir()):
        print(f"{given.database} is no checkout of the advisory database: it has no folder vulns.", file=sys.stderr)
        sys.exit(2)
    read, findings = 0, []
    for name, version in sorted(packages.items()):
        for advisory in _advisories(folder / name):
            read += 1
            if _affects(advisory, name, version):
                findings.append(f"{name} {version}: {', '.join([advisory['id'], *advisory.get('aliases', [])])}")
    print(f"{len(packages)} packages, {read} advisories about them, database of {_newest(given.database)}.")
    print("\n".join(findings) or "None of them is about a version here.")
    sys.exit(1 if findings else 0)


def _installed() -> dict[str, str]:
    return {canonicalize_name(found.name): found.version for found in importlib.metadata.distributions()}


def _resolved(report: Path) -> dict[str, str]:
    found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return {canonicalize_name(item["name"]): item["version"] for item in found}


def _advisories(folder: Path) -> Iterator[dict[str, Any]]:
    import yaml

    for file in sorted(folder.glob("*.yaml")):
        advisory = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not advisory.get("withdrawn"):
            yield advisory


def _affects(advisory: dict[str, Any], name: str, text: str) -> bool:
    version = Version(text)
    for affected in advisory.get("affected", []):
        if canonicalize_name(affected["package"]["name"]) != name:
            continue
        if text in affected.get("versions", []):
            return True
        for span in affected.get("ranges", []):
            if span["type"] == "ECOSYSTEM" and _inside(span["events"], version):
                return True
    return False


def _inside(events: list[dict[str, str]], version: Version) -> bool:
    """Return whether the last event at or before a version leaves it affected."""
    inside = False
    for event in events:
        ((what, at),) = event.items()
        try:
            reached = at == "0" or version >= Version(at) if what != "last_affected" else version > Version(at)
        except InvalidVersion:
            continue
        if reached:
            inside = what == "introduced"
    return inside


def _newest(database: Path) -> str:
    """Return the day of the newest advisory, for a reader to judge what it can know."""
    command = ["git", "-C", str(database), "log", "-1", "--format=%cs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or "an unknown day"


if __name__ == "__main__":
    main()
