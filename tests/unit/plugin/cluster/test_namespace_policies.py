"""The policy of namespaces in the daemon."""

from __future__ import annotations

import asyncio

import pytest

from netattach_core.errors import TryAgainError
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_core.policy.settings import Level, PolicySettings
from netattach_plugin.cluster import namespace_policies
from netattach_plugin.cluster.namespace_policies import NamespacePolicies


class Cluster:
    """Settings, and labels of namespaces, None where they are not known."""

    def __init__(self) -> None:
        self.settings = PolicySettings()
        self.labels: dict[str, str] | None = {}
        self.policies = NamespacePolicies(lambda: self.settings, self.labels_of)

    async def labels_of(self, _: str) -> dict[str, str]:
        if self.labels is None:
            raise TryAgainError("the API server cannot be reached")
        return self.labels

    def level(self, namespace: str = "tenant") -> Level:
        return asyncio.run(self.policies.of_namespace(namespace)).enforce


def test_the_label_of_the_namespace_decides_and_a_change_is_seen() -> None:
    cluster = Cluster()
    assert Level.BASELINE is cluster.level()

    cluster.labels = {ENFORCE_LABEL: "restricted"}
    assert Level.RESTRICTED is cluster.level()


def test_a_change_of_the_settings_is_seen() -> None:
    cluster = Cluster()
    assert Level.BASELINE is cluster.level()

    cluster.settings = PolicySettings(default=Level.PRIVILEGED)
    assert Level.PRIVILEGED is cluster.level()


def test_unknown_labels_are_no_guess() -> None:
    """Though the policy of the same namespace was known before."""
    cluster = Cluster()
    cluster.level()
    cluster.labels = None

    with pytest.raises(TryAgainError):
        cluster.level()


def test_the_same_policy_is_the_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more namespaces were asked for than are kept."""
    monkeypatch.setattr(namespace_policies, "_CACHED", 2)
    cluster = Cluster()

    async def story() -> None:
        first = await cluster.policies.of_namespace("a")
        assert first is await cluster.policies.of_namespace("a")
        for name in ("b", "c"):
            await cluster.policies.of_namespace(name)
        assert first == await cluster.policies.of_namespace("a")

    asyncio.run(story())
