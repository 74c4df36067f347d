"""Writes a new key and a certificate that it has signed itself to standard output, in PEM.

A process of its own, since the library for it would cost each program 10 MiB as long as it runs.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from netattach_core.errors import NetattachError

NAME = "netattach-metrics"

_LIFE = timedelta(days=3650)
"""Longer than any program runs: there is a new one at each start."""


async def created() -> bytes:
    """Certificate and key. Raises NetattachError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "netattach_kube.self_signed"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    text, problem = await process.communicate()
    if process.returncode:
        lines = problem.decode(errors="replace").splitlines() or [f"status {process.returncode}"]
        raise NetattachError(f"no certificate can be created: {lines[-1]}")
    return text


def main() -> None:
    """Of the process."""
    sys.stdout.buffer.write(_pair(datetime.now(UTC)))


def _pair(now: datetime) -> bytes:
    from cryptography import x509  # noqa: PLC0415  # only this process needs it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  # likewise
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  # likewise

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .not_valid_before(now - timedelta(hours=1))  # the clock of a scraper may be behind ours
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


if __name__ == "__main__":
    main()
