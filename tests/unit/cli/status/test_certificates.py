"""The end of a certificate's validity, read from real certificates and from everything else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from netattach_cli.status import certificates
from netattach_core.errors import DecodeError
from netattach_operator import x509_issuer, x509_reader
from unit.cli.cluster_objects import NOW, certificate


def test_a_real_certificate_expires_when_its_reader_says() -> None:
    authority = x509_issuer.authority(NOW, ["netattach-webhooks.netattach-system.svc"])
    serving = x509_issuer.serving(NOW, authority, ["netattach-webhooks.netattach-system.svc"])

    for pair in (authority, serving):
        assert [x509_reader.read_facts(pair.certificate).not_after] == certificates.expiries(pair.certificate)


def test_each_certificate_of_a_bundle_is_read() -> None:
    ends = [
        datetime(2049, 12, 31, tzinfo=UTC),
        datetime(1999, 1, 1, tzinfo=UTC),
        datetime(2060, 1, 1, 1, 2, 3, tzinfo=UTC),
    ]
    texts = [certificate(ends[0]), certificate(ends[1]), certificate(ends[2], generalized=True)]

    assert ends == certificates.expiries(b"text before\n" + b"\n".join(texts))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n" + b"MIIC" * 20 + b"\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
        b"\xff" * 300,
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError):
        certificates.expiries(text)


def test_no_part_of_a_certificate_that_is_cut_off_is_read_beyond_its_end() -> None:
    pem = certificate(NOW + timedelta(days=1))
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    for end in range(len(der)):
        with pytest.raises(DecodeError):
            certificates.not_after(der[:end])
