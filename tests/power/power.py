#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""power: records what a server does to its files under every command that writes, builds what a power cut may have left at any point
of it, starts the server on that, and compares what is there with what was acknowledged (S12).

usage: power.py [--images 300] [--steps 40] [--seed 1] [--jobs 2] [--mansio PROGRAM] [--keep]
"""
import argparse
import collections
import difflib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.server import PASSWORD, Server, default_binary  # noqa: E402
from power import disk  # noqa: E402
from power.state import Lost, Raw, dump, exists  # noqa: E402
from power.workload import Change, History, Writer  # noqa: E402

SETTINGS = ["store.grace=1s", "imaps.listen=none", "server.threads=4"]
RESTING = SETTINGS + ["store.grace=4h"]     # most images are looked at without the reaper, which costs more than all the rest
AGAIN = 40      # so seldom the power is cut a second time, while the server recovers from the first


class Bench:
    """The server that is recorded, and what was acknowledged."""

    def __init__(self, binary, folder):
        self.folder, self.record = folder, os.path.join(folder, "record")
        self.server = Server(binary, (), SETTINGS, folder=folder, env={"MANSIO_RECORD": self.record})
        self.histories = {u: History(u, [PASSWORD]) for u in ("alice", "bob", "carol", "dave", "erin")}
        self.capabilities = ""

    def length(self):
        try:
            return os.path.getsize(self.record)
        except FileNotFoundError:
            return 0

    def add(self, *users):
        sent = self.length()
        self.server.add_accounts(users)
        acked = self.length()
        for u in users:
            h = self.histories[u]
            state = dump(self.server.imap, u, h.passwords) if self.server.alive() else None
            h.changes.append(Change("user add", sent, acked, state, state is None))

    def write(self, steps, seed):
        with Raw(self.server.imap) as c:
            self.capabilities = c.ok("CAPABILITY").decode()
        writers = [Writer(self, 0, ["alice", "dave"], steps, seed), Writer(self, 1, ["bob"], steps, seed + 1),
                   Writer(self, 2, ["carol", "erin"], steps, seed + 2)]
        for w in writers:
            w.start()
        for w in writers:
            w.join(600)
            if w.error or w.is_alive():
                raise SystemExit(f"the workload itself failed: {w.error}\n{self.server.log_tail()}")

    def run(self, steps, seed):
        for h in self.histories.values():
            h.changes.append(Change("nothing yet", 0, 0, None))
        self.server.start()                                 # the first start
        self.add("alice", "bob", "carol", "dave", "erin")
        self.write(steps, seed)
        time.sleep(1.1)
        self.server.stop()                                  # a clean end: the log is folded in
        self.server.start()                                 # the reaper takes what was expunged
        self.write(steps, seed + 10)
        time.sleep(1.1)
        self.server.kill()                                  # a crash: the next start finds a log
        self.server.start()
        self.write(steps // 2, seed + 20)
        self.server.stop()
        if self.server.crashed():
            raise SystemExit(self.server.crashed())


class Probe:
    """Starts the server on an image and looks."""

    def __init__(self, binary, folder):
        self.folder = folder
        self.server = Server(binary, (), RESTING, folder=folder)
        self.data = self.server.data

    def start(self, record=None):
        env = dict(self.server.env, **({"MANSIO_RECORD": record} if record else {}))
        with open(self.server.log, "wb") as log:
            p = subprocess.Popen(self.server.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
        self.server.process = p
        limit = time.monotonic() + 30
        while b" started " not in (log := open(self.server.log, "rb").read()):
            if p.poll() is not None or time.monotonic() > limit:
                raise Lost(f"the server does not start ({p.poll()}): {log.decode(errors='replace')[-500:]}")
            time.sleep(0.002)

    def look(self, histories, at):
        """Faults of what is there; and what the accounts look like."""
        faults, states = [], {}
        for h in histories:
            last, maybe = h.allowed(at)
            there = exists(self.server.lmtp, h.user)
            state = states[h.user] = dump(self.server.imap, h.user, h.passwords[::-1]) if there else None
            if not any(c.loose for c in maybe) and state not in [c.state for c in [last] + maybe]:
                faults.append(f"{h.user} is not as after {last.what!r}" + "".join(f" nor {c.what!r}" for c in maybe) + ":\n" +
                              difference(last.state, state))
        return faults + self.check(), states

    def check(self):
        r = self.server.cli("check", check=False)
        return ["mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-800:]] if r.returncode else []

    def go_on(self, states):
        """It takes new mail, with a UID and a mod-sequence above all others."""
        faults = []
        for user, state in states.items():
            if state is None or "* STATUS INBOX" not in state:
                continue
            status = state.split("* STATUS INBOX (")[1].split(")")[0]
            following = int(status.split("UIDNEXT ")[1].split()[0])
            with Raw(self.server.imap) as c:
                c.ok(f'LOGIN "{user}" "{state.split()[1]}"')
                got = c.answer(b"APPEND INBOX {19+}\r\nSubject: x\r\n\r\nafter")[1].decode()
                if f" {following}]" not in got:
                    faults.append(f"{user}: the next UID should be {following}: {got!r}")
        return faults


def difference(old, new):
    lines = difflib.unified_diff((old or "no account").split("\n"), (new or "no account").split("\n"), "acknowledged", "image", lineterm="", n=0)
    return "\n".join("    " + x[:220] for x in list(lines)[:14])


class Prober(multiprocessing.Process):
    """Takes every jobs-th of the wanted cuts."""

    def __init__(self, args, bench, wanted, number, queue, stop):
        super().__init__(daemon=True)
        self.args, self.wanted, self.number, self.queue, self.stop = args, wanted, number, queue, stop
        self.record, self.data = bench.record, bench.server.data
        self.histories = list(bench.histories.values())
        self.counts = collections.Counter()

    def run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        folder = tempfile.mkdtemp(prefix="mansio-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        try:
            self.probe = Probe(self.args.mansio, folder)
            self.work()
        except Exception as e:      # a fault of the suite: told, not swallowed
            self.queue.put(("fault", f"the suite: {type(e).__name__}: {e}"))
        finally:
            self.probe.server.kill()
            shutil.rmtree(folder, ignore_errors=True)
            self.queue.put(("end", self.counts))

    def work(self):
        events, raw = disk.read_record(self.record)
        self.raw = raw
        d = disk.Disk(os.path.dirname(self.data))
        cuts = collections.defaultdict(list)
        for i, (at, mode, seed) in enumerate(self.wanted):
            if i % self.args.jobs == self.number:
                cuts[at].append((mode, seed))
        seen = set()
        for at in range(len(events) + 1):
            for mode, seed in cuts[at]:
                files, mark = d.image(mode, random.Random(seed))
                length = events[at - 1].end if at else 0
                # Another image only if the bytes or what must be there differ.
                must = tuple(id(h.allowed(length)[0]) for h in self.histories)
                if (mark, must) not in seen and not self.stop.is_set():
                    seen.add((mark, must))
                    self.image(files, at, length, mode, seed)
            if at < len(events):
                d.play(raw, events[at])

    def image(self, files, at, length, mode, seed):
        data = self.probe.data
        shutil.rmtree(data, ignore_errors=True)
        disk.write_image(files, self.raw, os.path.dirname(self.data), os.path.dirname(data), random.Random)
        os.makedirs(data, exist_ok=True)
        again = seed % AGAIN == 0
        faults = self.try_image(length, again)
        self.counts["images"] += 1
        self.counts[mode] += 1
        for f in faults:
            self.queue.put(("fault", f"cut after event {at}, {mode}, seed {seed}: {f}"))
        if faults and self.args.keep:
            shutil.copytree(data, os.path.join(self.args.keep, f"{at}-{mode}-{seed}"), dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("*.sock"))
        self.queue.put(("one", None))

    def try_image(self, length, again):
        p, record = self.probe, os.path.join(self.probe.folder, "record")
        states, after, faults, before = {}, {}, [], None
        p.server.settings = SETTINGS if again else RESTING
        if again:
            if os.path.exists(record):
                os.unlink(record)
            before = os.path.join(p.folder, "before")
            shutil.rmtree(before, ignore_errors=True)
            shutil.copytree(p.data, before)
        try:
            p.start(record if again else None)
            faults, states = p.look(self.histories, length)
            faults += p.go_on(states) if not faults else []
            after = {u: dump(p.server.imap, u, [s.split()[1]]) for u, s in states.items() if s} if again else {}
        except (Lost, OSError, subprocess.TimeoutExpired) as e:
            faults.append(f"{type(e).__name__}: {e}")
        if again and not faults:
            p.server.stop()
            faults += self.cut_again(before, record, states, after)
        p.server.kill()
        if p.server.crashed():
            faults.append(p.server.crashed())
        return faults

    def cut_again(self, before, record, states, after):
        """While the server recovered, took a message for each account and ended, the power failed again."""
        p, faults = self.probe, []
        events, raw = disk.read_record(record)
        d = disk.Disk(p.folder)
        shutil.rmtree(p.data, ignore_errors=True)
        shutil.copytree(before, p.data)
        d.load(p.data)
        rng = random.Random(len(raw))
        points = rng.sample(range(len(events)), min(6, len(events)))
        for i, e in enumerate(events):
            if i in points:
                files, _ = d.image(rng.choice(disk.MODES), rng)
                shutil.rmtree(p.data, ignore_errors=True)
                disk.write_image(files, raw, p.folder, p.folder, random.Random)
                faults += [f"cut again after event {i}: {f}" for f in self.try_again(states, after)]
                self.counts["cut again"] += 1
            d.play(raw, e)
        return faults

    def try_again(self, states, after):
        """As after the first cut, or with the one message that came since."""
        p, faults = self.probe, []
        try:
            p.start()
            for user, state in states.items():
                now = dump(p.server.imap, user, [state.split()[1]]) if state else None
                if now not in (state, after.get(user)):
                    faults.append(f"{user} has changed:\n" + difference(state, now))
            faults += p.check()
        except (Lost, OSError) as e:
            faults.append(f"{type(e).__name__}: {e}")
        p.server.kill()
        return faults


def choose(events, begun, n, rng):
    """Cuts: [(events played, mode, seed)]. A fifth of them falls into the first start, which ends at event begun."""
    return [(rng.randint(0, begun if rng.random() < 0.2 else len(events)), rng.choice(disk.MODES), rng.getrandbits(32))
            for _ in range(n)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--images", type=int, default=300)
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--keep", help="a folder for the images that failed")
    args = p.parse_args()
    args.mansio = os.path.abspath(args.mansio or default_binary())
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="mansio-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        return run(args, folder, began)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(args, folder, began):
    bench = Bench(args.mansio, folder)
    try:
        bench.run(args.steps, args.seed)
    finally:
        bench.server.kill()
    events, _ = disk.read_record(bench.record)
    changes = sum(len(h.changes) for h in bench.histories.values())
    print(f"{len(events)} events, {changes} changes, {bench.length() >> 20} MB recorded in {time.monotonic() - began:.0f} s", flush=True)
    # Somewhat more than wanted: some are the same image.
    begun = sum(e.end <= bench.histories["alice"].changes[1].acked for e in events)
    wanted = choose(events, begun, args.images * 13 // 10, random.Random(args.seed))
    queue, stop = multiprocessing.Queue(), multiprocessing.Event()
    probers = [Prober(args, bench, wanted, i, queue, stop) for i in range(args.jobs)]
    for x in probers:
        x.start()
    total, faults, ended, done = collections.Counter(), [], 0, 0
    while ended < len(probers):
        kind, what = queue.get()
        if kind == "end":
            ended += 1
            total += what
        elif kind == "one":
            done += 1
            if done % 500 == 0:
                print(f"{done} images, {len(faults)} faults, {time.monotonic() - began:.0f} s", flush=True)
        else:
            faults.append(what)
            if len(faults) <= 20:
                print("FAIL " + what, flush=True)
            if len(faults) > 100:
                stop.set()      # they end their servers themselves
    print(", ".join(f"{k} {v}" for k, v in total.items() if k not in ("images", "cut again")))
    print(f"{total['images']} images of {len(events)} events, {total['cut again']} cut again, {changes} changes, {len(faults)} faults "
          f"(seed {args.seed}, {time.monotonic() - began:.0f} s)")
    return 1 if faults or not total["images"] else 0


if __name__ == "__main__":
    sys.exit(main())
