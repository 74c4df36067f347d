"""The program netattach-verify: checks from inside the cluster that an installation works, and ends. `helm test` runs it.

It asks the API server what its users would notice: whether each node has a daemon that is ready and has published its inventory,
and whether a broken network is refused. It changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from netattach_core.errors import NetattachError
from netattach_core.version import VERSION
from netattach_kube import api, cluster_settings, program
from netattach_kube.api import Api
from netattach_kube.resource import DAEMON_SETS, INVENTORIES, NADS
from netattach_operator import settings
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)

_DAEMON = "netattach-daemon"
_BROKEN = {
    "apiVersion": NADS.api_version,
    "kind": NADS.kind,
    "metadata": {"name": "netattach-verify"},
    "spec": {"config": "{,}"},
}
_DENIED = 'admission webhook "nads.netattach.io" denied the request'


def main() -> int:
    """0 if everything works, 1 if not, with a line in the log for each reason, 2 for settings that cannot be read."""
    return program.main("netattach-verify", settings.from_environment, _serve)


async def _serve(settings: Settings, _: asyncio.Event) -> int:
    async with api.connected("netattach-verify", VERSION, settings.kubeconfig) as server:
        found = [problem async for problem in problems(server, settings.namespace)]
    for problem in found:
        _log.error("%s", problem)
    if not found:
        _log.info("each node has a daemon that is ready, and broken networks are refused")
    return program.FAILED if found else program.OK


async def problems(server: Api, namespace: str) -> AsyncIterator[str]:
    """What does not work, each with what to look at. `namespace` is where a network is tried."""
    for check in (_daemons(server), _webhooks(server, namespace)):
        try:
            async for problem in check:
                yield problem
        except NetattachError as error:
            yield str(error)


async def _daemons(server: Api) -> AsyncIterator[str]:
    status = (await server.get(DAEMON_SETS, _DAEMON, cluster_settings.NAMESPACE))["status"]
    wanted, ready = status["desiredNumberScheduled"], status["numberReady"]
    look = f"kubectl --namespace {cluster_settings.NAMESPACE} describe"
    if not wanted:
        yield f"no node runs a daemon; see its nodeSelector: {look} daemonset {_DAEMON}"
    if ready < wanted:
        yield f"{ready} of {wanted} daemons are ready; the events of the others say why: {look} pods"
    published = 0
    async for page in server.pages(INVENTORIES, {"limit": "500"}, metadata_only=True):
        published += len(page["items"])
    if published < ready:
        yield f"{published} of {ready} nodes have published their inventory: kubectl get {INVENTORIES.plural}"


async def _webhooks(server: Api, namespace: str) -> AsyncIterator[str]:
    try:
        await server.create(NADS, _BROKEN, namespace, dry_run=True)
    except NetattachError as error:
        if _DENIED not in str(error):
            yield f"a network cannot be validated: {error}"
    else:
        yield (
            "a broken network is admitted: either validation.mode of the settings is warn, or the API server does not call "
            "the webhook; see kubectl describe validatingwebhookconfiguration netattach"
        )
