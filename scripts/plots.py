#!/usr/bin/env python3
"""Plots and tables of "Cost as it grows" in docs/performance.md, from measured points.

`make bench-growth` writes the points; docs/performance/growth.jsonl is the committed run. Of a point that is there twice
the later one counts. The same points give the same bytes: no time, no version and no path is in what this writes.
It must never invent a point: a sweep that is not in the data has neither plot nor table, and the text says so.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- growth: written by scripts/plots.py from docs/performance/growth.jsonl -->"
END = "<!-- growth: end -->"

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 66, 52
INNER_WIDTH, INNER_HEIGHT, FLOOR = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
COLOURS = ["#1f5fa8", "#c2571a", "#3d8b37", "#7a4fa3"]
# What a point is known by, sweep by sweep.
VARIED = {"positions": "positions", "partitions": "partitions", "rules": "documents", "catch_up": "positions",
          "midnight": "positions"}


class Fault(Exception):
    """What is wrong, where, and what to do."""


def read(path):
    """Points by sweep, in the order of what was varied; and what they were measured on."""
    if not path.exists():
        return {}, None
    points, machine = {}, None
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
            sweep = line["sweep"]
            if sweep == "machine":
                machine = line
            elif sweep in VARIED:
                points.setdefault(sweep, {})[line[VARIED[sweep]]] = line
            elif sweep != "summary":
                raise Fault(f"{path}:{number}: no sweep is called {sweep!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise Fault(f"{path}:{number}: not a line of make bench-growth: {error!r}") from error
    return {sweep: [found[at] for at in sorted(found)] for sweep, found in points.items()}, machine


def short(value):
    """10000000 as 10M, 2500 as 2.5k."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def nice_top(value):
    """A round number that is not below it, for an axis that ends there."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


class Drawing:
    """A title, what goes up, a legend, lines to read values by."""

    def __init__(self, title, y_label):
        self.parts = []
        self.legend = LEFT
        self.text(LEFT, 20, title, size=15, weight="bold")
        self.text(LEFT, TOP - 6, y_label, fill="#555")

    def text(self, x, y, text, anchor="start", size=12, weight="normal", fill="#222"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
                          f'text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, stroke):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {stroke}/>')

    def rule(self, y, text):
        self.line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#ddd"')
        self.text(LEFT - 8, y + 4, text, anchor="end")

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>')

    def name(self, name, colour):
        """An entry of the legend."""
        self.bar(self.legend, 28, 10, 10, colour)
        self.text(self.legend + 14, 37, name)
        self.legend += 34 + 6.6 * len(name)

    def svg(self):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                f'height="{HEIGHT}" font-family="sans-serif">')
        return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *self.parts, "</svg>", ""])


class Plot(Drawing):
    """A line plot, x by its logarithm, y from zero."""

    def __init__(self, title, x_label, y_label, xs, top):
        super().__init__(title, y_label)
        self.xs = xs
        self.top = nice_top(top)
        self.text(LEFT + INNER_WIDTH / 2, HEIGHT - 10, x_label, anchor="middle")
        for step in range(5):
            value = self.top * step / 4
            self.rule(self.y(value), short(value))
        for x in xs:
            self.text(self.x(x), FLOOR + 18, short(x), anchor="middle")

    def x(self, value):
        low, high = math.log10(self.xs[0]), math.log10(self.xs[-1])
        share = (math.log10(value) - low) / (high - low) if high > low else 0.5
        return LEFT + 16 + share * (INNER_WIDTH - 32)

    def y(self, value):
        return FLOOR - value / self.top * INNER_HEIGHT

    def series(self, name, points, colour, dashes="", spread=()):
        self.name(name, colour)
        for x, low, high in spread:
            stroke = f'stroke="{colour}" stroke-width="5" stroke-opacity="0.25"'
            self.line(self.x(x), self.y(low), self.x(x), self.y(high), stroke)
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
        for x, y in points if not dashes else ():
            self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3.5" fill="{colour}"/>')


def cost(rate):
    """CPU-seconds a million events."""
    return 1e6 / rate


def cost_plot(points, varied, title, x_label):
    xs = [point[varied] for point in points]
    spread = [(point[varied], cost(point["events_per_cpu_s_greatest"]), cost(point["events_per_cpu_s_least"]))
              for point in points]
    plot = Plot(title, x_label, "CPU-seconds a million events", xs, 1.2 * max(high for _, _, high in spread))
    middle = [(point[varied], cost(point["events_per_cpu_s"])) for point in points]
    plot.series("median; the bar is from the least to the greatest run", middle, COLOURS[0], spread=spread)
    return plot.svg()


def memory_plot(points):
    names = [("rss_mb", "the process", ""), ("hot_mb", "states at hand", ""), ("hot_limit_mb", "their bound", "6 4"),
             ("rocksdb_mb", "RocksDB", "")]
    top = max(point[field] for point in points for field, _, _ in names)
    plot = Plot("Memory of process", "positions (SKU × location)", "MB", [point["positions"] for point in points], 1.1 * top)
    for (field, name, dashes), colour in zip(names, COLOURS):
        plot.series(name, [(point["positions"], point[field]) for point in points], colour, dashes)
    return plot.svg()


def midnight_plot(points):
    """Bars by their logarithm, p50 and p99, before, during and after; the most positions there are."""
    point = points[-1]
    phases, kinds = ("before", "during", "after"), (("p50", COLOURS[0], -56), ("p99", COLOURS[1], 4))
    figures = {(phase, q): point[f"alert_{q}_ms_{phase}"] for phase in phases for q, _, _ in kinds}
    decades = max(math.ceil(math.log10(max(figures.values()) * 1.05)), 1)
    drawing = Drawing(f"Alert latency around midnight, {short(point['positions'])} positions", "ms, by its logarithm")
    for decade in range(decades + 1):
        drawing.rule(FLOOR - INNER_HEIGHT * decade / decades, short(10 ** decade))
    for q, colour, _ in kinds:
        drawing.name(q, colour)
    for n, phase in enumerate(phases):
        middle = LEFT + INNER_WIDTH * (n + 0.5) / len(phases)
        drawing.text(middle, FLOOR + 18, phase, anchor="middle")
        for q, colour, shift in kinds:
            value = figures[phase, q]
            tall = INNER_HEIGHT * math.log10(max(value, 1.0)) / decades
            drawing.bar(middle + shift, FLOOR - tall, 52, tall, colour)
            drawing.text(middle + shift + 26, FLOOR - tall - 5, f"{value:.0f}", anchor="middle")
    return drawing.svg()


def table(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(row) + " |" for row in rows), ""]


def throughput_rows(points, varied):
    for point in points:
        yield [f"{point[varied]:,}", f"{point['rules']:,}", f"{cost(point['events_per_cpu_s']):.2f}",
               f"{cost(point['events_per_cpu_s_greatest']):.2f} … {cost(point['events_per_cpu_s_least']):.2f}",
               f"{point['events_per_cpu_s']:,.0f}", f"{point['events_per_s']:,.0f}",
               f"{point['broker_cpu_s_per_million']:.2f}" if "broker_cpu_s_per_million" in point else "?",
               f"{point['opening_cpu_s_per_million']:.1f}", str(point["runs"])]


def throughput_table(points, varied, name):
    heads = [name, "rules", "CPU-s a million events", "least … greatest", "events per CPU-s", "events/s",
             "broker's CPU-s a million", "CPU-s a million balances", "runs"]
    return [*table(heads, throughput_rows(points, varied)), ratio(points, varied, name), ""]


def ratio(points, varied, name):
    first, last = points[0], points[-1]
    if len(points) < 2:
        return "One point has nothing to be compared with."
    grown, dearer = last[varied] / first[varied], first["events_per_cpu_s"] / last["events_per_cpu_s"]
    return f"{short(grown)} times the {name}: **{dearer:.2f} times** the cost of an event."


def memory_table(points):
    heads = ["positions", "resident MB", "peak MB", "bytes a position", "states at hand MB", "their bound MB", "keys at hand",
             "RocksDB MB", "on disk MB"]
    rows = ([f"{p['positions']:,}", f"{p['rss_mb']:,.0f}", f"{p['peak_mb']:,.0f}", f"{p['bytes_per_position']:,.0f}",
             f"{p['hot_mb']:,.0f}", f"{p['hot_limit_mb']:,.0f}", f"{p['hot_keys']:,.0f}", f"{p['rocksdb_mb']:,.0f}",
             f"{p['sst_mb']:,.0f}"] for p in points)
    return table(heads, rows)


def catch_up_table(points):
    heads = ["positions", "events missed", "ready", "nothing waits after", "events/s", "events per CPU-s", "p50, p99 before",
             "p50, p99 right after"]
    rows = ([f"{p['positions']:,}", f"{p['events']:,} ({p['absence_minutes']} min)", f"{p['ready_s']:.1f} s",
             f"**{p['catch_up_s']:.1f} s**", f"{p['events_per_s']:,.0f}", f"{p['events_per_cpu_s']:,.0f}",
             f"{p['alert_p50_ms_before']:.0f}, {p['alert_p99_ms_before']:.0f} ms",
             f"{p['alert_p50_ms_after']:.0f}, {p['alert_p99_ms_after']:.0f} ms"] for p in points)
    return table(heads, rows)


def midnight_table(points):
    heads = ["positions", "rows written", "behind for", "longest time without a commit", "greatest lag", "p50, p99 before",
             "p50, p99 during", "p50, p99 after"]
    rows = ([f"{p['positions']:,}", f"{p['rows']:,}", f"{p['behind_s']:.1f} s", f"{p['longest_gap_s']:.2f} s",
             f"{p['greatest_lag_s']:.1f} s, {p['greatest_lag_records']:,.0f} records",
             f"{p['alert_p50_ms_before']:.0f}, {p['alert_p99_ms_before']:.0f} ms",
             f"{p['alert_p50_ms_during']:.0f}, {p['alert_p99_ms_during']:.0f} ms",
             f"{p['alert_p50_ms_after']:.0f}, {p['alert_p99_ms_after']:.0f} ms"] for p in points)
    return table(heads, rows)


def sections(points):
    """For each sweep: heading, plots by file name, table."""
    positions = points.get("positions")
    if positions:
        yield "Positions", {
            "growth-positions.svg": cost_plot(positions, "positions", "Cost of an event by positions", "positions (SKU × location)"),
            "growth-memory.svg": memory_plot(positions),
        }, [*throughput_table(positions, "positions", "positions"), *memory_table(positions)]
    for sweep, varied, title, name in (("partitions", "partitions", "Partitions", "partitions"),
                                       ("rules", "documents", "Rule documents", "documents")):
        if found := points.get(sweep):
            plot = cost_plot(found, varied, f"Cost of an event by {title.lower()}", title.lower())
            yield title, {f"growth-{sweep}.svg": plot}, throughput_table(found, varied, name)
    if found := points.get("catch_up"):
        yield "After an absence", {}, catch_up_table(found)
    if found := points.get("midnight"):
        yield "Midnight", {"growth-midnight.svg": midnight_plot(found)}, midnight_table(found)


def render(points, machine, plots_from_document):
    """The generated part of the document, and the plots."""
    lines, plots = [BEGIN, ""], {}
    if not points:
        lines += ["No measured run is committed: `make bench-growth` makes one, `make plots` shows it here.", ""]
    elif machine:
        quick = " **A reduced run (`QUICK=1`): it shows that it works, not what it costs.**" if machine["quick"] else ""
        loads = [p["load_before"] for found in points.values() for p in found]
        lines += [f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory']} of memory; load average "
                  f"before the points {min(loads):.1f} to {max(loads):.1f}.{quick}", ""]
    for title, drawn, rows in sections(points):
        lines += [f"### {title}", ""]
        for name in drawn:
            lines += [f"![{title}]({plots_from_document}/{name})", ""]
        lines += rows
        plots |= drawn
    return "\n".join([*lines, END]), plots


def replaced(document, part, name):
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise Fault(f"{name}: there must be one line {BEGIN!r} and one line {END!r}")
    head, rest = document.split(BEGIN)
    return head + part + rest.split(END)[1]


def wanted(options):
    """Every file that is generated, with what it has to hold; `None`: it must not be there."""
    part, plots = render(*read(options.data), "plots")
    files = {options.plots / name: text for name, text in plots.items()}
    if options.plots.is_dir():
        files |= {path: None for path in sorted(options.plots.glob("growth-*.svg")) if path not in files}
    if options.document:
        document = options.document.read_text(encoding="utf-8")
        files[options.document] = replaced(document, part, options.document)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where something is stale")
    parser.add_argument("--data", type=Path, default=ROOT / "docs/performance/growth.jsonl")
    parser.add_argument("--plots", type=Path, help="a folder for the plots alone, without the document")
    options = parser.parse_args()
    options.document = None if options.plots else ROOT / "docs/performance.md"
    options.plots = options.plots or ROOT / "docs/plots"
    stale = []
    for path, text in wanted(options).items():
        if (path.read_text(encoding="utf-8") if path.exists() else None) == text:
            continue
        stale.append(path)
        if options.check:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale: ' if options.check else ''}{path}")
    if options.check and stale:
        print("write them anew: scripts/plots.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        sys.exit(f"plots.py: {fault}")
