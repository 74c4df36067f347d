"""Credentials of the node: a plugin that signs in with a kubeconfig of the node does so at no server of the author's choice.

calico puts `kubernetes.k8s_api_root` in place of the server in the kubeconfig (`utils.go: CreateClient`), whose token it then
sends there: in plain text, where the address begins with http.
"""

from __future__ import annotations

from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.text.finding import Finding

CREDENTIALS = rule("policy-host-credentials", "a server to which a plugin sends credentials of the node")

RULES = (CREDENTIALS,)

_SERVERS = frozenset({"k8sapiroot", "k8sapiendpoint", "k8sapiserver"})
"""Keys in lower case, without `-` and `_`."""


def check_network(case: NetworkCase) -> Findings:
    """An address of the API server, at any depth, whatever plugin has the key."""
    for plugin in case.plugins:
        for path, key, node in plugin.values if any(map(_is_server, plugin.keys)) else ():
            if _is_server(key) and node.value:
                problem = f"`{path[-1]}` is the server to which the plugin sends the node's credentials for the API server"
                owner = ask(case.policy, "give the namespace the level privileged under policy.namespaces")
                fix = f"remove it, so that the plugin uses the server in its kubeconfig, or {owner}"
                yield Finding(CREDENTIALS, path, problem, fix, node.start)


def _is_server(key: str) -> bool:
    return key.replace("-", "").replace("_", "") in _SERVERS
