"""The index of pods by NAD, the cluster settings, events and health: small things that all programs share."""

import asyncio

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings, events, health
from netattach_kube.cluster_settings import ClusterSettings, StatusForPlainPods
from netattach_kube.events import Subject
from netattach_kube.pods_by_nad import PodsByNad, networks_of
from netattach_kube.resource import EVENTS, NADS, NODES
from support import api_server


class TestPodsByNad:
    def test_a_pod_is_found_under_each_network_that_it_asks_for(self) -> None:
        index = PodsByNad()

        assert {("ns", "a"), ("other", "b")} == index.put(("ns", "pod"), "a, other/b@net7")
        assert [("ns", "pod")] == index.pods(("other", "b"))
        assert 1 == index.count(("ns", "a"))

    def test_a_change_tells_only_the_networks_that_it_concerns(self) -> None:
        index = PodsByNad()
        index.put(("ns", "pod"), "a,b")

        assert {("ns", "a"), ("ns", "c")} == index.put(("ns", "pod"), "b,c")
        assert 0 == index.count(("ns", "a"))

    def test_one_pod_twice_in_one_network_counts_once(self) -> None:
        index = PodsByNad()
        index.put(("ns", "pod"), "a,a")

        assert 1 == index.count(("ns", "a"))

    def test_an_annotation_that_cannot_be_read_asks_for_nothing(self) -> None:
        index = PodsByNad()
        index.put(("ns", "pod"), "a")

        assert {("ns", "a")} == index.put(("ns", "pod"), "[{")

    @pytest.mark.parametrize(
        ("networks", "default", "expected"),
        [
            ("a, other/b@net7", "", "a, other/b@net7"),
            ("", "", None),
            ("a, other/b@net7", "own", "infra/own,ns/a,other/b"),
            ("", '[{"name":"own","namespace":"other"}]', "other/own"),
            ("[{", "own", "infra/own"),
            ("a", "[{", "ns/a"),
            ("[{", "[{", None),
        ],
    )
    def test_another_default_network_is_one_of_a_pods(
        self, networks: str, default: str, expected: str | None
    ) -> None:
        annotations = {NETWORKS: networks, DEFAULT_NETWORK: default}
        body = {"metadata": {"namespace": "ns", "name": "pod", "annotations": annotations}}

        assert expected == networks_of(body, "infra")

    @given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["", "a", "a,b", "b,c", "[{", "x/a"]))))
    def test_whatever_comes_the_index_is_the_one_of_the_last_annotations(
        self, changes: list[tuple[str, str]]
    ) -> None:
        index, anew = PodsByNad(), PodsByNad()
        for pod, networks in changes:
            index.put(("ns", pod), networks)
        for pod, networks in dict(changes).items():
            anew.put(("ns", pod), networks)

        assert anew._pods == index._pods
        assert anew._nads == index._nads


class TestSettings:
    def test_nothing_written_means_all_defaults(self) -> None:
        assert ClusterSettings() == cluster_settings.parse("")
        assert ClusterSettings() == cluster_settings.from_config_map({})

    def test_a_key_is_read(self) -> None:
        read = cluster_settings.parse("statusForPlainPods: never")

        assert StatusForPlainPods.NEVER is read.status_for_plain_pods

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                "statusForPlainPods: sometimes",
                r"statusForPlainPods: 'sometimes' is not one of \['async', 'never'\]",
            ),
            ("statusForPlanePods: never", "'statusForPlanePods' was unexpected"),
            ("- a list", "is not of type 'object'"),
            ("a: [", "is not YAML"),
        ],
    )
    def test_what_is_wrong_is_named(self, text: str, problem: str) -> None:
        with pytest.raises(ConfigError, match=problem):
            cluster_settings.parse(text)

    def test_another_key_of_the_config_map_is_read_by_nobody(self) -> None:
        with pytest.raises(ConfigError, match=r"data\.config\.yml: unknown key"):
            cluster_settings.from_config_map({"data": {"config.yml": "statusForPlainPods: never"}})


class TestEvents:
    def test_an_event_stands_with_the_object_that_it_is_about(self) -> None:
        subject = Subject(NADS, "macvlan", "team", "uid-1")
        body = events.event(
            subject, kind=events.WARNING, reason="Invalid", message="m", source={"component": "c"}
        )

        assert "team" == body["metadata"]["namespace"]
        assert {
            "apiVersion": "k8s.cni.cncf.io/v1",
            "kind": "NetworkAttachmentDefinition",
            "name": "macvlan",
            "namespace": "team",
            "uid": "uid-1",
        } == body["involvedObject"]

    def test_a_long_message_is_cut_before_the_server_refuses_it(self) -> None:
        subject = Subject(NODES, "n" * 253)
        body = events.event(subject, kind=events.NORMAL, reason="R", message="ä" * 1000, source={})

        assert len(body["message"].encode()) <= 1024
        assert body["message"].endswith("ä…")
        assert len(body["metadata"]["name"]) <= 253

    def test_it_is_posted_into_the_subjects_namespace(self) -> None:
        async def story() -> None:
            async with api_server.serving() as server:
                subject = Subject(NODES, "n")
                await events.post(server.api, subject, kind=events.NORMAL, reason="R", message="m", source={})

                assert ["default"] == [e["metadata"]["namespace"] for e in server.all(EVENTS)]

        asyncio.run(story())


def test_health_tells_what_is_not_well() -> None:
    async def story() -> list[tuple[int, str]]:
        metrics = CollectorRegistry()
        Counter("netattach_things", "Things.", registry=metrics).inc()
        checks = health.served(
            "127.0.0.1:0", live=[lambda: None], ready=[lambda: None, lambda: "no cache yet"], metrics=metrics
        )
        async with checks as port, ClientSession() as client:
            answers = []
            for path in ("healthz", "readyz", "metrics"):
                async with client.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    answers.append((answer.status, await answer.text()))
            return answers

    (live, ready, (status, metrics)) = asyncio.run(story())

    assert (200, "ok\n") == live
    assert (503, "no cache yet\n") == ready
    assert 200 == status
    assert "netattach_things_total 1.0" in metrics
