"""Networks of a namespace with a level, and what policy finds in them."""

from __future__ import annotations

import json
from typing import Any

from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.case import NOTHING_KNOWN, Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import NO_LISTS, AllowLists, Level
from netattach_core.text.finding import Finding


def baseline(config: Any, around: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """The findings for a network, an object or its text, in a namespace with the level baseline."""
    return _check(config, NamespacePolicy("lab", enforce=Level.BASELINE), around)


def restricted(
    config: Any, lists: AllowLists = NO_LISTS, around: Surroundings = NOTHING_KNOWN
) -> list[Finding]:
    """The same with the level restricted, whose lists are those of the first entry of the settings."""
    where = "policy.namespaces[0]"
    policy = NamespacePolicy("lab", enforce=Level.RESTRICTED, allowed=lists, source=where, lists=where)
    return _check(config, policy, around)


def rules(findings: list[Finding]) -> list[str]:
    """The ids of the rules, each once."""
    return list(dict.fromkeys(finding.rule.id for finding in findings))


def _check(config: Any, policy: NamespacePolicy, around: Surroundings) -> list[Finding]:
    text = config if isinstance(config, str) else json.dumps(config)
    return networks.check(Nad("lab", "net", text), policy, around)
