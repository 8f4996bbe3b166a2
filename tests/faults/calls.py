# SPDX-License-Identifier: Apache-2.0
"""calls: the Nth read, write, sync ... of the server's files fails, for N = 1, 2, 3 ... until the run passes without it."""
import copy
import os
import random
import shutil

from faults.world import BOXES, LOST, USERS, World, wait_until
from lib.server import Server

PLANS = ["write:eio", "write:enospc", "write:short", "write:enospc:lasting", "write:eio:lasting", "read:eio", "read:eio:lasting",
         "sync:eio", "sync:eio:lasting", "open:eio", "truncate:eio", "delete:eio", "name:eio"]
CHANGES = 14


def make_store(binary, folder):
    """A store with both accounts and some mail, and what it holds."""
    world = World(random.Random(1))
    server = Server(binary, USERS, ["imaps.listen=none", "server.threads=4"], folder=folder)
    with server:
        clients = {}
        for user in USERS:
            with world.login(server, user) as c:
                c.ok(f"CREATE {BOXES[1]}")
            for _ in range(4):
                assert world.change(server, clients, user, "append") == "ok"
    return world


def one_run(args, base, world, plan, nth, folder, errors):
    """Serves with the fault, then without. False: the fault did not come."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    if os.path.exists(os.path.join(folder, "log")):
        os.unlink(os.path.join(folder, "log"))
    op, *how = plan.split(":")
    text = ":".join([op, str(nth), *how])
    server = Server(args.mansio, (), ["imaps.listen=none", "server.threads=4"], folder=folder, env={"MANSIO_FAULTVFS": text})
    world.rng = random.Random(nth)
    clients, mine = {}, []
    try:
        server.start()
        for i in range(CHANGES):
            user = USERS[i % 2]
            outcome = world.deliver(server, user) if i % 5 == 4 else world.change(server, clients, user)
            if outcome == LOST and not wait_until(server.alive, 0.3):
                break
            if outcome == LOST and world.other:
                break
    except RuntimeError as e:       # it did not start: with its reason, and the next time it does
        if "fault: " not in server.log_tail(100):
            mine.append(f"no start without a fault: {e}")
    if server.crashed():
        mine.append(server.crashed()[:400])
    for c in clients.values():
        mine += c.oracle.faults
        c.close()
    hit = "fault: " in server.log_tail(10000)
    server.kill()
    del server.env["MANSIO_FAULTVFS"]
    try:
        server.start()
        world.look(server, mine)
        r = server.cli("check", check=False)
        if r.returncode:
            mine.append("mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-500:])
        if world.change(server, {}, USERS[0], "append") != "ok":
            mine.append("nothing can be stored after the fault has passed")
    except RuntimeError as e:
        mine.append(f"no start after the fault has passed: {e}")
    server.kill()
    errors += [f"{text}: {e}" for e in mine]
    return hit


def run(args, folder, errors):
    base = os.path.join(folder, "base")
    os.makedirs(base)
    first = make_store(args.mansio, base)
    hits = 0
    for plan in PLANS:
        nth = 1
        while len(errors) < 20:
            if not one_run(args, base, copy.deepcopy(first), plan, nth, os.path.join(folder, "run"), errors):
                break
            hits += 1
            nth += 1 if args.long else max(1, nth * 2 // 3)     # 1 2 3 5 8 13 21 35 58 ...
    print(f"calls: {hits} faults injected", flush=True)
    return hits
