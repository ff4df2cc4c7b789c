"""Checks docker-compose.yaml without Docker: the compose specification, and that every file, command, variable,
key, service and volume it names exists.

Usage: compose_check.py. Prints each fault; exit 1 when there is one.
"""

import json
import sys

import references
import yaml
from compose_spec import PyCompose

ROOT = references.ROOT
IMAGE = "quartermaster:"


def specification_faults(compose):
    """What the specification refuses once anchors and merge keys are resolved."""
    try:
        PyCompose.from_json(json.dumps(compose))
    except ValueError as fault:
        yield f"docker-compose.yaml: {fault}"


def mount_faults(where, mounts, volumes):
    for mount in mounts:
        source = mount.split(":")[0]
        if source.startswith("./"):
            if not (ROOT / source).is_file():
                yield f"{where}: {source} is not in the repository"
        elif source not in volumes:
            yield f"{where}: the volume {source} is not declared"


def service_faults(name, service, compose):
    where = f"docker-compose.yaml: {name}"
    yield from mount_faults(where, service.get("volumes", []), compose["volumes"])
    for other in service.get("depends_on", []):
        if other not in compose["services"]:
            yield f"{where}: depends on {other}, which is no service"
    if not all(port.startswith("127.0.0.1:") for port in service.get("ports", [])):
        yield f"{where}: publishes a port to more than this machine"
    if ":" not in service["image"] or service["image"].endswith(":latest"):
        yield f"{where}: {service['image']} has no fixed tag"
    if service["image"].startswith(IMAGE):
        yield from references.command_faults(where, service["command"])
        yield from references.variable_faults(where, service.get("environment", {}))


def scrape_faults(compose):
    config = yaml.safe_load((ROOT / "compose/prometheus.yaml").read_text(encoding="utf-8"))
    for job in config["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            if target.split(":")[0] not in compose["services"]:
                yield f"compose/prometheus.yaml: {target} is no service"


def main():
    text = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load(text)
    faults = [*specification_faults(compose), *scrape_faults(compose)]
    for name, service in compose["services"].items():
        faults += service_faults(name, service, compose)
    config = ROOT / "compose/config.toml"
    faults += references.config_faults("compose/config.toml", config.read_text(encoding="utf-8"))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
