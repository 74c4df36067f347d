"""What Go accepts of our CA, and what it refuses: kubectl, which verifies certificates as API servers do. Needs no cluster."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.lab import places
from netattach_operator import certificate_plan
from netattach_operator.certificate_plan import BUNDLE, Data, Stored
from netattach_operator.settings import Settings
from support import certificates, require

NAMES = Settings().names
NOW = datetime.now(UTC)
CA_DATA = certificate_plan.plan_authority(NOW, NAMES, Stored()).data
SERVED = certificate_plan.plan_serving(NOW, CA_DATA, {}, NAMES).data


@pytest.fixture(autouse=True)
def _kubectl() -> None:
    problem = places.unbuilt()
    if problem:
        require.left_out(f"needs Kubernetes' programs: {problem}")


def seen_by_go(directory: Path, served: Data, name: str) -> str:
    """What kubectl, a program of Go, says of a server: "" where it accepts the certificate."""
    trusted = directory / "ca.crt"
    trusted.write_bytes(CA_DATA[BUNDLE])
    kubeconfig = directory / "config"
    kubeconfig.write_text("{}")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def asked() -> tuple[bytes, bytes]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=certificates.server_context(served))
        async with server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *(places.binaries() / "kubectl", f"--kubeconfig={kubeconfig}"),
                *(f"--certificate-authority={trusted}", f"--server=https://127.0.0.1:{port}", "--token=x"),
                *(f"--tls-server-name={name}", "get", "--raw", "/x"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            return await process.communicate()

    output, errors = asyncio.run(asked())
    return "" if b"ok" == output else errors.decode()


@pytest.mark.parametrize("name", NAMES)
def test_go_accepts_the_certificate_for_each_name(tmp_path: Path, name: str) -> None:
    assert "" == seen_by_go(tmp_path, SERVED, name)


@pytest.mark.parametrize(("asked", "names", "addresses"), certificates.FORGED)
def test_go_refuses_what_our_ca_signs_for_others(
    tmp_path: Path, asked: str, names: list[str], addresses: list[str]
) -> None:
    said = seen_by_go(tmp_path, certificates.forged(CA_DATA, names, addresses), asked)

    assert "is not authorized to sign for this name" in said


def test_go_refuses_a_ca_below_ours(tmp_path: Path) -> None:
    assert "too many intermediates for path length constraint" in seen_by_go(
        tmp_path, certificates.chained(CA_DATA), certificates.OUR_NAME
    )
