"""Validates rendered manifests: the Kubernetes schemas, strictly, checkov, and what k8s/README.md promises.

Usage: k8s_check.py RENDERED.yaml... Prints each fault; the last line is one JSON line of figures;
exit 1 when there is a fault. Custom resources have no schema here: their promises are checked by hand.
"""

import json
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import references
import yaml

KUBERNETES = "1.37.0"
ROOT = Path(__file__).resolve().parent.parent
# Kinds that a cluster has only with their operator.
CUSTOM = {"PodMonitor", "PrometheusRule", "KafkaTopic", "KafkaUser"}
ROLES = {"ingest": "Deployment", "process": "StatefulSet", "notify": "Deployment"}
# Refused on purpose, each for a reason.
CHECKOV_SKIPPED = {
    "CKV_K8S_11": "no CPU limit: throttling would cost latency",
    "CKV_K8S_15": "a fixed tag need not be pulled again",
    "CKV_K8S_21": "the base has no namespace, each overlay has",
    "CKV_K8S_43": "the digest is the release's, set by whoever deploys",
}


def name(thing):
    return f"{thing.get('kind')}/{thing.get('metadata', {}).get('name')}"


def schema_faults(thing):
    if thing["kind"] in CUSTOM:
        return
    try:
        kubernetes_validate.validate(thing, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as fault:
        yield f"{'.'.join(str(step) for step in fault.path)}: {fault.message}"


def pod_promises(workload):
    """(promise, kept) for the pods of a workload: restricted pod security and our own rules."""
    pod = workload["spec"]["template"]["spec"]
    security = pod.get("securityContext", {})
    yield "runs as non-root", security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0
    yield "seccomp RuntimeDefault", security.get("seccompProfile", {}).get("type") == "RuntimeDefault"
    yield "no service-account token", pod.get("automountServiceAccountToken") is False
    yield "no variables about services", pod.get("enableServiceLinks") is False
    for container in pod["containers"]:
        own, resources = container.get("securityContext", {}), container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        yield "read-only root", own.get("readOnlyRootFilesystem") is True
        yield "no privilege escalation", own.get("allowPrivilegeEscalation") is False
        yield "no capabilities", own.get("capabilities", {}).get("drop") == ["ALL"]
        yield "memory request = limit", requests.get("memory") and requests.get("memory") == limits.get("memory")
        yield "CPU request, no CPU limit", "cpu" in requests and "cpu" not in limits
        yield "a fixed image tag", ":" in container["image"] and not container["image"].endswith(":latest")
        yield "no secret in a variable", not any("secretKeyRef" in e.get("valueFrom", {}) for e in container.get("env", []))
    if workload["kind"] != "Job":
        yield from service_promises(workload, pod)


def service_promises(workload, pod):
    """What is promised of what runs for ever."""
    container = pod["containers"][0]
    path = {probe: container.get(f"{probe}Probe", {}).get("httpGet", {}).get("path") for probe in ("startup", "liveness", "readiness")}
    yield "probes: alive, alive, ready", list(path.values()) == ["/livez", "/livez", "/readyz"]
    yield "the pod's name names the instance", any(
        e["name"] == "POD_NAME" and e["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name" for e in container.get("env", [])
    )
    yield "time to close before the kill", pod.get("terminationGracePeriodSeconds", 0) >= 30
    state = [v for v in pod["volumes"] if v["name"] == "state"]
    leaves = {"name": "QM_SERVICE__LEAVE_ON_EXIT", "value": "true"} in container.get("env", [])
    if workload["kind"] == "StatefulSet":
        claims = workload["spec"]["volumeClaimTemplates"]
        yield "a volume of its own", [c["spec"]["accessModes"] for c in claims] == [["ReadWriteOncePod"]]
        yield "volumes are kept", set(workload["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
        yield "starts in parallel", workload["spec"].get("podManagementPolicy") == "Parallel"
        yield "a restart keeps the partitions", not leaves
    else:
        yield "state is an empty directory", len(state) == 1 and "emptyDir" in state[0]
        yield "a pod that goes gives its partitions up", leaves


def reference_faults(things):
    """Commands, variables and keys that the program does not know."""
    for thing in things:
        for container in thing.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            yield from references.command_faults(name(thing), container["args"])
            yield from references.variable_faults(name(thing), [e["name"] for e in container.get("env", [])])
        if thing["kind"] == "ConfigMap" and "config.toml" in thing["data"]:
            yield from references.config_faults(name(thing), thing["data"]["config.toml"])


def policy_promises(things, workloads):
    policies = [t for t in things if t["kind"] == "NetworkPolicy"]
    denies = [p for p in policies if not {"ingress", "egress"} & p["spec"].keys()]

    def selects(policy, workload):
        wanted = policy["spec"]["podSelector"].get("matchLabels", {})
        return wanted.items() <= workload["spec"]["template"]["metadata"]["labels"].items()

    for workload in workloads:
        denied = any(set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} and selects(p, workload) for p in denies)
        yield name(workload), "everything is denied by default", denied
        mine = [p for p in policies if selects(p, workload)]
        ports = [port for p in mine for rule in p["spec"].get("egress", []) for port in rule.get("ports", [])]
        kafka = any(port["port"] <= 9093 <= port.get("endPort", port["port"]) for port in ports)
        https = any(port["port"] == 443 for port in ports)
        yield name(workload), "Kafka is let through", kafka
        yield name(workload), "HTTPS for notify alone", https == name(workload).endswith("notify")
        sources = [rule for p in mine for rule in p["spec"].get("ingress", [])]
        yield name(workload), "scraping is let in, from monitoring", len(sources) == 1 and "from" in sources[0]


def promises(things):
    """Everything promised of one rendered set, as (where, promise, kept)."""
    workloads = [t for t in things if t["kind"] in ("StatefulSet", "Deployment", "Job")]
    for workload in workloads:
        for promise, kept in pod_promises(workload):
            yield name(workload), promise, kept
        if workload["kind"] != "Job":
            labels = workload["spec"]["template"]["metadata"]["labels"].items()
            budgets = [t for t in things if t["kind"] == "PodDisruptionBudget"]
            covered = [b for b in budgets if b["spec"]["selector"]["matchLabels"].items() <= labels]
            yield name(workload), "exactly one disruption budget", len(covered) == 1
    for role, kind in ROLES.items():
        yield "all", f"{kind} {role}", any(name(w) == f"{kind}/quartermaster-{role}" for w in workloads)
    yield from policy_promises(things, workloads)
    configs = [t for t in things if t["kind"] == "ConfigMap" and t["metadata"]["name"].startswith("quartermaster-config-")]
    yield "ConfigMap", "the configuration's name carries its hash", len(configs) == 1
    namespaced = {t["metadata"].get("namespace") for t in things}
    yield "all", "one namespace in an overlay, none in the base", len(namespaced) == 1
    yield from custom_promises(things)


def custom_promises(things):
    topics = [t for t in things if t["kind"] == "KafkaTopic"]
    for topic in topics:
        spec = topic["spec"]
        yield name(topic), "replicated and durable", spec["replicas"] == 3 and spec["config"]["min.insync.replicas"] == 2
        yield name(topic), "belongs to a cluster", bool(topic["metadata"]["labels"].get("strimzi.io/cluster"))
    makers = bool(topics) + any(t["kind"] == "Job" for t in things)
    yield "all", "one maker of topics at most", makers <= 1
    for monitor in (t for t in things if t["kind"] == "PodMonitor"):
        endpoint = monitor["spec"]["podMetricsEndpoints"][0]
        yield name(monitor), "scrapes /metrics of the admin port", (endpoint["port"], endpoint["path"]) == ("admin", "/metrics")
    for board in (t for t in things if t["metadata"].get("labels", {}).get("grafana_dashboard") == "1"):
        yield name(board), "holds a dashboard", json.loads(board["data"]["quartermaster.json"])["uid"] == "quartermaster"


def playbook_promises():
    """Each alert has a playbook, and each playbook an alert."""
    rules = yaml.safe_load((ROOT / "k8s/monitoring/rules.yaml").read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    tests = (ROOT / "k8s/monitoring/rules_test.yaml").read_text(encoding="utf-8")
    for alert in alerts:
        book = ROOT / alert["annotations"].get("playbook", "absent")
        where = f"alert {alert['alert']}"
        text = book.read_text(encoding="utf-8") if book.is_file() else ""
        yield where, "has a playbook of its name", book.stem == alert["alert"] and text.startswith(f"# {alert['alert']}\n")
        yield where, "the playbook says what it means, how to look, what to do", all(
            f"## {part}" in text for part in ("What it means", "How to look", "What to do")
        )
        yield where, "has a test", f"alertname: {alert['alert']}\n" in tests
        yield where, "severity is critical or warning", alert["labels"].get("severity") in ("critical", "warning")
    known = {alert["alert"] for alert in alerts}
    for book in sorted((ROOT / "docs/playbooks").glob("Quartermaster*.md")):
        yield f"playbook {book.name}", "belongs to an alert", book.stem in known


def dashboard_promises():
    board = json.loads((ROOT / "k8s/dashboards/quartermaster.json").read_text(encoding="utf-8"))
    for panel in (p for p in board["panels"] if p["type"] != "row"):
        where = f"panel {panel['title']}"
        yield where, "has a unit", bool(panel["fieldConfig"]["defaults"].get("unit"))
        yield where, "has a description", len(panel.get("description", "")) > 20
        yield where, "asks the chosen data source", panel["datasource"]["uid"] == "${datasource}" and panel["targets"]


def checkov(paths):
    """(checks passed, faults)."""
    command = [str(Path(sys.executable).parent / "checkov"), "--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "-o", "json"]
    command += ["--skip-check", ",".join(CHECKOV_SKIPPED)] + [part for path in paths for part in ("-f", path)]
    out = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    faults = [f"{r['resource']}: {r['check_id']} {r['check_name']}" for r in out["results"]["failed_checks"]]
    return out["summary"]["passed"], faults + [f"checkov could not read {e}" for e in out["results"].get("parsing_errors", [])]


def main(paths):
    invalid, unknown, checked, objects, custom = [], [], [], 0, 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            things = [thing for thing in yaml.safe_load_all(file) if thing]
        stem = Path(path).stem
        invalid += [f"{stem}: {name(thing)}: {fault}" for thing in things for fault in schema_faults(thing)]
        unknown += [f"{stem}: {fault}" for fault in reference_faults(things)]
        checked += [(f"{stem}: {where}", promise, kept) for where, promise, kept in promises(things)]
        objects += len(things)
        custom += sum(thing["kind"] in CUSTOM for thing in things)
    checked += [*playbook_promises(), *dashboard_promises()]
    broken = [f"{where}: not kept: {promise}" for where, promise, kept in checked if not kept]
    passed, refused = checkov(paths)
    for fault in invalid + unknown + broken + refused:
        print(fault)
    figures = {"rendered": len(paths), "objects": objects, "custom": custom, "invalid": len(invalid), "unknown": len(unknown), "promises": len(checked), "broken": len(broken)}
    print(json.dumps({**figures, "checkov_passed": passed, "checkov_failed": len(refused), "kubernetes": KUBERNETES}))
    return 1 if invalid or unknown or broken or refused or not objects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
