"""A CA that the owner distrusts signs nothing more, is trusted for seconds, and does not return."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_operator import certificate_distrust, certificate_plan, x509_reader
from netattach_operator.certificate_distrust import KEYS, OBSERVED, REQUESTED, Distrust
from netattach_operator.certificate_plan import BUNDLE, CA, AuthorityPlan, Data, Plan, Stored

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, SOON = timedelta(days=1), timedelta(seconds=30)
NAMES = ("netattach-webhooks.netattach-system.svc",)


def both(now: datetime, ca: Data, tls: Data, annotations: dict[str, str]) -> tuple[AuthorityPlan, Plan]:
    stored = Stored(ca, tls, distrust=certificate_distrust.from_annotations(annotations))
    planned = certificate_plan.plan_authority(now, NAMES, stored)
    return planned, certificate_plan.plan_serving(now, planned.data, tls, NAMES)


def key_id(ca: bytes) -> str:
    return x509_reader.read_facts(ca).key_id


FIRST_CA, FIRST_TLS = (plan.data for plan in both(NOW, {}, {}, {}))
ASKED = {REQUESTED: "true"}
PLAN, SERVING = both(NOW + DAY, FIRST_CA, FIRST_TLS, ASKED)
NEXT_CA, NEXT_TLS = PLAN.data, SERVING.data
RECORDED = {**ASKED, **PLAN.distrust.annotations()}


def test_a_distrusted_ca_is_replaced_and_stays_trusted_beside_the_new_one() -> None:
    assert "the CA is distrusted" == PLAN.reason
    assert [NEXT_CA[CA], FIRST_CA[CA]] == x509_reader.split_bundle(NEXT_CA[BUNDLE])
    assert {OBSERVED: "true", KEYS: key_id(FIRST_CA[CA])} == PLAN.distrust.annotations()


def test_a_value_that_stays_has_no_further_effect() -> None:
    planned = [both(NOW + days * DAY, NEXT_CA, NEXT_TLS, RECORDED)[0] for days in (1, 2, 100)]

    assert [NEXT_CA[CA]] * 3 == [plan.data[CA] for plan in planned]
    assert [PLAN.distrust] * 3 == [plan.distrust for plan in planned]


@pytest.mark.parametrize(
    ("passed", "is_trusted"),
    [(timedelta(0), True), (SOON - timedelta(seconds=1), True), (SOON, False), (DAY, False)],
)
def test_it_is_trusted_for_half_a_minute_after_the_certificate_was_replaced(
    passed: timedelta, *, is_trusted: bool
) -> None:
    plan, _ = both(NOW + DAY + passed, NEXT_CA, NEXT_TLS, RECORDED)

    assert is_trusted is (FIRST_CA[CA] in x509_reader.split_bundle(plan.data[BUNDLE]))
    assert certificate_plan.next_removal(plan, Plan(NEXT_TLS, "")) == (
        NOW + DAY + SOON if is_trusted else None
    )


def test_it_is_trusted_while_the_webhooks_have_no_other_certificate() -> None:
    """The operator was stopped right after it wrote the new CA."""
    plan, serving = both(NOW + 5 * DAY, NEXT_CA, FIRST_TLS, RECORDED)

    assert FIRST_CA[CA] in x509_reader.split_bundle(plan.data[BUNDLE])
    assert x509_reader.is_signed_by(serving.data["tls.crt"], NEXT_CA[CA])


def test_all_cas_of_the_bundle_are_distrusted() -> None:
    """The value may be meant for the CA of before a renewal that happened in the meantime."""
    lost = {BUNDLE: FIRST_CA[BUNDLE]}
    renewed, _ = both(NOW + DAY, lost, FIRST_TLS, {})

    plan, _ = both(NOW + DAY, renewed.data, FIRST_TLS, ASKED)

    assert {key_id(renewed.data[CA]), key_id(FIRST_CA[CA])} == set(plan.distrust.keys)
    assert 3 == len(x509_reader.split_bundle(plan.data[BUNDLE]))


def test_another_value_distrusts_the_next_ca() -> None:
    plan, _ = both(NOW + 2 * DAY, NEXT_CA, NEXT_TLS, {**RECORDED, REQUESTED: "2026-11-26"})

    assert NEXT_CA[CA] != plan.data[CA]
    assert ("2026-11-26", (key_id(NEXT_CA[CA]), key_id(FIRST_CA[CA]))) == (
        plan.distrust.observed,
        plan.distrust.keys,
    )


def test_without_the_annotation_the_record_still_holds() -> None:
    record = PLAN.distrust.annotations()

    plan, _ = both(NOW + 2 * DAY, FIRST_CA, FIRST_TLS, record)

    assert "the CA is distrusted" == plan.reason
    assert record == plan.distrust.annotations()


@pytest.mark.parametrize("tls", [FIRST_TLS, {**NEXT_TLS, CA: FIRST_CA[CA]}], ids=["whole", "its bundle"])
def test_it_does_not_return_from_a_backup_of_the_webhooks_secret(tls: Data) -> None:
    removed, _ = both(NOW + 2 * DAY, NEXT_CA, NEXT_TLS, RECORDED)

    plan, serving = both(NOW + 3 * DAY, removed.data, tls, RECORDED)

    assert NEXT_CA[CA] == plan.data[BUNDLE] == serving.data[CA]


def test_it_does_not_return_from_a_backup_of_the_cas_data() -> None:
    plan, serving = both(NOW + 3 * DAY, FIRST_CA, NEXT_TLS, RECORDED)

    assert plan.data[CA] not in (FIRST_CA[CA], NEXT_CA[CA])
    assert x509_reader.is_signed_by(serving.data["tls.crt"], plan.data[CA])


def test_values_are_compared_by_their_first_128_characters() -> None:
    """All annotations of an object share 256 KiB, and a record as long as the value could not be written."""
    plan, _ = both(NOW, FIRST_CA, FIRST_TLS, {REQUESTED: "x" * 200_000})
    again, _ = both(NOW, plan.data, FIRST_TLS, {REQUESTED: "x" * 129, **plan.distrust.annotations()})

    assert 128 == len(plan.distrust.annotations()[OBSERVED])
    assert plan.data[CA] == again.data[CA]


def test_at_most_sixteen_keys_are_recorded() -> None:
    distrust = Distrust(requested="x", keys=tuple(map(str, range(16)))).carried_out(["new"])

    assert ("new", *map(str, range(15))) == distrust.keys


def test_an_empty_value_is_a_value() -> None:
    """`kubectl annotate secret netattach-ca netattach.io/distrust=` means it."""
    plan, _ = both(NOW, FIRST_CA, FIRST_TLS, {REQUESTED: ""})
    again, _ = both(NOW, plan.data, FIRST_TLS, {REQUESTED: "", **plan.distrust.annotations()})

    assert FIRST_CA[CA] != plan.data[CA] == again.data[CA]


def test_a_secret_without_a_ca_gets_one_that_is_trusted() -> None:
    """The annotation is all it has."""
    plan, _ = both(NOW, {}, {}, ASKED)

    assert ("it does not exist", "true", ()) == (plan.reason, plan.distrust.observed, plan.distrust.keys)
    assert plan.data[CA] == plan.data[BUNDLE]


@given(st.dictionaries(st.sampled_from([REQUESTED, OBSERVED, KEYS]), st.text(max_size=200)))
def test_with_arbitrary_annotations_the_second_pass_changes_nothing(annotations: dict[str, str]) -> None:
    plan, serving = both(NOW, FIRST_CA, FIRST_TLS, annotations)
    again, serving_again = both(NOW, plan.data, serving.data, {**annotations, **plan.distrust.annotations()})

    assert ("", "", plan.distrust) == (again.reason, serving_again.reason, again.distrust)
