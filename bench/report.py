# SPDX-License-Identifier: Apache-2.0
"""report: the results as JSON, as tables for docs/benchmarks.md, and as plots."""
import json
import os
import platform
import re
import subprocess
import sys
import time

import plot

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools"))
from prose import wrap  # noqa: E402

GROUPS = (("reads", "Reading, warm"), ("cold", "Reading, first access"), ("changes", "Changes, durable"), ("sizes", "Mailboxes of every size"),
          ("push", "Push"), ("mix", "Mixed load"), ("memory", "Memory of an idle connection"))
ORDER = ("mansio", "dovecot", "cyrus")


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1)) / (1 << 20)
    with open("/etc/os-release") as f:
        system = re.search(r'PRETTY_NAME="(.*)"', f.read())
    return (f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()}), {memory:.0f} GiB, "
            f"{system.group(1) if system else 'an unknown system'}, Linux {platform.release()}")


def revision():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return subprocess.run(["git", "-C", top, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()


def result(bench, began):
    return {"machine": machine(), "date": time.strftime("%Y-%m-%d", time.gmtime(began)), "seconds": round(time.time() - began),
            "messages": bench.messages, "page_cache_dropped": bench.cold_pages, "cgroup": all(s.group.folder for s in bench.servers),
            "load_before": bench.load_before, "revision": revision(),
            "servers": {s.name: {"title": s.title, "version": s.version, "settings": s.settings} for s in bench.servers}, "rows": bench.rows}


def compared(rows):
    return [r for r in rows if r["met"] is not None]


DEARER = 1.1    # what two runs of one program may differ by


def against_before(rows):
    """What became dearer and what cheaper, where another build ran beside."""
    costs = [(r["servers"]["mansio"]["value"] / r["servers"]["before"]["value"], r) for r in rows
             if all(r["servers"].get(k, {}).get("value", 0) > 0 for k in ("mansio", "before"))]
    line = lambda x, r: f"  {x:.2f} of before: {r['group']}: {r['name']}"       # noqa: E731
    lines = [line(x, r) for x, r in sorted(costs, key=lambda c: -c[0]) if x > DEARER or x < 1 / DEARER]
    dearer = sum(x > DEARER for x, _ in costs)
    return [f"{len(costs)} scenarios compared: {dearer} dearer, {sum(x < 1 / DEARER for x, _ in costs)} cheaper by more than a tenth"] + lines


def summary(res):
    rows = res["rows"]
    if "before" in res["servers"]:
        return "\n".join(against_before(rows))
    short = [r for r in compared(rows) if not r["met"]]
    lines = [f"{len(rows)} scenarios in {res['seconds']} s; the aim is reached in {len(compared(rows)) - len(short)} of {len(compared(rows))}"]
    lines += [f"  short of the aim: {r['name']}: {r['ratio']:.2f} of {r['aim']}" for r in short]
    lines += [f"  failed: {r['name']}: {k}: {c['failed']}" for r in rows for k, c in r["servers"].items() if "failed" in c]
    return "\n".join(lines)


# -- tables --

def cell(c, unit):
    if c is None:
        return ""
    if "failed" in c:
        return "failed"
    extra = ""
    if "connections" in c:
        extra = f" ({c['connections']:,})"
    elif "p99_ms" in c:
        extra = f" (p99 {plot.number(c['p99_ms'])} ms)"
    elif "wall" in c and c["wall"] > 0:
        extra = f" ({plot.number(c['wall'])})"
    if c.get("lost"):
        extra += f", {c['lost']:,} of {c['told']:,} notices did not come within 10 s"
    return f"{plot.number(c['value'])} {unit}{extra}"


def verdict(row):
    if row["ratio"] is None:
        return ""
    words = f"{row['ratio']:.1f}" if row["ratio"] < 100 else f"{row['ratio']:.0f}"
    if row["met"] is None:
        return f"{words}, not counted"
    if row["met"]:
        return words
    return f"**{words}**" + (f", {row['better'].title()} is better" if row["ratio"] < 1 else f", aim {row['aim']}")


def over(row):
    ours = row["servers"].get("mansio", {}).get("value")
    if row["budget"] is None or ours is None:
        return "" if row["budget"] is None else f"{row['budget']}"
    return f"{row['budget']}" if ours <= row["budget"] else f"{row['budget']}: **{ours / row['budget']:.1f} times over**"


def table(rows, servers):
    keys = [k for k in ORDER if k in servers]
    head = "| what | " + " | ".join(servers[k]["title"] for k in keys) + " | ratio | budget |"
    lines = [head, "| --- " * (len(keys) + 3) + "|"]
    for r in rows:
        lines.append(f"| {r['name']} | " + " | ".join(cell(r["servers"].get(k), r["unit"].replace("us", "µs")) for k in keys)
                     + f" | {verdict(r)} | {over(r)} |")
    return "\n".join(lines) + "\n"


def opening(res):
    rows = res["rows"]
    short = [r for r in compared(rows) if not r["met"]]
    worse = [r for r in short if r["ratio"] < 1]
    failed = sorted({f"{res['servers'][k]['title']}: {r['name']} ({c['failed']})" for r in rows for k, c in r["servers"].items() if "failed" in c})
    text = (f"Measured {res['date']} in one run of {res['seconds'] // 60} minutes, revision {res['revision']}, on {res['machine']}; "
            f"{res['messages']:,} real mails in the mailbox. Other load on the machine before the run: {res['load_before']:.1f}.\n\n")
    text += "\n".join(f"- **{s['title']} {s['version']}**: {s['settings']}." for s in res["servers"].values()) + "\n\n"
    text += f"The aim is reached in {len(compared(rows)) - len(short)} of {len(compared(rows))} scenarios."
    if worse:
        text += "\n\nA peer is better in:\n\n" + "".join(
            f"- {r['name']}: {res['servers'][r['better']]['title']}, {1 / r['ratio']:.1f} times\n" for r in worse)
    if len(short) > len(worse):
        text += "\nBetter than both, but short of the aim:\n\n" + "".join(
            f"- {r['name']}: {r['ratio']:.1f} of {r['aim']}\n" for r in short if r not in worse)
    if failed:
        text += "\nFailed, and left out of the comparison:\n\n" + "".join(f"- {line}\n" for line in failed)
    if not res["page_cache_dropped"]:
        text += "\nThe kernel's page cache could not be dropped: first access is that of a server just started."
    return text + "\n"


def tables(res):
    out = [opening(res)]
    for group, title in GROUPS:
        rows = [r for r in res["rows"] if r["group"] == group]
        if rows:
            out.append(f"### {title}\n\n![{title}](benchmarks-{group}.svg)\n\n{table(rows, res['servers'])}")
    return "\n".join(out)


def draw(res, docs):
    titles = {k: f"{res['servers'][k]['title']} {res['servers'][k]['version'].split('-')[0]}" for k in ORDER if k in res["servers"]}
    for group, title in GROUPS:
        rows = [(r["name"], r["unit"].replace("us", "µs"), {k: c["value"] for k, c in r["servers"].items() if c.get("value", 0) > 0})
                for r in res["rows"] if r["group"] == group]
        rows = [r for r in rows if r[2]]
        if rows:
            what = "kB" if group == "memory" else "server CPU, where the unit is not ms of wall time" if group == "push" else "server CPU"
            with open(os.path.join(docs, f"benchmarks-{group}.svg"), "w") as f:
                f.write(plot.bars(f"{title}: {what}, logarithmic, shorter is better", rows, titles))


def write(res, docs):
    with open(os.path.join(docs, "benchmarks.json"), "w") as f:
        json.dump(res, f, indent=1)
        f.write("\n")
    draw(res, docs)
    path = os.path.join(docs, "benchmarks.md")
    with open(path) as f:
        text = f.read()
    block = f"<!-- bench/run -->\n{tables(res)}<!-- end -->"
    text = re.sub(r"<!-- bench/run -->.*<!-- end -->", lambda _: block, text, flags=re.S)
    with open(path, "w") as f:
        f.write(wrap(text))
