"""A real Prometheus that scrapes what a test serves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from support import require
from support.daemon_node import free_address

_INTERVAL = "1s"


class Prometheus:
    """`query` evaluates an expression now."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}"

    async def query(self, expression: str) -> list[Any]:
        """The series of the result. Raises ValueError with Prometheus' message."""
        asked = urllib.parse.urlencode({"query": expression})
        answer = await asyncio.to_thread(_get, f"{self._url}/api/v1/query?{asked}")
        return list(answer["data"]["result"])

    async def rules(self) -> list[Mapping[str, Any]]:
        """The rules with their health, once each has been evaluated."""
        while True:
            answer = await asyncio.to_thread(_get, f"{self._url}/api/v1/rules")
            rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
            if rules and all(rule["health"] != "unknown" for rule in rules):
                return rules
            await asyncio.sleep(0.2)

    async def targets(self) -> dict[str, tuple[str, str]]:
        """Health and last error of each job's target."""
        answer = await asyncio.to_thread(_get, f"{self._url}/api/v1/targets")
        return {
            each["labels"]["job"]: (each["health"], each["lastError"])
            for each in answer["data"]["activeTargets"]
        }

    async def ready(self) -> None:
        while True:
            with suppress(urllib.error.URLError):
                await asyncio.to_thread(_open, f"{self._url}/-/ready")
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def scraping(
    directory: Path, jobs: Sequence[Mapping[str, Any]], rules: Path
) -> AsyncIterator[Prometheus]:
    """Prometheus with these scrape configs and this file of rules; its data is in `directory`."""
    program, address = require.prometheus("prometheus"), free_address()
    config = directory / "prometheus.yml"
    interval = {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL}
    config.write_text(
        yaml.safe_dump({"global": interval, "rule_files": [str(rules)], "scrape_configs": list(jobs)})
    )
    command = [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)  # noqa: ASYNC220  # it is ended by kill
    try:
        prometheus = Prometheus(address)
        await prometheus.ready()
        yield prometheus
    finally:
        process.kill()
        process.wait()


def _get(url: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(_open(url))
    except urllib.error.HTTPError as error:
        with error:
            raise ValueError(error.read().decode()) from error
    return answer


def _open(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        text: bytes = response.read()
    return text
