#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""worst (S19): for every command of commands.tbl and for LMTP, clients of one account do their worst, while another account's NOOP, FETCH of a list view
and delivery are timed. Before them the same is timed on the idle server: the control row. One server, one run.

usage: tests/attack/worst.py [--mansio PROGRAM] [--full] [--slow N] [--write docs/attacks.md] [COMMAND ...]

Bounds: 250 ms at the 99th percentile and 1 s at most (times --slow), no step that the watchdog calls slow, no crash. Where the machine is busy with other
things the idle server's figures say so: a row that is over a bound is measured again after a new control row, and fails if it is over the bound and
over five times what the control row had. Short: few clients and half a second a handler; --full: 50 clients and some seconds a command.
"""
import argparse
import datetime
import multiprocessing
import os
import re
import selectors
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Raw, cpu, pss  # noqa: E402
from lib.imapclient import Lmtp  # noqa: E402
from lib.server import TOP, Server, default_binary  # noqa: E402
import worst_lines  # noqa: E402
sys.path.insert(0, os.path.join(TOP, "tools"))
from prose import wrap  # noqa: E402

P99, MOST = 0.250, 1.0
SETTINGS = ["limits.connections_per_account=2000", "imap.line=1M"]


def rows():
    """(name, handler) of commands.tbl, in its order."""
    with open(os.path.join(TOP, "src/imap/commands.tbl"), encoding="utf-8") as f:
        return re.findall(r'^C\("([^"]+)", (\w+),', f.read(), re.M)


# ---- the attackers: a process of their own, so that the measuring one is not kept busy by them ----

class Attacker:
    """One connection that sends its lines round and round, a few ahead, and reads what comes, unless it is deaf."""

    def __init__(self, port, plan):
        self.plan, self.at, self.out, self.ahead = plan, 0, b"", 0
        with_login = plan.user is not None
        first = Raw(port, plan.user if with_login else None, timeout=60, small=plan.deaf)
        for line in plan.first:
            first.cmd(line)
        self.sock, self.tail = first.sock, b""
        self.sock.setblocking(False)

    def fill(self):
        while self.ahead < self.plan.ahead and len(self.out) < 1 << 20:
            line = self.plan.lines[self.at % len(self.plan.lines)]
            self.out += b"w%d " % self.at + line + b"\r\n"
            self.at += 1
            self.ahead += 1

    def write(self):
        self.fill()
        if self.out:
            try:
                self.out = self.out[self.sock.send(self.out):]
            except BlockingIOError:
                pass

    def read(self):
        if self.plan.deaf:
            return
        for _ in range(8):
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                return
            if not data:
                raise ConnectionError("closed")
            data = self.tail + data
            self.ahead -= len(re.findall(rb"(?m)^w\d+ (?:OK|NO|BAD)", data[:data.rfind(b"\n") + 1]))
            self.tail = data[data.rfind(b"\n") + 1:][-4096:]


def attack(port, plan, clients, ready, over):
    """In a process of its own."""
    os.nice(10)
    select, done = selectors.DefaultSelector(), 0
    for _ in range(clients):
        a = Attacker(port, plan)
        select.register(a.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, a)
    ready.set()
    while not over.is_set() and select.get_map():
        for key, events in select.select(0.05):
            a = key.data
            try:
                if events & selectors.EVENT_READ:
                    a.read()
                if events & selectors.EVENT_WRITE:
                    a.write()
                busy = bool(a.out) or a.ahead < plan.ahead
                select.modify(a.sock, (0 if plan.deaf else selectors.EVENT_READ) | (selectors.EVENT_WRITE if busy else 0) or selectors.EVENT_WRITE, a)
                if plan.deaf and not busy:
                    select.unregister(a.sock)
                    done += 1
            except OSError:
                select.unregister(a.sock)
                a.sock.close()
                try:
                    a = Attacker(port, plan)
                    select.register(a.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, a)
                except Exception:  # the server refuses it
                    pass
    if done == clients:
        over.wait()


def attack_lmtp(port, plan, clients, ready, over):
    os.nice(10)

    def one():
        while not over.is_set():
            try:
                m = Lmtp(port, lhlo="x", timeout=60)
                while not over.is_set():
                    for to, text in plan.mails:
                        m.deliver("a@b", to, text)
                m.close()
            except Exception:  # ended, refused: again
                time.sleep(0.01)
    threads = [threading.Thread(target=one, daemon=True) for _ in range(clients)]
    for t in threads:
        t.start()
    ready.set()
    over.wait()
    os._exit(0)


# ---- the bystander ----

class Timed(threading.Thread):
    """One thing that bob does again and again; how long each took."""

    def __init__(self, what, pause):
        super().__init__(daemon=True)
        self.what, self.pause, self.over, self.took, self.error = what, pause, threading.Event(), [], None

    def run(self):
        try:
            while not self.over.is_set():
                began = time.monotonic()
                self.what()
                self.took.append(time.monotonic() - began)
                time.sleep(self.pause)
        except Exception as e:  # whatever it was: he was disturbed
            self.error = f"bob was disturbed: {type(e).__name__} {e}"


def percentile(took, part):
    took = sorted(took)
    return took[min(len(took) - 1, int(len(took) * part))] if took else 0.0


class Bob:
    KINDS = ("NOOP", "FETCH", "delivery")

    def __init__(self, server):
        self.noop, self.fetch = Raw(server.imap, "bob", timeout=60), Raw(server.imap, "bob", timeout=60)
        self.lmtp = Lmtp(server.lmtp, lhlo="x", timeout=60)
        self.fetch.ok("SELECT INBOX")
        self.n = 0

    def deliver(self):
        self.n += 1
        code = self.lmtp.deliver("a@b", ["bob"], b"Subject: d%d\r\n\r\nx\r\n" % self.n)[0][0]
        assert code == 250, code

    def measure(self, seconds):
        """{kind: (how often, 50th, 99th percentile, longest)}, errors."""
        parts = [Timed(lambda: self.noop.ok("NOOP"), 0.01),
                 Timed(lambda: self.fetch.ok("UID FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"), 0.02), Timed(self.deliver, 0.03)]
        for p in parts:
            p.start()
        time.sleep(seconds)
        for p in parts:
            p.over.set()
        for p in parts:
            p.join(90)
        return ({k: (len(p.took), percentile(p.took, 0.5), percentile(p.took, 0.99), max(p.took, default=90.0)) for k, p in zip(self.KINDS, parts)},
                [p.error for p in parts if p.error] + [f"{k} did not come back" for k, p in zip(self.KINDS, parts) if p.is_alive()])


# ---- one row of the table ----

class Row:
    def __init__(self, name, clients):
        self.name, self.clients, self.faults, self.times = name, clients, [], {}
        self.late = False
        self.cpu = self.mb = self.seconds = 0.0


def quiet(server, seconds=15):
    """Commands of clients that are gone may still be at work: the next row is not to be theirs."""
    until = time.monotonic() + seconds
    while server.alive() and time.monotonic() < until:
        began = cpu(server.pid)
        time.sleep(0.25)
        if cpu(server.pid) - began < 0.03:
            return


def one(server, bob, name, plan, clients, seconds, slow, control=None):
    row = Row(name, clients if plan else 0)
    pid = server.pid
    before, base, began = len(server.slow_steps()), pss(pid), cpu(pid)
    process, over = None, multiprocessing.Event()
    if plan:
        ready = multiprocessing.Event()
        run, port = (attack_lmtp, server.lmtp) if plan.mails else (attack, server.imap)
        process = multiprocessing.Process(target=run, args=(port, plan, clients, ready, over), daemon=True)
        process.start()
        ready.wait(60)
    watch = threading.Event()
    top = [base]

    def memory():
        while not watch.wait(0.1):
            try:
                top[0] = max(top[0], pss(pid))
            except (OSError, StopIteration):
                return
    thread = threading.Thread(target=memory, daemon=True)
    thread.start()
    started = time.monotonic()
    row.times, row.faults = bob.measure(seconds)
    row.seconds = time.monotonic() - started
    watch.set()
    thread.join()
    row.mb, row.cpu = (top[0] - base) / 1024, cpu(pid) - began
    over.set()
    if process:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
        quiet(server)
    for kind, (n, _, p99, most) in row.times.items():
        idle = control.times[kind][2:] if control else (0, 0)
        if p99 > max(P99 * slow, 5 * idle[0]) or most > max(MOST * slow, 5 * idle[1]):
            row.late = True
            row.faults.append(f"{kind}: {p99 * 1000:.0f} ms at the 99th percentile, {most * 1000:.0f} ms at most, of {n}")
    row.faults += [line.strip() for line in server.slow_steps()[before:][:5]]
    return row


def text_of(row):
    cells = [row.name, str(row.clients or "idle")]
    for kind in Bob.KINDS:
        n, p50, p99, most = row.times[kind]
        cells.append(f"{p50 * 1000:.1f} / {p99 * 1000:.0f} / {most * 1000:.0f}")
    cells += [f"{row.cpu / max(row.seconds, 0.01):.2f}", f"{max(row.mb, 0):.0f}"]
    return cells


def write(path, results, control, args):
    with open(path, encoding="utf-8") as f:
        before, _, rest = f.read().partition("<!-- worst -->\n")
    after = rest.partition("<!-- worst end -->")[2]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TOP, capture_output=True, text=True).stdout.strip()
    load = ", ".join(f"{x:.0f}" for x in os.getloadavg())
    head = (f"\nMeasured {datetime.date.today()}, commit {commit}, {os.cpu_count()} cores, {'full' if args.full else 'short'} form; load averages at the end {load}"
            " (everything that the machine did, other work of it included: compare with the first row).\n\n"
            "| command | clients | NOOP ms: median / p99 / most | FETCH ms | delivery ms | server's CPU, cores | memory MB above before |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n")
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + "<!-- worst -->\n" + wrap(head) + "".join("| " + " | ".join(text_of(r)) + " |\n" for r in [control] + results)
                + "\n<!-- worst end -->" + after)


def plans(args):
    seen, out = set(), []
    for name, handler in rows():
        plan = worst_lines.PLANS.get(name) or worst_lines.PLANS.get(name.removeprefix("UID "))
        if plan is None:
            raise SystemExit(f"{name}: no worst lines in tests/attack/worst_lines.py")
        if args.command and not any(w.upper() == name for w in args.command):
            continue
        if not args.full and not args.command and handler in seen:
            continue
        seen.add(handler)
        made = plan()
        for x in made if isinstance(made, list) else [made]:
            if name.startswith("UID ") and name not in worst_lines.PLANS:
                x.uid()
            out.append((f"{name}{' (' + x.note + ')' if x.note else ''}", x))
    if not args.command or "LMTP" in args.command:
        out += [(f"LMTP ({x.note})", x) for x in worst_lines.lmtp()]
    # Whoever guesses is kept from logging in afterwards: those that do without an account come last.
    return sorted(out, key=lambda x: x[1].user is None)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--full", action="store_true")
    p.add_argument("--slow", type=float, default=1, help="bounds times this: sanitizers, a busy machine")
    p.add_argument("--seconds", type=float)
    p.add_argument("--write")
    p.add_argument("--keep", action="store_true", help="keep the server's folder")
    p.add_argument("command", nargs="*")
    args = p.parse_args()
    clients, seconds = (50, args.seconds or 4) if args.full else (10, args.seconds or 0.5)
    server = Server(args.mansio or default_binary(), ("alice", "bob", "carol", *(f"many{i}" for i in range(100))), settings=SETTINGS, keep=args.keep)
    failures, results = 0, []
    try:
        server.start()
        began = time.monotonic()
        worst_lines.prepare(server, args.full)
        prepared = server.slow_steps()
        print(f"prepared in {time.monotonic() - began:.0f} s" + "".join("\n     " + line.strip() for line in prepared[:10]), flush=True)
        failures += bool(prepared)
        bob = Bob(server)
        control = one(server, bob, "(idle: the control row)", None, 0, max(2, seconds), args.slow)
        control.faults = []  # what the machine is like is no fault of the server
        print("     " + " | ".join(text_of(control)), flush=True)
        for name, plan in plans(args):
            r = one(server, bob, name, plan, plan.clients or clients, seconds, args.slow, control)
            for _ in range(2):
                if not r.late or not server.alive():
                    break
                kept = [f for f in r.faults if "slow_step" in f or "bob" in f]
                again = one(server, bob, "(idle, again)", None, 0, max(1, seconds), args.slow)
                print("     " + " | ".join(text_of(again)) + "  <- " + " | ".join(text_of(r)), flush=True)
                r = one(server, bob, name, plan, plan.clients or clients, seconds, args.slow, again)
                r.faults += kept
            results.append(r)
            failures += bool(r.faults)
            print(("FAIL " if r.faults else "ok   ") + " | ".join(text_of(r)), flush=True)
            for fault in r.faults:
                print(f"     {fault}", flush=True)
            if not server.alive():
                print("the server has ended:\n" + server.log_tail(60))
                return 1
            time.sleep(0.1)
        if args.write:
            write(args.write, results, control, args)
        code = server.stop()
        if code:
            failures += 1
            print(f"the server ended with {code}: {server.crashed()}")
    finally:
        server.told = True  # its slow steps are faults of their rows
        server.close()
    print(f"{len(results)} commands, {failures} failed")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main())
