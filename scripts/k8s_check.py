"""Validates rendered manifests: the Kubernetes schemas, strictly, and what k8s/README.md promises.

Usage: k8s_check.py RENDERED.yaml. Prints each fault; the last line is one JSON line of figures;
exit 1 when there is a fault.
"""

import json
import sys

import kubernetes_validate
import yaml

KUBERNETES = "1.37.0"


def name(thing):
    return f"{thing.get('kind')}/{thing.get('metadata', {}).get('name')}"


def schema_faults(thing):
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
    for container in pod["containers"]:
        own, resources = container.get("securityContext", {}), container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        yield "read-only root", own.get("readOnlyRootFilesystem") is True
        yield "no privilege escalation", own.get("allowPrivilegeEscalation") is False
        yield "no capabilities", own.get("capabilities", {}).get("drop") == ["ALL"]
        yield "memory request = limit", requests.get("memory") and requests.get("memory") == limits.get("memory")
        yield "CPU request, no CPU limit", "cpu" in requests and "cpu" not in limits
        yield "all three probes", {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        yield "a fixed image tag", ":" in container["image"] and not container["image"].endswith(":latest")


def promises(things):
    """Everything promised of the whole set, as (where, promise, kept)."""
    workloads = [t for t in things if t["kind"] in ("StatefulSet", "Deployment")]
    for workload in workloads:
        for promise, kept in pod_promises(workload):
            yield name(workload), promise, kept
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        budgets = [t for t in things if t["kind"] == "PodDisruptionBudget"]
        covered = [b for b in budgets if b["spec"]["selector"]["matchLabels"].items() <= labels]
        yield name(workload), "exactly one disruption budget", len(covered) == 1
        if workload["kind"] == "StatefulSet":
            yield name(workload), "starts in parallel", workload["spec"].get("podManagementPolicy") == "Parallel"
    denies = [t for t in things if t["kind"] == "NetworkPolicy" and not {"ingress", "egress"} & t["spec"].keys()]
    yield "NetworkPolicy", "everything is denied by default", any(
        set(t["spec"]["policyTypes"]) == {"Ingress", "Egress"} for t in denies
    )
    yield "all", "no namespace: the overlay's business", not any("namespace" in t["metadata"] for t in things)


def main(path):
    with open(path, encoding="utf-8") as file:
        things = [thing for thing in yaml.safe_load_all(file) if thing]
    invalid = [f"{name(thing)}: {fault}" for thing in things for fault in schema_faults(thing)]
    checked = list(promises(things))
    broken = [f"{where}: not kept: {promise}" for where, promise, kept in checked if not kept]
    for fault in invalid + broken:
        print(fault)
    figures = {"objects": len(things), "invalid": len(invalid), "promises": len(checked), "broken": len(broken)}
    print(json.dumps({**figures, "kubernetes": KUBERNETES}))
    return 1 if invalid or broken or not things else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
