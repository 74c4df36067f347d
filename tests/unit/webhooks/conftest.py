"""Key pairs in the format of a Secret, and timeouts that suit tests."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netattach_kube import watched
from netattach_webhooks import app, cluster_cache, users_lookup

Data = dict[str, str]


def _key_pair(*, begins: float = -1, ends: float = 30, password: bytes = b"") -> Data:
    """A new certificate and its key; it is valid from `begins` to `ends`, in days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    texts = {
        "tls.crt": certificate.public_bytes(pem),
        "tls.key": key.private_bytes(pem, pkcs8, encryption),
    }
    return {name: base64.b64encode(text).decode() for name, text in texts.items()}


@pytest.fixture
def new_key_pair() -> Callable[..., Data]:
    return _key_pair


@pytest.fixture(autouse=True)
def _timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watches retry soon; requests of single networks and of pods may take long on a busy machine."""
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watched, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(cluster_cache, "_SECONDS", 30.0)
    monkeypatch.setattr(users_lookup, "_SECONDS", 30.0)
    monkeypatch.setattr(app, "_MAX_SECONDS", 30.0)
    app._timeout.cache_clear()
