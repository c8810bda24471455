"""Debian's Prometheus, scraping a service and a follower, for the tests of metrics, rules and dashboard."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from milvus_server import free_port

RULES = Path(__file__).parents[1] / "deploy" / "prometheus" / "milvise.rules.yml"


class Prometheus:
    """Its HTTP API."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"{address}/api/v1/", timeout=20, trust_env=False)

    def get(self, path: str, **params: Any) -> Any:
        """Return the data of an answer; an error of Prometheus is an error."""
        answer = self._client.get(path, params=params).json()
        assert answer["status"] == "success", (params, answer)
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def await_samples(self, expression: str) -> None:
        """Wait until an expression gives something."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if self.query(expression):
                    return
            except (httpx.TransportError, ValueError):  # it starts, or says in plain text that it does
                pass
            time.sleep(0.1)
        raise AssertionError(f"nothing came of {expression}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run Prometheus with the rules, on a free port of this machine, and yield it when it has scraped each target twice.

    Parameters
    ----------
    targets : mapping
        From the name of a job to the host and port that it scrapes.
    """
    port = free_port()
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        found = Prometheus(f"http://127.0.0.1:{port}")
        try:
            for job in targets:
                found.await_samples(f'count_over_time(up{{job="{job}"}}[1m]) > 1 and up == 1')
            yield found
        finally:
            found.close()
            process.terminate()
            process.wait(30)
