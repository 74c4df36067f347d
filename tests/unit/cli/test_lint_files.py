"""Which files `netattach lint` reads: names, folders, patterns, Helm, whole clusters."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from netattach_core.api.inventory import NodeInventory
from unit.cli.desk import BROKEN, SOUND, WORKER, Kubectl, Netattach, nad

MACVLAN = '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth0"}'

HOST_LOCAL = '"ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}'


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_a_folder_means_all_files_of_yaml_and_json_below_it(netattach: Netattach) -> None:
    write(
        {
            "nets/a.yaml": nad("a"),
            "nets/deep/b.yml": nad("b", BROKEN),
            "nets/deep/c.json": '{"kind": "NetworkAttachmentDefinition", "metadata": {"name": "c"}}',
            "nets/d.txt": nad("d", BROKEN),
            "nets/.git/e.yaml": nad("e", BROKEN),
        }
    )
    code, out, _ = netattach("lint", "nets")

    assert 1 == code
    assert ["nets/deep/b.yml:11:15:"] == [line.split()[0] for line in out.splitlines() if "deny" in line]
    assert out.endswith("3 NADs: 1 refused\n")


def test_what_is_no_yaml_and_none_of_ours_is_passed_over_in_a_folder(netattach: Netattach) -> None:
    """A repository holds templates and other dialects; who names such a file is told."""
    write({"nets/a.yaml": nad("a"), "nets/values.yaml": "{{ toYaml . }}: ["})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "nets")
    code, out, _ = netattach("lint", "nets/values.yaml")
    assert 2 == code
    assert "nets/values.yaml:2:1: error not YAML: " in out
    assert "helm template" in out


def test_templates_of_a_chart_are_passed_over_in_a_folder(netattach: Netattach) -> None:
    """They name NADs, and are no YAML before Helm has filled them in."""
    template = "{{ if .Values.on }}\n" + nad("t", BROKEN)
    write({"chart/Chart.yaml": "name: c\n", "chart/templates/t.yaml": template, "chart/crs/a.yaml": nad("a")})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", ".")


def test_a_folder_with_nothing_to_read_is_exit_code_2(netattach: Netattach) -> None:
    """A check that looks at nothing must not pass."""
    write({"docs/a.txt": "a"})
    code, out, _ = netattach("lint", "docs")

    assert 2 == code
    assert "docs: error no file in it ends with .yaml, .yml or .json\n" in out


def test_a_quoted_pattern_is_resolved(netattach: Netattach) -> None:
    """As shells without ** leave it to us."""
    write({"x/a.yaml": nad("a"), "x/y/b.yaml": nad("b"), "x/y/c.yml": nad("c")})

    assert (0, "2 NADs: nothing wrong\n", "") == netattach("lint", "x/**/*.yaml")
    code, out, _ = netattach("lint", "z/*.yaml")
    assert 2 == code
    assert "z/*.yaml: error no file of such a name\n" in out


def test_a_file_with_the_marks_of_a_pattern_in_its_name_is_a_file(netattach: Netattach) -> None:
    write({"a[1].yaml": nad("a")})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "a[1].yaml")


def test_a_file_that_is_named_twice_is_validated_once(netattach: Netattach) -> None:
    write({"x/a.yaml": nad("a", BROKEN)})

    assert netattach("lint", "x/a.yaml", "x", "x/*.yaml")[1].endswith("1 NAD: 1 refused\n")


def test_what_helm_prints_says_which_template_it_is_from(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty documents and comments between them are nothing."""
    printed = (
        f"---\n# Source: nets/templates/a.yaml\n---\n# Source: nets/templates/b.yaml\n# b\n\n{nad('b', BROKEN)}"
        f"---\n# Source: nets/templates/c.yaml\n"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
    code, out, _ = netattach("lint", "-")

    assert 1 == code
    assert out.startswith("<stdin>:17:15: deny [schema] lab/b vlan (from nets/templates/b.yaml)\n")


def test_what_kustomize_prints_is_validated(netattach: Netattach) -> None:
    """Keys in the order of the alphabet, other kinds beside ours, tags that we do not know, dates."""
    other = "apiVersion: v1\ndata:\n  day: 2026-02-31\n  x: !vault abc\n  y: =\nkind: ConfigMap\nmetadata:\n  name: c\n"
    write({"out.yaml": f"{other}---\n{nad('a')}---\n\n---\nnull\n"})

    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "out.yaml")


def test_two_nads_of_one_name_are_a_warning_at_the_second(netattach: Netattach) -> None:
    """The same name in another namespace is another one."""
    write({"a.yaml": nad("a"), "b.yaml": f"{nad('a', namespace='x')}---\n{nad('a')}"})
    code, out, _ = netattach("lint", "a.yaml", "b.yaml")

    assert 0 == code
    assert out.startswith(
        "b.yaml:13:9: warn [nad-twice] lab/a metadata.name\n  lab/a stands in a.yaml, line 4, too;"
    )
    assert out.endswith("3 NADs: 1 with warnings\n")


def leased(kind: str, network: str) -> str:
    return f'{{"cniVersion": "1.0.0", "type": "{kind}", "master": "eth1", "name": "{network}", {HOST_LOCAL}}}'


def test_networks_of_one_file_are_held_against_each_other(netattach: Netattach) -> None:
    """They are applied together; those of another file may be for another cluster."""
    one, other = nad("a", leased("macvlan", "x")), nad("b", leased("macvlan", "y"))
    write({"both.yaml": f"{one}---\n{other}", "x/one.yaml": one, "x/other.yaml": other})

    together = netattach("lint", "both.yaml")[1]
    assert 1 == together.count("[addresses-shared] lab/b")
    assert "lab/a on the same link eth1" in together
    assert "[addresses-shared] lab/a" not in together
    assert "addresses-shared" not in netattach("lint", "x")[1]


@pytest.mark.parametrize("option", ["--warnings-as-errors", "--strict"])
def test_warnings_can_be_made_errors(netattach: Netattach, option: str) -> None:
    write({"a.yaml": nad("a", SOUND.replace('bridge"', 'bridge", "colour": 1', 1))})

    assert 0 == netattach("lint", "a.yaml")[0]
    assert 1 == netattach("lint", option, "a.yaml")[0]


def test_the_inventory_of_the_cluster_is_asked_for_with_kubectl(
    netattach: Netattach, kubectl: Kubectl
) -> None:
    """With the cluster that its user names."""
    called = kubectl(WORKER)
    write({"a.yaml": nad("a", MACVLAN)})
    code, out, err = netattach(
        "lint", "a.yaml", "--inventory", "cluster", "--kubeconfig", "k", "--context", "lab"
    )

    assert (1, "") == (code, err)
    assert "deny [master-default-interface]" in out
    words = called.read_text().split()
    assert ["--kubeconfig=k", "--context=lab", "get", "nodenetworkinventories.netattach.io"] == words[:4]


def test_without_options_kubectl_takes_its_own_cluster(netattach: Netattach, kubectl: Kubectl) -> None:
    called = kubectl(WORKER)
    write({"a.yaml": nad("a", MACVLAN)})

    assert 1 == netattach("lint", "a.yaml", "--inventory", "cluster")[0]
    assert called.read_text().startswith("get ")


def test_a_cluster_that_knows_no_inventories_is_exit_code_2(netattach: Netattach, kubectl: Kubectl) -> None:
    """What kubectl has said is handed on."""
    kubectl(code=1, stderr='E1 retry\nerror: the server doesn\'t have a resource type "x"\n', stdout="x")
    write({"a.yaml": nad("a")})
    code, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (2, "") == (code, out)
    assert err.startswith(
        "cluster: error kubectl get nodenetworkinventories.netattach.io: the server doesn't"
    )
    assert err.endswith("; is netattach installed in it?\n")


def test_kubectl_that_prints_no_json_is_exit_code_2(netattach: Netattach, kubectl: Kubectl) -> None:
    kubectl(stdout="hello")
    write({"a.yaml": nad("a")})

    assert (2, "", "cluster: error kubectl has printed something other than JSON\n") == netattach(
        "lint", "a.yaml", "--inventory", "cluster"
    )


def test_no_kubectl_is_exit_code_2(netattach: Netattach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "nowhere")
    write({"a.yaml": nad("a")})
    code, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (2, "") == (code, out)
    assert "kubectl is not there" in err


def test_a_cluster_without_any_inventory_is_said(netattach: Netattach, kubectl: Kubectl) -> None:
    """The rest is validated; it is no failure, as at admission."""
    kubectl()
    write({"a.yaml": nad("a", MACVLAN)})
    code, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (0, "1 NAD: nothing wrong\n") == (code, out)
    assert "no node of the cluster has told yet" in err


def test_what_kubectl_has_printed_can_be_kept_as_the_inventory(
    netattach: Netattach, kubectl: Kubectl
) -> None:
    kubectl(WORKER, NodeInventory("worker-2", WORKER.interfaces))
    write({"a.yaml": nad("a", MACVLAN), "nodes.json": Path("bin/stdout").read_text()})

    assert "default interface of worker-1" in netattach("lint", "a.yaml", "--inventory", "nodes.json")[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "- 5",
        "node: 5",
        "{node: a, interfaces: {}}",
        "{node: a, interfaces: [{name: b, mtu: x}]}",
        "a: [",
    ],
)
def test_an_inventory_that_is_none_is_exit_code_2(netattach: Netattach, text: str) -> None:
    """Else its rules would be silent, and the files look right."""
    write({"a.yaml": nad("a"), "nodes.yaml": text})
    code, out, err = netattach("lint", "a.yaml", "--inventory", "nodes.yaml")

    assert (2, "") == (code, out)
    assert err.startswith("nodes.yaml:")
