# SPDX-License-Identifier: Apache-2.0
"""report_network: what was measured over the slow link, as JSON and as tables for docs/network.md."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools"))
from prose import wrap  # noqa: E402

ORDER = ("before", "mansio", "dovecot", "cyrus")


def size(n):
    if n < 1000:
        return f"{n:.0f} B"
    return f"{n / 1e6:.2f} MB" if n >= 999500 else f"{n / 1000:.1f} kB"


def cell(c, cpu=False):
    if not c:
        return ""
    if "failed" in c:
        return "failed"
    return f"{c['flights']:,.0f} · {size(c['bytes'])} · {c['packets']:,.0f} · {c['ms']:,.0f} ms" + (f" · CPU {c['cpu_ms']:,.0f} ms" if cpu and "cpu_ms" in c else "")


def much_cpu(row):
    """Where a server works for so long that what it costs is worth a word."""
    return any(c.get("cpu_ms", 0) >= 50 for c in row["servers"].values())


def table(now, before):
    keys = [k for k in ORDER if k in now["servers"]]
    titles = [now["servers"][k]["title"] for k in keys]
    before = None if "before" in keys else before       # a build of before took part
    if before:
        titles.insert(0, f"Mansio at {before['revision']}")
    lines = ["| what | " + " | ".join(titles) + " |", "| --- " * (len(titles) + 1) + "|"]
    old = {r["name"]: r["servers"].get("mansio") for r in before["rows"]} if before else {}
    for r in now["rows"]:
        cells = [cell(r["servers"].get(k), much_cpu(r)) for k in keys]
        lines.append(f"| {r['name']} | " + " | ".join(([cell(old.get(r["name"]))] if before else []) + cells) + " |")
    return "\n".join(lines) + "\n"


def failed(now):
    lines = [f"- {now['servers'][k]['title']}: {r['name']} ({c['failed']})\n" for r in now["rows"] for k, c in r["servers"].items() if "failed" in c]
    return "\nFailed:\n\n" + "".join(lines) if lines else ""


def opening(now):
    versions = ", ".join(f"{s['title']} {s['version']}" for s in now["servers"].values())
    also = now.get("also")      # rows of a later run, which took the place of this one's
    later = f" {also['what']} are of a run of their own, revision {also['revision']}." if also else ""
    return (f"Measured {now['date']} in one run of {now['seconds']} s, revision {now['revision']}, on {now['machine']}: {versions}; round trip "
            f"{now['rtt_ms']} ms, {now['mbit']} Mbit/s each way, {now['loss_percent']} % of the packets lost; {now['messages']:,} real mails.{later}\n\n")


def replace(path, mark, block):
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(wrap(re.sub(f"<!-- {mark} -->.*?<!-- end -->", lambda _: f"<!-- {mark} -->\n{block}<!-- end -->", text, flags=re.S)))


def update(docs, key, result, before=False):
    """Keeps RESULT in docs/network.json as KEY's present, or as what it is compared with; returns both."""
    path = os.path.join(docs, "network.json")
    kept = {}
    if os.path.exists(path):
        with open(path) as f:
            kept = json.load(f)
    kept.setdefault(key, {})["before" if before else "now"] = result
    with open(path, "w") as f:
        json.dump(kept, f, indent=1)
        f.write("\n")
    return kept[key].get("now", result), kept[key].get("before")


def write(result, docs, before=False):
    now, old = update(docs, "servers", result, before)
    replace(os.path.join(docs, "network.md"), "bench/run --link", opening(now) + table(now, old) + failed(now))


def write_clients(result, docs, before=False):
    now, old = update(docs, "clients", result, before)
    replace(os.path.join(docs, "network.md"), "tests/interop/run --link", table(now, old))
