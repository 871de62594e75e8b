"""`deploy/kubernetes` is valid, and its files fit each other and the service.

There is no cluster here. kubernetes-validate has the schemas of its releases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.settings import Settings
from app.telemetry.metrics import Telemetry
from tests.deploy.test_compose import dockerfile, services
from tests.support.front import DEPLOY

FOLDER = DEPLOY / "kubernetes"
OLDEST = "1.32"


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    """What kustomize would apply, without what it makes of files."""
    for name in kustomization(folder)["resources"]:
        path = folder / name
        if path.is_dir():
            yield from resources(path.resolve())
        else:
            yield from yaml.safe_load_all(path.read_text())


def kustomization(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return found


def environment(file: str) -> dict[str, str]:
    lines = (FOLDER / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


all_resources = list(resources(FOLDER))
named = {(each["kind"], each["metadata"]["name"]): each for each in all_resources}
service = named["Deployment", "service"]
pod = service["spec"]["template"]["spec"]
[container] = pod["containers"]
store = named["Deployment", "redis"]
pods = {"service": pod, "redis": store["spec"]["template"]["spec"]}
env = {**environment("settings.env"), **environment("secrets.env.example")}
each_pod = pytest.mark.parametrize("name", pods)


def megabytes(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1.048576, "Gi": 1073.741824}[quantity[-2:]]


def labels(deployment: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return found


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_each_resource_is_valid_in_the_oldest_and_the_newest_kubernetes(version: str) -> None:
    for resource in all_resources:
        kubernetes_validate.validate(resource, version, strict=True)


def test_each_file_is_applied_and_each_generated_name_is_used() -> None:
    for folder in (FOLDER, DEPLOY / "redis"):
        listed = set(kustomization(folder)["resources"])
        assert {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"} == {
            name for name in listed if name.endswith(".yaml")
        }
    text = json.dumps(all_resources)
    for folder in (FOLDER, DEPLOY / "redis"):
        made = kustomization(folder)
        for generator in (*made["configMapGenerator"], *made["secretGenerator"]):
            assert f'"name": "{generator["name"]}"' in text
            for file in (*generator.get("envs", ()), *generator.get("files", ())):
                assert any((folder / f"{file}{end}").is_file() for end in ("", ".example"))


def test_the_image_is_named_once() -> None:
    [image] = kustomization(FOLDER)["images"]
    assert container["image"] == image["name"]
    assert pods["redis"]["containers"][0]["image"] == services["redis"]["image"]


def test_its_environment_has_settings_only_and_needs_keys() -> None:
    assert {name.lower() for name in env} <= Settings.model_fields.keys()
    assert env["ALLOW_OPEN"] == "false"
    assert env["API_KEYS"] == ""
    filled = {**env, "API_KEYS": f"web={'0' * 64}", "TICKET_SECRET": "x" * 32}
    settings = Settings(**{name.lower(): value for name, value in filled.items()}, host="0.0.0.0")
    assert not settings.open
    assert [source.popitem()[1]["name"] for source in container["envFrom"]] == [
        "settings",
        "secrets",
    ]


def test_ports_and_names_lead_from_one_to_the_other() -> None:
    [port] = container["ports"]
    assert f"EXPOSE {port['containerPort']}" in dockerfile
    for name, deployment in (("service", service), ("redis", store)):
        spec = named["Service", name]["spec"]
        assert (
            spec["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels(deployment)
        )
        assert "sessionAffinity" not in spec
        ports = pods[name]["containers"][0]["ports"]
        assert [each["targetPort"] for each in spec["ports"]] == [each["name"] for each in ports]
    host, store_port = env["STREAMS_STORE"].rsplit("@", 1)[1].split(":")
    assert named["Service", host]["spec"]["ports"][0]["port"] == int(store_port)
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


def test_probes_ask_what_the_service_answers() -> None:
    asked = {
        kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")
    }
    assert asked["readiness"]["path"] == "/readyz"
    assert asked["startup"]["path"] == asked["liveness"]["path"] == "/healthz"
    assert {each["port"] for each in asked.values()} == {"http"}


def test_a_pod_that_goes_has_time_for_its_streams() -> None:
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    readiness = container["readinessProbe"]
    assert waits > readiness["periodSeconds"]
    draining = float(env["DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= waits + draining + 5
    assert service["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_pod
def test_no_pod_has_a_right_or_writes_a_file(name: str) -> None:
    spec = pods[name]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [only] = spec["containers"]
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(mount["readOnly"] for mount in only.get("volumeMounts", ()))


def test_the_service_runs_as_the_user_of_the_image() -> None:
    context = pod["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in dockerfile


def test_the_autoscaler_counts_a_metric_that_the_service_has() -> None:
    spec = named["HorizontalPodAutoscaler", "service"]["spec"]
    streams = spec["metrics"][0]["pods"]
    assert f"\n{streams['metric']['name']} ".encode() in Telemetry().exposition()
    assert int(streams["target"]["averageValue"]) == int(env["MAX_STREAMS"]) * 2 / 3
    assert spec["scaleTargetRef"]["name"] == service["metadata"]["name"]
    assert "replicas" not in service["spec"]
    budget = named["PodDisruptionBudget", "service"]["spec"]
    assert budget["selector"]["matchLabels"] == labels(service)
    assert budget["maxUnavailable"] < spec["minReplicas"]


def figures(table: str, row: str) -> list[str]:
    """The cells of a row of the benchmark's tables."""
    text = (DEPLOY.parent / "bench" / "results" / table).read_text()
    found = re.search(rf"^\| {re.escape(row)} \|(.+)\|$", text, re.MULTILINE)
    assert found
    return [cell.strip() for cell in found[1].split("|")]


def test_its_resources_are_those_of_the_benchmark() -> None:
    held = int(figures("capacity.md", "ours, snapshot")[0].lstrip("≥ "))
    assert int(env["MAX_STREAMS"]) <= held
    kilobytes, idle, _ = map(float, figures("memory.md", "ours, snapshot"))
    settings = Settings()
    needed = idle + int(env["MAX_STREAMS"]) * kilobytes / 1000 + settings.retained_bytes / 1e6
    resources = container["resources"]
    assert resources["requests"]["cpu"] == "1"  # a process uses one
    assert needed <= megabytes(resources["requests"]["memory"])
    assert megabytes(resources["limits"]["memory"]) > 1.2 * needed


def test_the_network_lets_nobody_else_in() -> None:
    ours, its = named["NetworkPolicy", "service"]["spec"], named["NetworkPolicy", "redis"]["spec"]
    for spec, deployment in ((ours, service), (its, store)):
        assert spec["podSelector"]["matchLabels"] == labels(deployment)
        assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert its["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": labels(service)}}], "ports": [{"port": "redis"}]}
    ]
    assert its["egress"] == []
    [into] = ours["ingress"]
    assert into["ports"] == [{"port": "http"}]
    assert all("namespaceSelector" in peer for peer in into["from"])
    public = ours["egress"][-1]["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(public["except"])
