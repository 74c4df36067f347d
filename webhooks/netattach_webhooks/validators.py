"""From a request to findings: gathers what validation needs, then calls the rules in core.

Decoding a large body and validating a long text are slow, so threads do both: health checks and other reviews do not wait.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NetworkSelection
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConfigError
from netattach_core.policy import requests
from netattach_core.policy.case import PodCase, Surroundings
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.settings import ValidationSettings
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings
from netattach_webhooks import review
from netattach_webhooks.cluster_cache import ClusterCache
from netattach_webhooks.review import AdmissionRequest
from netattach_webhooks.threads import has_many_keys, if_long, run_in, validated_annotations

MUTATE_PODS = "mutate/pods"
"""The kind of the reviews that change pods, and their path."""

_THREADS = 2

_LARGE = 64 * 1024
"""Bytes; a larger body is decoded in a thread, a smaller one so fast that other reviews do not notice."""

_MAX_SETTINGS = 16 * 1024
"""Characters; parsing YAML is slow."""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Findings, and the text of their offsets."""

    findings: Sequence[Finding] = ()
    text: str = ""


Validator = Callable[[AdmissionRequest], Awaitable[ValidationResult]]
"""Raises NotSyncedError while it does not know enough of the cluster."""

_NO_FINDINGS = ValidationResult()


class Validators:
    """A validator for each kind of review, with separate threads, so that slow networks do not delay pods."""

    def __init__(self, cache: ClusterCache) -> None:
        self._cache = cache
        self._for_nads = ThreadPoolExecutor(_THREADS, "nads")
        self._for_pods = ThreadPoolExecutor(_THREADS, "pods")
        self._for_settings = ThreadPoolExecutor(1, "settings")
        self._threads = {
            "nads": self._for_nads,
            "deletions": self._for_nads,
            "pods": self._for_pods,
            "templates": self._for_pods,
            MUTATE_PODS: self._for_pods,
            "config": self._for_settings,
        }
        self.by_kind: dict[str, Validator] = {
            "nads": self.validate_nad,
            "deletions": self.validate_deletion,
            "pods": self.validate_pod,
            "templates": self.validate_template,
            "config": self.validate_settings,
        }

    def close(self) -> None:
        """Cancels all work that has not started: the server is gone, so nobody waits for the results."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def decode(self, kind: str, body: bytes) -> AdmissionRequest:
        """Raises DecodeError."""
        if len(body) <= _LARGE:
            return review.decode(body)
        return await run_in(self._threads[kind], review.decode, body)

    async def validate_nad(self, request: AdmissionRequest) -> ValidationResult:
        if request.object is None:
            return _NO_FINDINGS
        config = _config(request.object)
        threads = self._for_nads if has_many_keys(request.object) else if_long(config, self._for_nads)
        if not await run_in(threads, admission.nad_needs_validation, request.object, request.old_object):
            return _NO_FINDINGS
        body, settings = _with_name(request.object, request), self._cache.settings()
        findings = await run_in(
            threads,
            admission.validate_nad,
            body,
            request.old_object,
            self._cache.nodes(),
            footprints=self._cache.footprints(),
            settings=settings,
            policy=await self._cache.policy(request.namespace),
        )
        if admission.change_depends_on_users(body, request.old_object, findings):
            users = await self._users(request)
            findings += admission.validate_nad_change(body, users, settings)
        return ValidationResult(findings, config)

    async def validate_deletion(self, request: AdmissionRequest) -> ValidationResult:
        """The deletion of a network that pods may use."""
        settings = self._cache.settings()
        body = _with_name(request.old_object or {}, request)
        depends = admission.deletion_depends_on_users(body, request.user, settings)
        users = await self._users(request) if depends else admission.NOBODY
        return ValidationResult(admission.validate_nad_deletion(body, users, request.user, settings))

    async def _users(self, request: AdmissionRequest) -> NetworkUsers:
        return await self._cache.users((request.namespace, request.name))

    async def validate_pod(self, request: AdmissionRequest) -> ValidationResult:
        if request.object is None:
            return _NO_FINDINGS
        findings, selections, nads = await self._check_pod(request, request.object, request.old_object)
        findings += admission.validate_devices(request.object, selections, nads)
        weighted = admission.apply_severities(findings, self._cache.settings(), request.namespace)
        return ValidationResult(*admission.with_text(weighted, request.object))

    async def validate_template(self, request: AdmissionRequest) -> ValidationResult:
        """Warnings only: an object that creates pods may be applied before their networks."""
        pod = admission.template_pod(request.kind, request.object)
        if pod is None or request.object is None:
            return _NO_FINDINGS
        old_pod = admission.template_pod(request.kind, request.old_object) if request.old_object else None
        findings, selections, nads = await self._check_pod(request, pod, old_pod)
        nodes = len(self._cache.nodes())
        replicas = admission.template_replicas(request.kind, request.object, nodes)
        findings += admission.validate_capacity(selections, nads, replicas, nodes)
        findings += admission.validate_owner(request.object, pod) if request.old_object is None else ()
        weighted = admission.apply_severities(findings, self._cache.settings(), request.namespace)
        return ValidationResult(*admission.with_text(map(_as_warning, weighted), pod))

    async def _check_pod(
        self, request: AdmissionRequest, pod: Body, old_pod: Body | None
    ) -> tuple[list[Finding], Sequence[NetworkSelection], Mapping[Key, Nad]]:
        """Findings in a pod, its network selections, and the NADs of these that exist.

        Of a network that the pod's namespace may not use, the findings reveal nothing else, not even whether it exists.
        """
        settings = self._cache.settings()
        threads = if_long(validated_annotations(pod), self._for_pods)
        asked = await run_in(threads, admission.validate_pod, pod, old_pod, request.namespace, settings)
        lookup = await self._cache.look_up(
            [key for key in asked.networks if settings.selection.reaches(request.namespace, key[0])]
        )
        findings = [*asked.findings, *admission.unverified_networks(lookup.unverified, lookup.reason)]
        if lookup.missing:
            visible = self._visible_networks(request.namespace, settings)
            findings += await run_in(
                self._for_pods, admission.unknown_networks, lookup.missing, visible, request.namespace
            )
        findings += await run_in(threads, _check_requests, asked.selections, lookup.found)
        nads = dict(lookup.found)
        if asked.default is not None:
            found, default_nads = await self._check_default_network(
                asked.default, request.namespace, settings
            )
            findings += found
            nads |= default_nads
        if asked.selections or asked.default:
            policy = await self._cache.policy(request.namespace)
            around = Surroundings(self._cache.nodes(), settings.networks)
            case = PodCase(policy, asked.selections, asked.default, nads, around)
            findings += await run_in(threads, requests.check, case)
        if nads:
            ruled_out = self._cache.ruled_out(list(nads.values()))
            possible = admission.possible_nodes(pod, self._cache.nodes_by_name())
            findings += admission.validate_nodes(ruled_out, possible, request.namespace)
        return findings, asked.selections, lookup.found

    async def _check_default_network(
        self, selection: NetworkSelection, namespace: str, settings: ValidationSettings
    ) -> tuple[list[Finding], Mapping[Key, Nad]]:
        """Findings in the network that a pod asks for instead of the node's default network, and its NAD."""
        lookup = await self._cache.look_up([(selection.namespace, selection.name)])
        findings = admission.unverified_networks(lookup.unverified, lookup.reason)
        if lookup.missing and selection.namespace == settings.selection.namespace:
            primaries = {node.primary.name for node in self._cache.nodes() if node.primary}
            findings += admission.unknown_default_file(selection, primaries)
        elif lookup.missing:
            findings += admission.unknown_default_network(
                selection, self._visible_networks(namespace, settings), namespace
            )
        findings += admission.validate_requests([selection], lookup.found, DEFAULT_NETWORK)
        return findings, lookup.found

    def _visible_networks(self, namespace: str, settings: ValidationSettings) -> tuple[Key, ...]:
        """The networks that pods of a namespace may use; findings name no others."""
        return tuple(key for key in self._cache.networks() if settings.selection.reaches(namespace, key[0]))

    async def validate_settings(self, request: AdmissionRequest) -> ValidationResult:
        if request.object is None or request.name != cluster_settings.NAME:
            return _NO_FINDINGS
        if request.old_object is not None and request.object.get("data") == request.old_object.get("data"):
            return _NO_FINDINGS
        settings, problems = await run_in(self._for_settings, _read_settings, request.object)
        selection = settings.validation.selection
        unknown = admission.validate_default_networks(
            selection, self._cache.networks() if selection.defaults else ()
        )
        unknown += admission.validate_primary_network(
            selection, self._cache.nodes() if selection.primary else ()
        )
        weighted = admission.apply_severities(unknown, settings.validation, cluster_settings.NAMESPACE)
        return ValidationResult([*admission.settings_findings(problems), *weighted])


def _config(body: Body) -> str:
    spec = body.get("spec")
    config = spec.get("config") if isinstance(spec, dict) else None
    return config if isinstance(config, str) else ""


def _check_requests(selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad]) -> list[Finding]:
    return list(admission.validate_requests(selections, nads))


def _as_warning(finding: Finding) -> Finding:
    """What would refuse the pods only warns here; what is only for the audit log stays there."""
    denies = finding.effective_severity is Severity.DENY
    return dataclasses.replace(finding, severity=Severity.WARN) if denies else finding


def _with_name(body: Body, request: AdmissionRequest) -> Body:
    """The object with name and namespace: a new object may lack them, but the request has them."""
    metadata = body.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    return {**body, "metadata": {"namespace": request.namespace, "name": request.name, **own}}


def _read_settings(config_map: Body) -> tuple[ClusterSettings, list[str]]:
    """The settings and the problems in them; the defaults if they cannot be parsed.

    An error message has one line for each problem, except that of the YAML parser, which has several lines.
    """
    defaults = ClusterSettings()
    texts = config_map.get("data")
    if sum(len(str(text)) for text in (texts if isinstance(texts, dict) else {}).values()) > _MAX_SETTINGS:
        return defaults, [f"the settings are longer than {_MAX_SETTINGS} characters"]
    try:
        settings = cluster_settings.from_config_map(config_map)
        return settings, admission.settings_problems(settings.validation)
    except ConfigError as error:
        return defaults, re.split(rf"\n(?={re.escape(cluster_settings.KEY)}: )", error.message)
    except RecursionError:
        return defaults, [f"{cluster_settings.KEY}: too many nested lists and maps"]
