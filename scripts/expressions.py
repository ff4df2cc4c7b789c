"""PromQL expressions of this repository: where they stand, and which metrics and labels they name.

Not a parser: enough of the grammar to find names, which Prometheus itself then confirms by answering.
"""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
# What Grafana puts in for its variables.
GRAFANA = {"$__rate_interval": "1m", "$namespace": ".*"}
# Made by Prometheus: of targets, scrapes and alerts.
OWN = {"up": set(), "scrape_samples_scraped": set(), "ALERTS": {"alertname", "alertstate", "severity", "burn_rate"}}
# Labels that a target gets from the scrape configuration.
TARGET = {"namespace", "job", "instance"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "inf", "nan"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"\{([^}]*)\}")


def dashboard():
    board = json.loads((ROOT / "k8s/dashboards/quartermaster.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in GRAFANA.items():
                expression = expression.replace(variable, value)
            yield f"panel {panel['title']}", expression


def rules():
    return [rule for group in yaml.safe_load((ROOT / "k8s/monitoring/rules.yaml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def playbooks():
    for book in sorted((ROOT / "docs/playbooks").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", book.read_text(encoding="utf-8"), re.S):
            yield f"playbook {book.stem}", " ".join(block.split())


def everywhere():
    """(where, expression) of each."""
    yield from dashboard()
    for rule in rules():
        yield f"rule {rule.get('record') or rule['alert']}", rule["expr"]
    yield from playbooks()


def recorded():
    """Metrics that the rules make, with their labels."""
    return {rule["record"]: {"namespace"} for rule in rules() if "record" in rule}


def documented():
    """Metrics of docs/metrics.md with their labels, under every name their samples have."""
    families = {}
    for line in (ROOT / "docs/metrics.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 4 or not cells[0].startswith("`quartermaster_"):
            continue
        labels = set(re.findall(r"`([a-z_]+)`", cells[2]))
        name, kind = cells[0].strip("`"), cells[1]
        for suffix in SUFFIXES.get(kind, ("",)):
            families[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return families


def bare(expression):
    """Without texts, selectors, ranges and groupings: functions, metrics, operators and numbers are left."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', "", expression)
    return re.sub(r"\[[^\]]*\]", " ", SELECTOR.sub(" ", GROUPING.sub(" ", text)))


def metrics(expression):
    names = re.findall(r"[a-zA-Z_:][\w:]*(?!\w|:|\s*\()", bare(expression))
    return {name for name in names if name.lower() not in WORDS and not re.fullmatch(r"e\d+", name)}


def selectors(expression):
    """Each metric as it is selected, with its matchers."""
    names = metrics(expression)
    found = re.findall(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?", GROUPING.sub(" ", expression))
    return {name + matchers for name, matchers in found if name in names}


def labels(expression):
    """Labels that selectors and groupings name."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', expression)
    grouped = {label.strip() for group in GROUPING.findall(text) for label in group.split(",")}
    matched = {part for selector in SELECTOR.findall(text) for part in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)}
    return {label for label in grouped | matched if label}


def unknown(expression, families):
    """Metrics and labels of an expression that nobody has; `families`: name → labels."""
    names = metrics(expression)
    for name in sorted(names - families.keys()):
        yield f"no such metric: {name}"
    having = TARGET.union(*(families.get(name, set()) for name in names))
    for label in sorted(labels(expression) - having):
        yield f"no such label: {label}"
