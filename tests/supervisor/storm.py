#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""storm: many clients idle in a mailbox, the worker is killed, and all come back at once. How long until the first, half, all of them idle again; what it cost.

usage: tests/supervisor/storm.py [--mansio build/src/cli/mansio] [--clients 2000] [--accounts 200] [--scheme plain] [--rounds 3] [--tls] [--bound SECONDS]
"""
import argparse
import asyncio
import os
import resource
import ssl
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib.server import PASSWORD, Server, gone  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


class Idler:
    """One mail program: logs in, selects, idles; when the connection ends it comes again at once."""

    def __init__(self, world, number):
        self.world, self.user = world, f"u{number % world.accounts}"
        self.refused = self.times = 0
        self.back = None

    async def once(self):
        w = self.world
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port, ssl=w.tls)
        try:
            if not (await reader.readline()).startswith(b"* OK"):
                raise ConnectionError("no greeting")
            w.greeted.append(time.monotonic())
            writer.write(f"a LOGIN {self.user} {PASSWORD}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
            while not (line := await reader.readline()).startswith(b"+ "):
                if not line or line[:4] in (b"a NO", b"a BA", b"b NO"):
                    raise ConnectionError(line.decode() or "closed")
            self.back = time.monotonic()
            w.idle += 1
            if w.idle == w.clients:
                w.all_idle.set()
            while await reader.readline():
                pass
        finally:
            writer.close()

    async def run(self):
        while not self.world.over:
            try:
                await self.once()
            except (OSError, ConnectionError, asyncio.IncompleteReadError) as e:
                if self.world.down:
                    self.refused += isinstance(e, ConnectionRefusedError)
                    self.times += 1
                    self.world.why[str(e)[:60]] = self.world.why.get(str(e)[:60], 0) + 1
                await asyncio.sleep(0.05)


class World:
    def __init__(self, server, args):
        self.port = server.imaps if args.tls else server.imap
        self.tls = ssl._create_unverified_context() if args.tls else None
        self.accounts, self.clients = args.accounts, args.clients
        self.idle, self.over, self.down, self.greeted, self.why = 0, False, False, [], {}
        self.all_idle = asyncio.Event()


async def storm(server, args):
    world = World(server, args)
    idlers = [Idler(world, n) for n in range(args.clients)]
    tasks = [asyncio.create_task(i.run()) for i in idlers]
    await asyncio.wait_for(world.all_idle.wait(), 300)
    worst = 0.0
    for turn in range(args.rounds):
        await asyncio.sleep(1)
        world.idle, world.down, world.greeted, world.why = 0, True, [], {}
        world.all_idle.clear()
        for i in idlers:
            i.refused = i.times = 0
        began = time.monotonic()
        pid = server.kill_worker()
        await asyncio.wait_for(world.all_idle.wait(), 300)
        world.down = False
        times = sorted(i.back - began for i in idlers)
        assert gone(pid)
        print(f"kill {turn + 1}: first greeting after {min(world.greeted) - began:.2f} s, idle again: first {times[0]:.2f} s, half {times[len(times) // 2]:.2f} s, all {times[-1]:.2f} s; "
              f"refused {sum(i.refused for i in idlers)}, tried again {sum(i.times for i in idlers)} {world.why or ''}; CPU of the new worker {cpu(server.pid):.2f} s, "
              f"load {os.getloadavg()[0]:.1f}", flush=True)
        worst = max(worst, times[-1])
    world.over = True
    for t in tasks:
        t.cancel()
    return worst, sum(i.refused for i in idlers)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--clients", type=int, default=2000)
    p.add_argument("--accounts", type=int, default=200)
    p.add_argument("--scheme", default="plain")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--tls", action="store_true")
    p.add_argument("--bound", type=float, default=0, help="the most seconds until all are back")
    args = p.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = Server(args.mansio, (), ["limits.connections_per_account=0", "log.level=warning"])
    try:
        names = "".join(f"u{n}:{PASSWORD}\n" for n in range(args.accounts))
        subprocess.run([server.binary, "--data", server.data, "account", "add", "--file", "-", "--scheme", args.scheme], input=names.encode(), check=True, capture_output=True)
        server.start()
        worst, refused = asyncio.run(storm(server, args))
        fault = server.ended()
        print(f"{args.clients} clients of {args.accounts} accounts ({args.scheme}{', TLS' if args.tls else ''}): all back within {worst:.2f} s, {refused} refused{'; ' + fault if fault else ''}")
        return 1 if fault or refused or (args.bound and worst > args.bound) else 0
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
