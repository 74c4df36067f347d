"""Which level a namespace has."""

from __future__ import annotations

import pytest

from netattach_core.api import label_selector
from netattach_core.policy import levels
from netattach_core.policy.settings import AllowLists, Level, Mode, NamespaceEntry, PolicySettings

BASELINE, PRIVILEGED, RESTRICTED = Level.BASELINE, Level.PRIVILEGED, Level.RESTRICTED
LABEL = levels.ENFORCE_LABEL


def entry(*patterns: str, level: Level = RESTRICTED, **more: object) -> NamespaceEntry:
    return NamespaceEntry(patterns, level=level, **more)  # type: ignore[arg-type]  # any of its fields


def enforced(settings: PolicySettings, namespace: str, **labels: str) -> Level:
    return levels.of_namespace(settings, namespace, labels).enforce


def test_a_namespace_without_entry_and_label_has_the_default() -> None:
    assert enforced(PolicySettings(), "lab") is BASELINE
    assert enforced(PolicySettings(default=RESTRICTED), "lab") is RESTRICTED


@pytest.mark.parametrize("level", Level)
def test_the_label_of_pod_security_decides_before_the_default(level: Level) -> None:
    assert enforced(PolicySettings(), "lab", **{LABEL: level.text}) is level


@pytest.mark.parametrize("text", ["Privileged", "", "privileged "])
def test_a_misspelt_label_means_restricted_as_in_pod_security(text: str) -> None:
    policy = levels.of_namespace(PolicySettings(), "lab", {LABEL: text})

    assert (RESTRICTED, RESTRICTED) == (policy.enforce, policy.pod_security)


def test_the_first_matching_entry_decides_before_the_label() -> None:
    settings = PolicySettings(namespaces=(entry("t-?", level=PRIVILEGED), entry("t-*")))

    assert enforced(settings, "t-1", **{LABEL: "restricted"}) is PRIVILEGED
    assert enforced(settings, "t-10", **{LABEL: "privileged"}) is RESTRICTED


def test_an_entry_with_patterns_and_a_selector_needs_both() -> None:
    selector = label_selector.parse("tenant=true") or ()
    settings = PolicySettings(namespaces=(entry("t-*", selector=selector),))

    assert enforced(settings, "t-1", tenant="true") is RESTRICTED
    assert enforced(settings, "t-1") is BASELINE
    assert enforced(settings, "lab", tenant="true") is BASELINE


def test_the_owners_namespaces_are_privileged_unless_an_entry_names_them() -> None:
    trusted = frozenset({"kube-system"})

    assert enforced(PolicySettings(trusted=trusted), "kube-system", **{LABEL: "restricted"}) is PRIVILEGED
    assert enforced(PolicySettings(namespaces=(entry("*"),), trusted=trusted), "kube-system") is PRIVILEGED
    named = PolicySettings(namespaces=(entry("kube-system"),), trusted=trusted)
    assert enforced(named, "kube-system") is RESTRICTED


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.ENFORCE, (RESTRICTED, BASELINE, PRIVILEGED)),
        (Mode.WARN, (PRIVILEGED, RESTRICTED, PRIVILEGED)),
        (Mode.AUDIT, (PRIVILEGED, PRIVILEGED, RESTRICTED)),
    ],
)
@pytest.mark.parametrize("of_entry", [True, False])
def test_a_mode_lowers_what_is_refused(mode: Mode, expected: tuple[Level, ...], *, of_entry: bool) -> None:
    one = entry("lab", warn=BASELINE, mode=mode if of_entry else Mode.ENFORCE)
    settings = PolicySettings(namespaces=(one,), mode=Mode.ENFORCE if of_entry else mode)

    policy = levels.of_namespace(settings, "lab", {})

    assert expected == (policy.enforce, policy.warn, policy.audit)
    assert policy.strictest is RESTRICTED


def test_labels_of_pod_security_that_warn_and_audit_do_so_for_networks_too() -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("warn", "audit")}

    policy = levels.of_namespace(PolicySettings(), "lab", labels)

    assert (BASELINE, RESTRICTED, RESTRICTED) == (policy.enforce, policy.warn, policy.audit)


def test_lists_come_from_what_decided_and_messages_name_it() -> None:
    ours, common = AllowLists(masters=("eth1",)), AllowLists(masters=("eth2",))
    settings = PolicySettings(namespaces=(entry("lab", allowed=ours),), restricted=common)

    by_entry = levels.of_namespace(settings, "lab", {})
    by_label = levels.of_namespace(settings, "other", {LABEL: "restricted"})

    assert (ours, "policy.namespaces[0]") == (by_entry.allowed, by_entry.lists)
    assert (common, "policy.restricted") == (by_label.allowed, by_label.lists)
    assert f"the label {LABEL}=restricted" == by_label.source


def test_the_pods_level_is_that_of_the_label_whatever_the_settings_say() -> None:
    settings = PolicySettings(namespaces=(entry("lab", level=PRIVILEGED),))

    assert levels.of_namespace(settings, "lab", {LABEL: "baseline"}).pod_security is BASELINE
    assert levels.of_namespace(settings, "lab", {}).pod_security is PRIVILEGED
