"""The run over all files: networks as they are read, pods once the networks that they request are known."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from netattach_cli import documents, files
from netattach_cli.files import File, UnreadableError
from netattach_cli.lint import file_search, ignore_comments, ignores, manifests, namespace_policies
from netattach_cli.lint.batches import Batches
from netattach_cli.lint.ignores import DocumentIgnores, FileIgnores
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_cli.lint.network_objects import NetworkSource
from netattach_cli.lint.network_validator import Candidate, NetworkValidator
from netattach_cli.lint.pod_objects import PodSource
from netattach_cli.lint.pod_validator import PodValidator, asks_for_networks
from netattach_cli.lint.report import IgnoredFinding, Report, Summary
from netattach_core import admission
from netattach_core.text.finding import Finding, Severity

_Input = tuple[File, str | UnreadableError]


@dataclass(slots=True)
class Linter:
    """Validates files and reports what it finds; an unreadable file does not stop it.

    `is_excluded` says of a path whether to skip it; a file that is named itself is skipped only with `related_only`, which also
    skips named files that have nothing to do with networks. Findings of the severity `advice` are reported only with `advice`.
    """

    networks: NetworkValidator
    report: Report
    is_excluded: Callable[[str], bool] = field(default=lambda _: False)
    related_only: bool = False
    advice: bool = False
    summary: Summary = field(default_factory=Summary)
    _seen: set[str] = field(default_factory=set)
    _excluded: set[str] = field(default_factory=set)
    _waiting: list[tuple[Manifest, PodSource, DocumentIgnores]] = field(default_factory=list)
    _ignores: list[DocumentIgnores] = field(default_factory=list)
    _batches: Batches[Candidate, list[Finding]] = field(init=False)

    def __post_init__(self) -> None:
        self._batches = Batches(self.networks.findings, self.networks.pass_over)

    def run(self, arguments: Iterable[str]) -> Summary:
        """Lints all files that the arguments mean, and finishes the report. Raises ForkedCallError."""
        inputs = [each for argument in arguments for each in self._inputs(argument)]
        self.summary.excluded = len(self._excluded - self._seen)
        for file, text in inputs:
            if isinstance(text, str):
                self.networks.namespaces.learn(file.name, text)
        try:
            self._lint_all(inputs)
            self._batches.finish()
        finally:
            self._batches.stop()
        for manifest, pod, comments in self._waiting:
            self._report_object(manifest, comments, self._pods.validate(manifest, pod))
        for comments in self._ignores:
            self._report_comments(comments.unused())
        self.report.finish(self.summary)
        return self.summary

    def _inputs(self, argument: str) -> Iterator[_Input]:
        """The files that an argument means, each once, with their text; without those that have nothing to do with networks."""
        try:
            found = file_search.expand(argument)
        except UnreadableError as error:
            yield File(argument), error
            return
        for file in found:
            path = os.path.realpath(file.path)
            named = file.named and not self.related_only
            if path in self._seen:
                continue
            if not named and self.is_excluded(file.path):
                self._excluded.add(path)
                continue
            self._seen.add(path)
            yield from self._read(dataclasses.replace(file, named=named))

    def _read(self, file: File) -> Iterator[_Input]:
        try:
            text = files.read(file)
        except UnreadableError as error:
            yield file, error
            return
        if file_search.is_related(file, text) or namespace_policies.may_have_some(text):
            yield file, text

    def _lint_all(self, inputs: Iterable[_Input]) -> None:
        for file, text in inputs:
            if isinstance(text, UnreadableError):
                self._batches.then(partial(self._report_unreadable, text))
            elif file_search.is_related(file, text):
                self._lint(file, text)

    def _lint(self, file: File, text: str) -> None:
        """Validates one file, also the documents before one that cannot be parsed."""
        comments = FileIgnores(file.name, text) if ignore_comments.may_have_some(text) else None
        try:
            for document in documents.parse(file.name, text):
                own = comments.of(document) if comments else ignores.NONE
                self._keep(own)
                for manifest in manifests.manifests(file.name, text, document):
                    self._validate_or_wait(manifest, own)
            self._keep(comments.rest() if comments else ignores.NONE)
        except UnreadableError as error:
            self._batches.then(partial(self._report_unreadable, error))

    def _keep(self, comments: DocumentIgnores) -> None:
        """Remembers the comments of a document until all its findings are known."""
        if comments is not ignores.NONE:
            self._ignores.append(comments)
            self._batches.then(partial(self._report_comments, comments.invalid()))

    def _validate_or_wait(self, manifest: Manifest, comments: DocumentIgnores) -> None:
        network, pod = manifest.network, manifest.pod
        if network is not None:
            report = partial(self._report_network, manifest, network, comments)
            self._batches.put(self.networks.candidate(manifest, network), report)
        elif pod is not None and asks_for_networks(pod) and self._pods.missing(manifest, pod):
            self._waiting.append((manifest, pod, comments))
        elif pod is not None and ((found := self._pods.validate(manifest, pod)) or asks_for_networks(pod)):
            self._batches.then(partial(self._report_object, manifest, comments, found))

    def _report_network(
        self, manifest: Manifest, network: NetworkSource, comments: DocumentIgnores, found: Sequence[Finding]
    ) -> None:
        self._report_object(manifest, comments, self.networks.located(manifest, network, found))

    def _report_object(
        self, manifest: Manifest, comments: DocumentIgnores, found: Sequence[LocatedFinding]
    ) -> None:
        kept = [each for each in found if not self._is_ignored(each, comments) and self._is_wanted(each)]
        self.summary.add(manifest, [each.finding for each in kept])
        self.report.validated(manifest)
        for each in kept:
            self.report.finding(each)

    @property
    def _pods(self) -> PodValidator:
        return PodValidator(self.networks)

    def _is_ignored(self, located: LocatedFinding, comments: DocumentIgnores) -> bool:
        comment = comments.silencing(located.manifest.path, located.finding.rule.id)
        if comment is None:
            return False
        self.summary.ignored += 1
        self.report.ignored(IgnoredFinding(located, comment.reason))
        return True

    def _is_wanted(self, located: LocatedFinding) -> bool:
        return self.advice or located.finding.effective_severity is not Severity.ADVICE

    def _report_comments(self, found: Iterable[LocatedFinding]) -> None:
        """Findings in ignore comments; the settings decide on their severity as on that of others."""
        namespaces = self.networks.namespaces
        for each in found:
            namespace = namespaces.of(each.manifest.namespace)
            for finding in admission.apply_severities(
                [each.finding], namespaces.settings.validation, namespace
            ):
                self.summary.add_comment(finding)
                self.report.finding(dataclasses.replace(each, finding=finding))

    def _report_unreadable(self, error: UnreadableError) -> None:
        self.summary.unreadable += 1
        self.report.unreadable(error)
