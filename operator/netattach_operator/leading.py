"""What the leader does: everything that watches or writes, in one TaskGroup."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from netattach_core import admission
from netattach_core.api.objects import Body, Key
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.live_settings import LiveSettings
from netattach_kube.pods_by_nad import RUNNING, networks_of
from netattach_kube.resource import NADS, PODS, Resource
from netattach_kube.watched import Watched
from netattach_operator import handlers, kopf_thread
from netattach_operator.certificate_keeper import CertificateKeeper
from netattach_operator.crd_keeper import CrdKeeper
from netattach_operator.handlers import Login
from netattach_operator.keys import Keys
from netattach_operator.metrics import Metrics
from netattach_operator.reconcile import Reconciler
from netattach_operator.settings import Settings
from netattach_operator.sweep import Sweep
from netattach_operator.view import View


class Leader:
    """All objects of one leadership meet here."""

    def __init__(
        self, api: Api, settings: Settings, crds: Sequence[Body], metrics: Metrics, login: Login
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._login = login
        self._keys = Keys(time.monotonic)
        self._view = View(self._keys)
        self._crds = CrdKeeper(api, crds, metrics)
        self._certificates = CertificateKeeper(api, settings, metrics)
        self._sweep = Sweep(api, self._view)
        self._reconciler = Reconciler(api, self._view, self._keys, metrics)
        self._settings = LiveSettings(api, _problems, self._settings_changed)
        self._pods = Watched(
            api, PODS, self._networks, fields=RUNNING, metadata_only=True, changed=self._pod_changed
        )

    def problem(self) -> str | None:
        """Why we are not ready; None where we are."""
        known = self._sweep.listed.is_set() and self._settings.synced.is_set()
        unlisted = None if known else "NADs and the settings have not been listed yet"
        return self._crds.problem or self._certificates.problem or unlisted

    async def run(self) -> None:
        """Until it is cancelled. Raises an ExceptionGroup with KopfEndedError where kopf ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._certificates.run(), name="certificates")
            tasks.create_task(self._crds.run(), name="CRDs")
            await self._crds.served()
            registry = handlers.registry(self._tell, self._login)
            tasks.create_task(kopf_thread.run(registry, handlers.settings()), name="kopf")
            tasks.create_task(self._pods.run(), name="pods")
            tasks.create_task(self._settings.run(), name="settings")
            tasks.create_task(self._sweep.run(), name="sweep")
            tasks.create_task(self._count_pods(), name="count of pods")
            await self._sweep.listed.wait()
            await self._settings.synced.wait()
            tasks.create_task(self._reconciler.run(), name="reconcile")

    async def _count_pods(self) -> None:
        await self._pods.synced.wait()
        self._view.count_pods()

    def _networks(self, pod: Body) -> str | None:
        return networks_of(pod, self._settings.current.validation.selection.namespace)

    def _settings_changed(self) -> None:
        self._view.put_settings(self._settings.current.validation)

    def _pod_changed(self, pod: Key) -> None:
        self._view.put_pod(pod, self._pods.get(*pod) or "")

    def _tell(self, resource: Resource, gone: bool, body: dict[str, Any]) -> None:  # noqa: FBT001  # as kopf's events are
        """From kopf's thread into ours."""
        objects = self._view.nads if resource is NADS else self._view.inventories
        self._loop.call_soon_threadsafe(objects.drop if gone else objects.take, body)


def _problems(read: ClusterSettings) -> list[str]:
    return admission.settings_problems(read.validation)
