"""The operator runs with the roles of another release."""

from __future__ import annotations

import pytest

from netattach_kube.failures import ForbiddenError, UnauthorizedError
from netattach_kube.resource import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS
from netattach_operator import certificate_keeper
from unit.operator.test_certificate_keeper import (
    CA,
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

        pause = await scene.keeper.keep()

        assert scene.is_up_to_date()
        assert [b"", b"other"] == mutating_bundles(scene)
        assert certificate_keeper._LONGEST_PAUSE == pause  # the permission may be back by then

    played(act)


def test_a_permission_that_is_back_is_used_by_the_next_pass() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.put(MUTATING_WEBHOOKS, MUTATING)
        scene.server.fail(403, path="mutatingwebhookconfigurations")
        await scene.keeper.keep()

        pause = await scene.keeper.keep()

        assert [scene.data(CA)["ca-bundle.crt"], b"other"] == mutating_bundles(scene)
        assert certificate_keeper._AT_LEAST_EVERY == pause

    played(act)


def test_a_refused_token_is_no_missing_permission() -> None:
    """With it nothing is known of the configuration, whose API servers would not trust what is signed."""

    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.put(MUTATING_WEBHOOKS, MUTATING)
        scene.server.fail(401, path="mutatingwebhookconfigurations")

        with pytest.raises(UnauthorizedError):
            await scene.keeper.keep()

        assert not scene.server.has(SECRETS, TLS, NS)
        await scene.keeper.keep()
        assert [scene.data(CA)["ca-bundle.crt"], b"other"] == mutating_bundles(scene)

    played(act)


def test_without_permission_for_the_validating_configuration_nothing_is_signed() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(VALIDATING_WEBHOOKS, CONFIGURATION)
        scene.server.fail(403, path="validatingwebhookconfigurations", times=1000)

        with pytest.raises(ForbiddenError):
            await scene.keeper.keep()

        assert not scene.server.has(SECRETS, TLS, NS)

    played(act)
