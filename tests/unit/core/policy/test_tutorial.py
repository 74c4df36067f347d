"""A namespace without a label has the level baseline: what the tutorial shows must work there."""

from __future__ import annotations

import yaml

from netattach_core.api import nad
from netattach_core.policy import networks
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from support import require

NADS = require.REPOSITORY / "docs/tutorial/nads.yaml"


def test_baseline_refuses_no_network_of_the_tutorial() -> None:
    bodies = [body for body in yaml.safe_load_all(NADS.read_text()) if body]
    policy = NamespacePolicy("lab", enforce=Level.BASELINE)
    refused = {body["metadata"]["name"]: networks.check(nad.from_body(body), policy) for body in bodies}

    assert refused
    assert {} == {name: findings for name, findings in refused.items() if findings}
