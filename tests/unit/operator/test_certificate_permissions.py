"""The operator runs with the roles of another release."""

from __future__ import annotations

import pytest

from netattach_kube.failures import ForbiddenError
from netattach_kube.resource import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS
from unit.operator.test_certificate_keeper import (
    CONFIGURATION,
    MUTATING,
    NS,
    TLS,
    Scene,
    mutating_bundles,
    played,
)


def test_without_permission_for_the_mutating_configuration_the_others_are_up_to_date() -> None:
    """As during a rollback to a release that has no such configuration."""

    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.put(MUTATING_WEBHOOKS, MUTATING)
        scene.server.fail(403, path="mutatingwebhookconfigurations", times=1000)

        await scene.keeper.keep()

        assert scene.is_up_to_date()
        assert [b"", b"other"] == mutating_bundles(scene)

    played(act)


def test_without_permission_for_the_validating_configuration_nothing_is_signed() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.fail(403, path="validatingwebhookconfigurations", times=1000)

        with pytest.raises(ForbiddenError):
            await scene.keeper.keep()

        assert not scene.server.has(SECRETS, TLS, NS)

    played(act)
