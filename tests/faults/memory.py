# SPDX-License-Identifier: Apache-2.0
"""memory: a limit is reached. The server may end, but what it acknowledged is there, and what it answers is right."""
import os
import random

from faults.world import BOXES, GONE, LOST, USERS, World, wait_until
from lib.imapclient import Fault
from lib.server import Server


def run(args, folder, errors):
    ended, limits = 0, range(24, 140, 4 if args.long else 29)
    for mb in limits:
        here = os.path.join(folder, str(mb))
        os.mkdir(here)
        ended += one_limit(args, here, mb, errors)
    print(f"memory: {len(limits)} limits, {ended} times the server ended")
    return len(limits)


def one_limit(args, folder, mb, errors):
    world, clients, mine = World(random.Random(mb)), {}, []
    server = Server(args.mansio, USERS, ["imaps.listen=none", "server.threads=2"], folder=folder)
    server.start()
    for user in USERS:
        with world.login(server, user) as c:
            c.ok(f"CREATE {BOXES[1]}")
    server.stop()
    server.wrap = ["prlimit", f"--data={mb << 20}"]
    ended = False
    try:
        server.start()
        for i in range(30):
            user = USERS[i % 2]
            world_text = world.text
            world.text = lambda u, _=None, size=(1 << 20) * (i % 9 + 1): World.text(world, u, size)
            outcome = world.change(server, clients, user, "append" if i % 3 == 0 else None)
            world.text = world_text
            if i % 4 == 3 and user in clients:
                read_some(world, clients, user, mine)
            if outcome == LOST:
                break
        ended = bool(wait_until(lambda: not server.alive(), 0.3))
    except RuntimeError:        # not enough to start
        ended = True
    for c in clients.values():
        mine += [f for f in c.oracle.faults if "ends inside a response" not in f]
        c.close()
    server.kill()
    server.wrap = []
    server.start()
    world.look(server, mine)
    r = server.cli("check", check=False)
    if r.returncode:
        mine.append("mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-300:])
    server.kill()
    errors += [f"{mb} MB: {e}" for e in mine]
    return ended


def read_some(world, clients, user, errors):
    c = clients[user]
    try:
        for box in BOXES:
            if c.ok(f'EXAMINE "{box}"').one("EXISTS").num:
                for uid, d in c.fetch("1:*", "(BODY.PEEK[])").items():
                    world.right(user, box, uid, d["BODY[]"], errors)
    except (Fault, *GONE):
        clients.pop(user).close()
