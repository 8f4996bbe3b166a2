# SPDX-License-Identifier: Apache-2.0
"""full: a disk that really is full. All that is there is served, what makes room works, and the room can be used."""
import random
import time

from faults import namespace
from faults.world import BOXES, OK, USERS, World
from lib.server import Server

SETTINGS = ["imaps.listen=none", "server.threads=4", "store.grace=1h"]


def run(args, folder, errors):
    """In a mount namespace of its own: there, the folder is a small disk."""
    if namespace.here():
        with namespace.Disk(folder, f"size={64 << 20}"):
            return inside(args, folder, errors)
    if namespace.there():
        namespace.again(args, "full", errors)
    else:
        print("full: skipped, no namespaces for an ordinary user here")
    return 0


def inside(args, folder, errors):
    server = Server(args.mansio, USERS, SETTINGS, folder=folder)
    world = World(random.Random(3))
    refused = 0
    try:
        server.start()
        for user in USERS:
            with world.login(server, user) as c:
                c.ok(f"CREATE {BOXES[1]}")
        for n in range(4 if args.long else 2):
            refused += one_round(server, world, errors, n)
        server.stop()
        server.start()      # nor does a new start need space
        world.look(server, errors)
        errors += [f"the log has no event {e}" for e in ("disk_full", "disk_ok") if f" {e} " not in server.log_tail(1000000)]
        r = server.cli("check", check=False)
        if r.returncode or server.crashed():
            errors.append(f"after all: {(r.stdout + r.stderr).decode()[-400:]} {server.crashed()}")
    except RuntimeError as e:
        errors.append(str(e))
    finally:
        server.kill()
    print(f"full: {refused} changes refused for want of space")
    return refused


def fill(server, world, size):
    """Appends until the disk is full; how many came in."""
    n, clients = 0, {}
    text, world.text = world.text, lambda user, _=None: World.text(world, user, size)
    while world.change(server, clients, USERS[0], "append") == OK and n < 2000:
        n += 1
    world.text = text
    for c in clients.values():
        c.close()
    return n


def one_round(server, world, errors, number):
    counts = [fill(server, world, size) for size in (1 << 20, 100000, 3000)]
    world.look(server, errors)
    refused = 3
    with world.login(server, USERS[0]) as c:
        for box in BOXES:
            have = world.have[USERS[0]][box]
            c.ok(f"SELECT {box}")
            gone = sorted(have)[:len(have) // 2]
            # As users do: some one by one, the rest at once.
            for part in [str(u) for u in gone[:5]] + [",".join(map(str, gone[5:]))] * (len(gone) > 5):
                for line in (f"UID STORE {part} +FLAGS.SILENT (\\Deleted)", "EXPUNGE"):
                    a = c.cmd(line)
                    if a.status != "OK":
                        errors.append(f"round {number}: on a full disk {line[:40]} answers {a.status} {a.code} {a.text}")
            world.have[USERS[0]][box] = {u: v for u, v in have.items() if u not in gone}
    world.look(server, errors)
    began = time.monotonic()
    large = 0
    while not large and time.monotonic() - began < 30:
        large = fill(server, world, 1 << 20)
        time.sleep(0 if large else 0.3)
    waited = time.monotonic() - began
    print(f"full: round {number}: {counts} messages of 1 MB, 100 kB, 3 kB until it was full; half expunged; room after {waited:.1f} s, "
          f"then {large} of 1 MB", flush=True)
    if large < max(counts[0] // 4, 5):
        errors.append(f"round {number}: half of the mail is gone, and there was room for {large} large messages")
    return refused
