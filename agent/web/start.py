"""The start page: every bay and device at a glance, in one table, without a script."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any, Final
from urllib.parse import quote

from agent.exposition.labels import clean
from agent.exposition.overview import BayView, DeviceView, Finding
from agent.exposition.runs import RunView
from agent.lasting import lasting

REFRESH_S: Final = 5
NOTHING: Final = '<span class="quiet">none</span>'

STYLE: Final = """\
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --good: #2e7d32; --near: #b26a00;
  --bad: #c62828; }
@media (prefers-color-scheme: dark) { :root { --quiet: #999; --good: #81c784; --near: #ffb74d;
  --bad: #ef9a9a; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 64rem;
  padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p { margin: .2rem 0; }
.quiet { color: var(--quiet); }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; }
th { color: var(--quiet); font-weight: normal; }
td.number { font-variant-numeric: tabular-nums; }
.inside, .up, .PASS { color: var(--good); }
.warn, .unknown, .INCONCLUSIVE, .ABORTED { color: var(--near); font-weight: 600; }
.fail, .trip, .down, .FAIL { color: var(--bad); font-weight: 600; }
@media (max-width: 40rem) { body { font-size: 13px; margin: .8rem auto; padding: 0 .6rem; }
  table { display: block; overflow-x: auto; }
  th, td { min-width: 3.2rem; padding-right: .7rem; vertical-align: top; } }
"""

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{refresh}">
<title>Rackproof: {summary}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<h1>Rackproof</h1>
<p>{summary}</p>
<p class="quiet"><a href="/metrics">all metrics</a> · <a href="/metrics/agent">the agent's own</a> ·
<a href="/sd">scrape targets</a> · <a href="/index.json">this page as JSON</a></p>
{runs}
{bays}
</body>
</html>
"""
_RUNS: Final = """\
<table>
<thead><tr><th>bay</th><th>rack</th><th>run</th><th>stage</th><th>qualified</th><th>verdict</th></tr>
</thead>
<tbody>
{runs}
</tbody>
</table>"""
_RUN: Final = (
    '<tr><td><a href="#{bay}">{bay}</a></td><td>{serial}</td>'
    '<td><a href="/api/v1/runs/{path}">{run}</a></td><td>{stage}</td>'
    '<td class="number">{qualified}</td><td>{verdict}</td></tr>'
)
_BAY: Final = """\
<h2 id="{name}">{name} {worst}</h2>
<p class="quiet">{about} · <a href="/metrics/bays/{path}">metrics</a></p>
<table>
<thead><tr><th>device</th><th>profile</th><th>answers</th><th>judged</th><th>good readings</th>
<th>last answer</th></tr></thead>
<tbody>
{devices}
</tbody>
</table>
<ul>{findings}</ul>"""
_FINDING: Final = "<li>{device} {channel}: {status}{deviation}</li>"
_DEVICE: Final = (
    "<tr><td>{name}</td><td>{profile}</td><td>{up}</td><td>{worst}</td>"
    '<td class="number">{good} of {channels}</td><td class="number">{age}</td></tr>'
)


def html(bays: Sequence[BayView], now: float, *, ready: bool) -> str:
    """Return the page; `now` is Unix time."""
    devices = [device for bay in bays for device in bay.devices]
    up = sum(device.up for device in devices)
    summary = f"{len(bays)} bay{'s' * (len(bays) != 1)}, {up} of {len(devices)} devices answer"
    if not ready:
        summary += ", waiting for the first polls"
    shown = "\n".join(_bay(bay, now) for bay in bays) or "<p>The floor file names no bay.</p>"
    runs = "\n".join(_run(bay.name, bay.run) for bay in bays if bay.run is not None)
    return _PAGE.format(
        refresh=REFRESH_S, summary=summary, bays=shown, runs=runs and _RUNS.format(runs=runs)
    )


def document(bays: Sequence[BayView], *, ready: bool) -> dict[str, Any]:
    """Return what the page shows, for a program."""
    return {"ready": ready, "bays": [asdict(bay) for bay in bays]}


def _run(bay: str, run: RunView) -> str:
    """Show the run that is on in a bay, or was the last one."""
    stage, qualified = "over", ""
    if not run.over:
        more = f", attempt {run.attempt}" * (run.attempt > 1)
        stage = f"{run.stage}, {run.phase}{more}" if run.stage else "between stages"
        if run.required_s:
            qualified = f"{lasting(run.qualified_s)} of {lasting(run.required_s)}"
        if run.held:
            stage += ": waits for a person"
    return _RUN.format(
        bay=escape(bay),
        serial=escape(clean(run.serial)),
        run=escape(clean(run.run)),
        path=quote(run.run, safe=""),
        stage=escape(clean(stage)),
        qualified=qualified,
        verdict=_word(run.verdict) + ("" if run.over else " so far"),
    )


def _bay(bay: BayView, now: float) -> str:
    """Show one bay."""
    counts = ", ".join(f"{count} {name}" for name, count in bay.counts.items())
    rack = ", ".join(f"{key} {clean(text)}" for key, text in bay.rack.items() if text)
    about = "; ".join(filter(None, (rack, counts and f"channels: {counts}"))) or "nothing is judged"
    return _BAY.format(
        name=escape(bay.name),
        path=quote(bay.name),
        worst=_word(bay.worst) if bay.worst else "",
        about=escape(about),
        devices="\n".join(_device(device, now) for device in bay.devices),
        findings="".join(map(_finding, bay.findings)),
    )


def _finding(finding: Finding) -> str:
    """Show one channel that is not inside its limits."""
    deviation = finding.deviation
    return _FINDING.format(
        device=escape(finding.device),
        channel=escape(finding.channel),
        status=_word(finding.status),
        deviation="" if deviation is None else f" at {deviation:+.2f} of the way to its limit",
    )


def _device(device: DeviceView, now: float) -> str:
    """Show one device."""
    return _DEVICE.format(
        name=escape(device.name),
        profile=escape(device.profile) or NOTHING,
        up=_word("up" if device.up else "down"),
        worst=_word(device.worst),
        good=device.good,
        channels=device.channels,
        age=_age(device.last_success, now),
    )


def _word(word: str) -> str:
    """Show a status as a word, so that its colour is never all there is."""
    return f'<span class="{word}">{word}</span>' if word else NOTHING


def _age(at: float | None, now: float) -> str:
    """Show how long ago something was, in its largest sensible unit."""
    if at is None:
        return "never"
    seconds = max(0.0, now - at)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
