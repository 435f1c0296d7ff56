"""The manifests for Kubernetes: each as its schema has it, and all of them true to each other and to the service."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chainrule.api import Settings, create_app
from chainrule.version import VERSION

kubernetes_validate = pytest.importorskip("kubernetes_validate")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "service" / "deploy" / "kubernetes"
MANIFESTS = {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
KUSTOMIZATION = MANIFESTS.pop("kustomization.yaml")
VERSIONS = ("1.30", "1.34", "1.37")

DEPLOYMENT = MANIFESTS["deployment.yaml"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
SETTINGS = MANIFESTS["settings.yaml"]["data"]
LABELS = DEPLOYMENT["template"]["metadata"]["labels"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_each_is_valid_and_has_no_field_that_is_not_there(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_a_field_that_is_not_there_is_found() -> None:
    wrong = {**MANIFESTS["service.yaml"], "spec": {**MANIFESTS["service.yaml"]["spec"], "sesionAffinity": "None"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_kustomization_has_every_manifest_but_the_example() -> None:
    assert set(KUSTOMIZATION["resources"]) == set(MANIFESTS) - {"secret.example.yaml"}
    assert KUSTOMIZATION["images"] == [{"name": CONTAINER["image"], "newTag": VERSION}]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_builds_it() -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=True).stdout
    documents = list(yaml.safe_load_all(built))
    assert len(documents) == len(KUSTOMIZATION["resources"])
    for each in documents:
        kubernetes_validate.validate(each, VERSIONS[-1], strict=True)


def test_probes_ask_what_the_service_answers() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {probe["path"] for probe in probes.values()} <= set(paths)
    assert probes["liveness"]["path"] == "/livez"
    assert probes["readiness"]["path"] == probes["startup"]["path"] == "/readyz"
    assert {probe["port"] for probe in probes.values()} == {"http"}


@pytest.mark.parametrize("variables", [SETTINGS, MANIFESTS["secret.example.yaml"]["stringData"]], ids=["map", "secret"])
def test_variables_are_settings_with_values_that_they_take(variables: dict[str, str]) -> None:
    named = {f"CHAINRULE_{name.upper()}": name for name in Settings.model_fields}
    assert set(variables) <= set(named)
    Settings.model_validate({named[variable]: value for variable, value in variables.items()})


def test_the_pod_reads_them() -> None:
    read = {kind: source["name"] for each in CONTAINER["envFrom"] for kind, source in each.items()}
    assert read == {
        "configMapRef": MANIFESTS["settings.yaml"]["metadata"]["name"],
        "secretRef": MANIFESTS["secret.example.yaml"]["metadata"]["name"],
    }
    # Kubernetes would set CHAINRULE_PORT for a service of that name, to something that is no port.
    assert POD["enableServiceLinks"] is False


def test_ports_agree() -> None:
    (port,) = CONTAINER["ports"]
    (offered,) = MANIFESTS["service.yaml"]["spec"]["ports"]
    ((allowed,),) = [rule["ports"] for rule in MANIFESTS["network-policy.yaml"]["spec"]["ingress"]]
    assert port["containerPort"] == int(SETTINGS["CHAINRULE_PORT"])
    assert port["name"] == offered["targetPort"] == allowed["port"]


def test_a_pod_is_not_killed_before_it_has_drained() -> None:
    notice, drain = float(SETTINGS["CHAINRULE_DRAIN_NOTICE"]), float(SETTINGS["CHAINRULE_DRAIN_SECONDS"])
    assert drain >= float(SETTINGS["CHAINRULE_DEADLINE"])
    assert POD["terminationGracePeriodSeconds"] >= notice + drain + 5
    readiness = CONTAINER["readinessProbe"]
    assert notice > readiness["periodSeconds"] * readiness["failureThreshold"]


def test_everything_selects_the_pods() -> None:
    selectors: list[Any] = [
        DEPLOYMENT["selector"]["matchLabels"],
        MANIFESTS["service.yaml"]["spec"]["selector"],
        MANIFESTS["disruption-budget.yaml"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["network-policy.yaml"]["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in POD["topologySpreadConstraints"]),
    ]
    assert all(selector and selector.items() <= LABELS.items() for selector in selectors)


def test_the_autoscaler_drives_the_deployment_and_leaves_room_for_the_budget() -> None:
    spec = MANIFESTS["autoscaler.yaml"]["spec"]
    deployment = MANIFESTS["deployment.yaml"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in DEPLOYMENT, "applying it again would undo what the autoscaler did"
    assert spec["maxReplicas"] > spec["minReplicas"] > MANIFESTS["disruption-budget.yaml"]["spec"]["maxUnavailable"]
    # Utilization is of what is requested.
    assert spec["metrics"][0]["resource"]["name"] in CONTAINER["resources"]["requests"]


def test_it_runs_without_rights() -> None:
    pod, container = POD["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"]
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert f"--uid {pod['runAsUser']} " in (ROOT / "Dockerfile").read_text()


def test_limits_leave_each_computation_what_the_service_wants() -> None:
    limits = CONTAINER["resources"]["limits"]
    gibibytes = re.fullmatch(r"(\d+)Gi", limits["memory"])
    assert gibibytes
    # docs/settings.md: half of the memory, shared out among as many as there are CPUs, and 128 MiB each at least.
    assert int(gibibytes[1]) * 1024 / 2 / int(limits["cpu"]) >= 128
    assert CONTAINER["resources"]["requests"] == limits
