"""Which certificates are made when: decisions by the clock, and that they are any good to a TLS client."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificates, issue, pem
from netattach_operator.certificates import BUNDLE, CA, CA_KEY, CERTIFICATE, KEY, Data, Plan

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
NAMES = ("netattach-webhooks.netattach-system.svc", "netattach-webhooks")


def both(now: datetime, ca: Data, tls: Data) -> tuple[Plan, Plan]:
    authority = certificates.plan_authority(now, ca, tls)
    return authority, certificates.plan_serving(now, authority.data, tls, NAMES)


FIRST_CA, FIRST_TLS = both(NOW, {}, {})
GOOD_CA, GOOD_TLS = FIRST_CA.data, FIRST_TLS.data


def test_where_there_is_nothing_both_are_made() -> None:
    assert ("there is none", "there is none") == (FIRST_CA.reason, FIRST_TLS.reason)
    assert {CA, CA_KEY, BUNDLE} == GOOD_CA.keys()
    assert {CERTIFICATE, KEY, CA} == GOOD_TLS.keys()
    assert GOOD_CA[CA] == GOOD_CA[BUNDLE] == GOOD_TLS[CA]


def test_what_is_good_is_left_alone() -> None:
    assert (Plan(GOOD_CA, ""), Plan(GOOD_TLS, "")) == both(NOW, GOOD_CA, GOOD_TLS)


def test_what_others_put_beside_it_is_no_reason_to_write() -> None:
    assert "" == certificates.plan_authority(NOW, {**GOOD_CA, "note": b"x"}, GOOD_TLS).reason


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        pytest.param(59 * DAY, "", id="before two thirds of its life"),
        pytest.param(61 * DAY, "it expires on 2027-02-22", id="after two thirds"),
        pytest.param(91 * DAY, "it has expired on 2027-02-22 12:00", id="after its end"),
        pytest.param(-2 * DAY, "it is not valid before 2026-11-24 11:00", id="a clock that was wrong"),
    ],
)
def test_the_serving_certificate_is_renewed_in_time(later: timedelta, reason: str) -> None:
    plan = certificates.plan_serving(NOW + later, GOOD_CA, GOOD_TLS, NAMES)

    assert reason == plan.reason
    assert bool(reason) == (plan.data[CERTIFICATE] != GOOD_TLS[CERTIFICATE])


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        pytest.param(3 * YEAR, "", id="before two thirds of its life"),
        pytest.param(3.4 * YEAR, "it expires on 2031-11-23", id="after two thirds"),
        pytest.param(6 * YEAR, "it has expired on 2031-11-23 12:00", id="after its end"),
    ],
)
def test_the_ca_is_renewed_in_time(later: timedelta, reason: str) -> None:
    assert reason == certificates.plan_authority(NOW + later, GOOD_CA, GOOD_TLS).reason


def test_an_old_ca_stays_trusted_while_it_is_valid() -> None:
    """API servers and webhooks learn of the new one at different times."""
    later = NOW + 3.4 * YEAR

    ca, tls = both(later, GOOD_CA, GOOD_TLS)

    assert [ca.data[CA], GOOD_CA[CA]] == pem.split(ca.data[BUNDLE])
    assert pem.is_signed_by(tls.data[CERTIFICATE], ca.data[CA])
    assert (Plan(ca.data, ""), Plan(tls.data, "")) == both(later, ca.data, tls.data)


def test_an_old_ca_is_forgotten_when_it_expires() -> None:
    ca, tls = both(NOW + 3.4 * YEAR, GOOD_CA, GOOD_TLS)

    after, tls_after = both(NOW + 5.1 * YEAR, ca.data, tls.data)

    assert "its bundle is another" == after.reason
    assert after.data[CA] == ca.data[CA] == after.data[BUNDLE] == tls_after.data[CA]


def test_a_lost_ca_is_remembered_by_the_webhooks_secret() -> None:
    """Until they have a certificate of the new one, they serve that of the old one."""
    ca, tls = both(NOW, {}, GOOD_TLS)

    assert [ca.data[CA], GOOD_CA[CA]] == pem.split(ca.data[BUNDLE])
    assert "it is not signed by the present CA" == tls.reason


def test_however_often_a_ca_is_lost_few_are_trusted() -> None:
    ca, tls = GOOD_CA, GOOD_TLS
    for minute in range(5):
        now = NOW + timedelta(minutes=minute)
        ca = certificates.plan_authority(now, {BUNDLE: ca[BUNDLE]}, tls).data

    assert 3 == len(pem.split(ca[BUNDLE]))
    assert ca[CA] == pem.split(ca[BUNDLE])[0]


def test_nobody_elses_ca_gets_into_the_bundle() -> None:
    foreign = issue.serving(NOW, pem.Pair(GOOD_CA[CA], GOOD_CA[CA_KEY]), ["netattach-ca-of-somebody"])

    plan = certificates.plan_authority(NOW, {**GOOD_CA, BUNDLE: foreign.certificate}, {})

    assert GOOD_CA[CA] == plan.data[BUNDLE]


def damaged(certificate: bytes, place: int, change: int = 1) -> bytes:
    """One byte is another one."""
    raw = bytearray(base64.b64decode(b"".join(certificate.splitlines()[1:-1])))
    raw[place % len(raw)] ^= change
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(raw) + b"-----END CERTIFICATE-----\n"


OTHER_CA, OTHER_TLS = (plan.data for plan in both(NOW, {}, {}))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param({CA: b""}, "there is none", id="no certificate"),
        pytest.param({CA_KEY: b""}, "there is none", id="no key"),
        pytest.param({CA: b"x"}, "the certificate cannot be read", id="no PEM"),
        pytest.param({CA_KEY: b"x"}, "the key cannot be read", id="a key that is no PEM"),
        pytest.param({CA_KEY: OTHER_CA[CA_KEY]}, "the key is not the certificate's", id="another's key"),
        pytest.param(
            {CA: damaged(GOOD_CA[CA], -1)}, "the certificate is no CA of ours", id="a damaged signature"
        ),
        pytest.param(
            {CA: GOOD_TLS[CERTIFICATE], CA_KEY: GOOD_TLS[KEY]},
            "the certificate is no CA of ours",
            id="no CA",
        ),
    ],
)
def test_a_broken_ca_is_replaced(broken: Data, reason: str) -> None:
    plan = certificates.plan_authority(NOW, {**GOOD_CA, **broken}, GOOD_TLS)

    assert plan.reason.startswith(reason)
    assert GOOD_CA[CA] != plan.data[CA]
    assert "" == certificates.plan_authority(NOW, plan.data, {}).reason


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param({CERTIFICATE: b""}, "there is none", id="no certificate"),
        pytest.param({KEY: b""}, "there is none", id="no key"),
        pytest.param({CERTIFICATE: b"x"}, "the certificate cannot be read", id="no PEM"),
        pytest.param({KEY: OTHER_TLS[KEY]}, "the key is not the certificate's", id="another's key"),
        pytest.param(OTHER_TLS, "it is not signed by the present CA", id="another CA's"),
        pytest.param({CA: b"x"}, "its bundle is another", id="a broken bundle"),
    ],
)
def test_a_broken_serving_certificate_is_replaced(broken: Data, reason: str) -> None:
    plan = certificates.plan_serving(NOW, GOOD_CA, {**GOOD_TLS, **broken}, NAMES)

    assert plan.reason.startswith(reason)
    assert "" == certificates.plan_serving(NOW, GOOD_CA, plan.data, NAMES).reason


def test_a_certificate_for_other_names_is_replaced() -> None:
    """The Service has been renamed."""
    plan = certificates.plan_serving(NOW, GOOD_CA, GOOD_TLS, ["other.svc"])

    assert f"it is for {', '.join(sorted(NAMES))}" == plan.reason
    assert {"other.svc"} == pem.facts(plan.data[CERTIFICATE]).names


def test_a_serving_certificate_does_not_outlive_its_ca() -> None:
    """It would be refused all the same, and be renewed too late."""
    late = pem.facts(GOOD_CA[CA]).ends - 10 * DAY

    plan = certificates.plan_serving(late, GOOD_CA, {}, NAMES)

    assert pem.facts(GOOD_CA[CA]).ends == pem.facts(plan.data[CERTIFICATE]).ends


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(text: bytes) -> None:
    ca, tls = both(NOW, {CA: text, CA_KEY: text, BUNDLE: text}, {CERTIFICATE: text, KEY: text, CA: text})

    assert pem.is_signed_by(tls.data[CERTIFICATE], ca.data[CA])


def handshake(trusted: bytes, served: Data, name: str) -> None:
    """TLS through memory, as an API server does it, in strict mode. Raises ssl.SSLError."""
    client = ssl.create_default_context(cadata=trusted.decode())
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(server, served)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for side in sides * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert "TLSv1.3" == sides[0].version()


def _load(server: ssl.SSLContext, served: Data) -> None:
    import tempfile  # noqa: PLC0415  # only here: the standard library loads keys from files alone

    with tempfile.NamedTemporaryFile() as file:
        file.write(served[CERTIFICATE] + served[KEY])
        file.flush()
        server.load_cert_chain(file.name)


TODAY_CA, TODAY_TLS = (plan.data for plan in both(datetime.now(UTC), {}, {}))


@pytest.mark.parametrize("name", NAMES)
def test_a_client_takes_the_certificate_for_each_name(name: str) -> None:
    handshake(TODAY_CA[BUNDLE], TODAY_TLS, name)


def test_a_client_takes_the_old_certificate_beside_a_new_ca() -> None:
    ca, tls = both(datetime.now(UTC), {}, TODAY_TLS)

    handshake(ca.data[BUNDLE], TODAY_TLS, NAMES[0])
    handshake(ca.data[BUNDLE], tls.data, NAMES[0])


def test_a_client_refuses_another_name_and_another_ca() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(TODAY_CA[BUNDLE], TODAY_TLS, "evil.svc")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(OTHER_CA[BUNDLE], TODAY_TLS, NAMES[0])


@given(st.integers(0, 2**16), st.integers(1, 255))
def test_no_damage_to_a_certificate_is_an_error(place: int, change: int) -> None:
    """A client takes what is there after it."""
    ca = {**TODAY_CA, CA: damaged(TODAY_CA[CA], place, change), BUNDLE: b""}
    tls = {**TODAY_TLS, CERTIFICATE: damaged(TODAY_TLS[CERTIFICATE], place, change)}

    after, tls_after = (plan.data for plan in both(datetime.now(UTC), ca, tls))

    handshake(after[BUNDLE], tls_after, NAMES[0])
