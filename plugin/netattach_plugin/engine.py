"""One call, from what was asked to what is answered: gather, decide, act, answer.

The only user of two ports at once. A failed or abandoned ADD is undone before it is answered; DEL goes by the ledger.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from netattach_core import annotation, answer, attachment, plan
from netattach_core.annotation import Selection
from netattach_core.answer import Told
from netattach_core.attachment import Attachment, Network
from netattach_core.cni_call import CniCall
from netattach_core.errors import (
    AnnotationError,
    EnvironmentVariableError,
    NetattachError,
    NotFoundError,
    TryAgainError,
)
from netattach_core.plan import Carrier, Verb
from netattach_core.pod import PodRef
from netattach_core.sandbox import Phase, Sandbox
from netattach_plugin.act import carry_out
from netattach_plugin.ports import (
    Events,
    Executors,
    Ledger,
    Links,
    NodeNetworks,
    PodLinks,
    Shim,
    StatusSink,
    Store,
)
from netattach_plugin.run_plugin import PluginExecutor


class Engine:
    """Stateless between calls: what has to be remembered is in the ledger."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: Ledger,
        networks: NodeNetworks,
        links: Links,
        status: StatusSink,
        events: Events,
        plugin_deadline: float,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._networks = networks
        self._links = links
        self._status = status
        self._events = events
        self._plugin_deadline = plugin_deadline

    async def add(self, call: CniCall, shim: Shim) -> str:
        """Attaches all networks of a pod; the default network's result as text. Raises NetattachError, nothing is left then."""
        try:
            return await self._add(call, shim)
        except NetattachError as error:
            if call.pod is not None and not _is_plain(call):
                self._events.failed(call.pod, error.message)
            raise

    async def _add(self, call: CniCall, shim: Shim) -> str:
        if shim.netns is None:
            raise EnvironmentVariableError(
                f"CNI_NETNS {call.netns}: there is no network namespace to be opened"
            )
        await self._undo_what_an_earlier_call_left(call, shim)
        attachments = await self._gather_and_decide(call)
        async with self._links.open(shim.netns) as links:
            _refuse_taken_names(call, attachments, await links.names())
            told = await self._act(call, attachments, shim, links)
        await self._publish(call.pod, told, plain=len(attachments) == 1)
        if shim.cancelled:
            await self._undo_what_nobody_heard_of(call, shim)
        return told.result

    async def delete(self, call: CniCall, shim: Shim) -> None:
        """Detaches what the ledger says; for a sandbox it does not know, the default network. Raises NetattachError."""
        sandbox = await self._ledger.load(call.container_id)
        if sandbox is None:
            default = attachment.primary(call, self._networks.primary())
            sandbox = Sandbox(call.container_id, call.netns, call.pod, Phase.DELETING, (default,))
        await self._detach(dataclasses.replace(sandbox, phase=Phase.DELETING), call, shim)

    async def check(self, call: CniCall, shim: Shim) -> None:
        """Asks every plugin whether its part still stands. Raises NetattachError."""
        sandbox = await self._ledger.load(call.container_id)
        if sandbox is None or sandbox.phase is not Phase.ADDED:
            raise NotFoundError(f"sandbox {call.container_id} has no finished ADD")
        outcome = await carry_out(plan.check(sandbox.attachments), self._executors(call, shim))
        if outcome.failures:
            raise answer.failure(call, Verb.CHECK, sandbox.attachments, outcome.failures)

    async def _undo_what_an_earlier_call_left(self, call: CniCall, shim: Shim) -> None:
        """An unfinished ADD was reported as failed, so it is undone and never finished."""
        left = await self._ledger.load(call.container_id)
        if left is None:
            return
        if left.phase is Phase.ADDED:
            raise NetattachError(
                f"sandbox {call.container_id} is attached already; the runtime has to call DEL first"
            )
        await self._detach(left, call, shim)

    async def _undo_what_nobody_heard_of(self, call: CniCall, shim: Shim) -> None:
        """The runtime gave up when all was attached already, while the status was written."""
        attached = await self._ledger.load(call.container_id)
        if attached is not None:
            await self._detach(attached, call, shim)
        raise TryAgainError(answer.for_pod(call, "the runtime gave up when the networks were attached"))

    async def _gather_and_decide(self, call: CniCall) -> tuple[Attachment, ...]:
        default = self._networks.primary()
        try:
            selections = await self._selections(call)
            networks = {each.full_name: await self._network(each) for each in selections}
            return attachment.decide(call, default, selections, networks)
        except NetattachError as error:
            error.message = answer.for_pod(call, error.message)
            raise

    async def _selections(self, call: CniCall) -> Sequence[Selection]:
        """The runtime hands the annotations over by capability; where it does not, the pod is looked up."""
        if call.pod is None:
            return ()
        annotations = call.pod_annotations
        if annotations is None:
            pod = await self._store.pod(call.pod)
            if pod is None:
                raise NotFoundError(f"it does not exist in the API, or not under the UID {call.pod.uid!r}")
            annotations = pod.annotations
        _refuse_default_network(annotations)
        try:
            return annotation.parse(annotations.get(annotation.NETWORKS, ""), call.pod.namespace)
        except AnnotationError as error:
            raise AnnotationError(f"annotation {annotation.NETWORKS}: {error.message}") from error

    async def _network(self, selection: Selection) -> Network:
        nad = await self._store.nad(selection.namespace, selection.name)
        if nad is None:
            raise NotFoundError(
                f"network {selection.full_name}: there is no NetworkAttachmentDefinition {selection.name!r} in "
                f"namespace {selection.namespace!r}; create it, or correct the pod's annotation"
            )
        if nad.config.strip():
            return Network(nad.full_name, nad.config, nad.name)
        on_node = self._networks.by_name(nad.name)
        if on_node is None:
            raise NotFoundError(
                f"network {nad.full_name}: its config is empty, and no file of this node has that name"
            )
        return dataclasses.replace(on_node, network=nad.full_name)

    async def _act(
        self, call: CniCall, attachments: Sequence[Attachment], shim: Shim, links: PodLinks
    ) -> Told:
        """The ledger first, then the plan; after a failure, in an answer too, all that was begun is undone in reverse."""
        sandbox = Sandbox(call.container_id, call.netns, call.pod, Phase.ADDING, tuple(attachments))
        await self._save(sandbox)
        outcome = await carry_out(
            plan.add(attachments), self._executors(call, shim), cancelled=lambda: shim.cancelled, links=links
        )
        attached = tuple(outcome.with_results(attachments))
        try:
            if outcome.failures:
                raise answer.failure(call, Verb.ADD, attachments, outcome.failures)
            if shim.cancelled:
                raise TryAgainError(
                    answer.for_pod(call, "the runtime gave up while the networks were attached")
                )
            told = answer.told(call, attached)
            await self._save(dataclasses.replace(sandbox, phase=Phase.ADDED, attachments=attached))
        except NetattachError as error:
            await self._undo(
                dataclasses.replace(sandbox, attachments=attached), outcome.begun, error, call, shim
            )
            raise
        return told

    async def _undo(
        self, sandbox: Sandbox, begun: Collection[str], error: NetattachError, call: CniCall, shim: Shim
    ) -> None:
        """What cannot be undone stays in the ledger for the DEL that follows; the error to be reported says so."""
        try:
            await self._detach(sandbox, call, shim, begun)
        except NetattachError as undo_error:
            error.details = "\n".join(filter(None, (error.details, f"not undone yet: {undo_error.message}")))

    async def _detach(
        self, sandbox: Sandbox, call: CniCall, shim: Shim, begun: Collection[str] | None = None
    ) -> None:
        """DEL of all attachments, or of the steps `begun` where these are known.

        What fails stays in the ledger, the rest leaves it. Raises NetattachError.
        """
        outcome = await carry_out(plan.delete(sandbox.attachments, begun), self._executors(call, shim))
        failed = {step.ifname for step, _ in outcome.failures}
        left = tuple(each for each in sandbox.attachments if each.ifname in failed)
        if not left:
            await self._ledger.remove(sandbox.container_id)
            return
        await self._save(dataclasses.replace(sandbox, phase=Phase.DELETING, attachments=left))
        raise answer.failure(call, Verb.DEL, sandbox.attachments, outcome.failures)

    async def _save(self, sandbox: Sandbox) -> None:
        try:
            await self._ledger.save(sandbox)
        except OSError as error:
            raise NetattachError(
                f"the ledger cannot be written: {error}; make room or mend the disk"
            ) from error

    async def _publish(self, ref: PodRef | None, told: Told, *, plain: bool) -> None:
        """network-status: awaited for a pod that asked for networks, off the pod's path for a plain one."""
        if ref is None:
            return
        if plain:
            self._status.deliver_later(ref, told.status)
            return
        self._events.added(ref, told.added)
        await self._status.deliver(ref, told.status)

    def _executors(self, call: CniCall, shim: Shim) -> Executors:
        return {Carrier.PLUGIN: PluginExecutor(shim, call, self._plugin_deadline)}


def _is_plain(call: CniCall) -> bool:
    """Whether it is known to ask for nothing; of such a pod the kubelet's own event is enough."""
    annotations = call.pod_annotations
    return annotations is not None and not any(
        annotations.get(key, "").strip() for key in (annotation.NETWORKS, annotation.DEFAULT_NETWORK)
    )


def _refuse_default_network(annotations: Mapping[str, str]) -> None:
    """Rather than let the pod run in another default network than it asked for."""
    if annotations.get(annotation.DEFAULT_NETWORK, "").strip():
        raise AnnotationError(
            f"annotation {annotation.DEFAULT_NETWORK} is not carried out by this version; remove it, so that the pod does "
            "not run in another default network than it asks for"
        )


def _refuse_taken_names(call: CniCall, attachments: Sequence[Attachment], taken: frozenset[str]) -> None:
    """Before any plugin is asked: its DEL, which has to follow a failed ADD, would remove the other's interface (C20)."""
    for each in attachments:
        if each.ifname in taken:
            problem = f"network {each.network}: the pod has an interface {each.ifname!r} already; ask for another name"
            raise NetattachError(answer.for_pod(call, problem))
