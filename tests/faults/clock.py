# SPDX-License-Identifier: Apache-2.0
"""clock: the time of day jumps, forward and back, while the server runs and between two starts."""
import os
import random
import re
import struct

from faults.world import BOXES, OK, USERS, World
from lib.server import Server

YEAR = 365 * 86400
JUMPS = [3600, -7200, YEAR, -5 * YEAR, 40 * YEAR, -60 * YEAR, 150 * YEAR, -150 * YEAR, 0]


def run(args, folder, errors):
    file = os.path.join(folder, "clock")
    with open(file, "wb") as f:
        f.write(bytes(8))
    server = Server(args.mansio, USERS, ["imaps.listen=none", "store.grace=1h"], folder=folder, env={"MANSIO_CLOCK": file})
    world = World(random.Random(9))
    try:
        server.start()
        for user in USERS:
            with world.login(server, user) as c:
                c.ok(f"CREATE {BOXES[1]}")
        validity = 0
        for n, jump in enumerate(JUMPS * (3 if args.long else 1)):
            with open(file, "r+b") as f:
                f.write(struct.pack("<q", jump * 1000000))
            if n % 3 == 2:
                if server.stop():
                    errors.append(f"jump to {jump}: it ended badly")
                server.start()
            validity = after_jump(world, server, jump, validity, errors)
        world.look(server, errors)
        r = server.cli("check", check=False)
        if r.returncode or server.crashed():
            errors.append(f"after all: {(r.stdout + r.stderr).decode()[-400:]} {server.crashed()}")
    finally:
        server.kill()
    print(f"clock: {n + 1} jumps")
    return n + 1


def after_jump(world, server, jump, validity, errors):
    clients = {}
    for i in range(12):
        user = USERS[i % 2]
        outcome = world.deliver(server, user) if i % 6 == 5 else world.change(server, clients, user, "append" if i < 2 else None)
        if outcome != OK and any(world.have[user].values()):
            errors.append(f"jump to {jump}: a change is {outcome}")
    c = clients[USERS[0]]
    # The same name again is another mailbox: its UIDVALIDITY must be higher, whatever the clock says (RFC 9051 2.3.1.1).
    c.ok("CREATE Again")
    now = int(re.search(rb"UIDVALIDITY (\d+)", c.ok("STATUS Again (UIDVALIDITY)").one("STATUS").raw).group(1))
    if not validity < now < 1 << 32:
        errors.append(f"jump to {jump}: UIDVALIDITY went from {validity} to {now}")
    c.ok("DELETE Again")
    for c in clients.values():
        errors += c.oracle.faults
        c.close()
    return now
