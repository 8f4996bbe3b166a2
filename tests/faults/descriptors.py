# SPDX-License-Identifier: Apache-2.0
"""descriptors: none are left. Who is connected is served, who comes waits or is refused, and afterwards all is as before."""
import random
import resource
import shutil
import socket
import threading
import time

from faults.world import BOXES, OK, USERS, World, wait_until
from lib.server import PASSWORD, Server

LIMIT = 64
THREADS, CROWD = 32, 128


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def run(args, folder, errors):
    server = Server(args.mansio, USERS, ["imaps.listen=none", "server.threads=4"], folder=folder)
    server.wrap = ["prlimit", f"--nofile={LIMIT}"]
    world, clients, extra = World(random.Random(5)), {}, []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    try:
        server.start()
        with world.login(server, USERS[0]) as c, world.login(server, USERS[1]) as d:
            c.ok(f"CREATE {BOXES[1]}")
            d.ok(f"CREATE {BOXES[1]}")
        clients = {u: world.login(server, u) for u in USERS}
        for _ in range(3 * LIMIT):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", server.imap))
            extra.append(s)
        time.sleep(0.3)
        before = cpu_of(server.pid)
        for i in range(10):
            for user in USERS:
                if world.change(server, clients, user, "append") != OK or user not in clients:
                    errors.append(f"{user} is not served while no descriptor is left")
                    break
            time.sleep(0.1)
        used = cpu_of(server.pid) - before
        if used > 0.5:
            errors.append(f"{used:.1f} s of CPU in a second of waiting for descriptors")
        for s in extra:
            s.close()
        if not wait_until(lambda: can_login(world, server), 10):
            errors.append("nobody can log in after the others have gone")
        world.look(server, errors)
        if server.stop() or server.crashed():
            errors.append(f"it ended badly: {server.crashed() or server.log_tail()}")
    finally:
        for c in [*clients.values(), *extra]:
            c.close()
        server.kill()
    served = crowd(args, folder + "-crowd", errors)
    print(f"descriptors: {3 * LIMIT} connections to a server that may have {LIMIT} descriptors; {served} commands with {THREADS} threads and {CROWD}")
    return 2


def talk(port, said, together):
    """A client that logs in and, when all have, asks the store for many things at once; what is said to it that is not OK."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        try:
            f = s.makefile("rb")
            let_in = f.readline().startswith(b"* OK")      # one may be refused
            s.sendall(f'a LOGIN "{USERS[0]}" "{PASSWORD}"\r\n'.encode() if let_in else b"")
            answers = [f.readline()] if let_in else []
            together.wait(30)
            lines = ["SELECT INBOX", "STATUS INBOX (MESSAGES)", "SEARCH BODY x", "APPEND INBOX {4+}\r\na: b"] * 10
            for i, line in enumerate(lines if let_in else ()):
                s.sendall(f"a{i} {line}\r\n".encode())
            while let_in and (answer := f.readline()):
                answers += [answer] if answer[:1] != b"*" or b"BYE" in answer else []
                if answer.startswith(f"a{len(lines) - 1} ".encode()):
                    break
            said += [a if b" OK" not in a else None for a in answers]
        except (OSError, threading.BrokenBarrierError) as e:
            said.append(repr(e))


def crowd(args, folder, errors):
    """Each thread opens the store for itself when it first needs it: whoever was let in is served all the same."""
    said, together = [], threading.Barrier(CROWD)
    server = Server(args.mansio, USERS, ["imaps.listen=none", f"server.threads={THREADS}"], folder=folder)
    server.wrap = ["prlimit", f"--nofile={CROWD}"]
    try:
        server.start()
        clients = [threading.Thread(target=talk, args=(server.imap, said, together)) for _ in range(CROWD)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        errors.extend([f"with {THREADS} threads: {x}" for x in said if x][:5])
        if server.stop() or server.crashed():
            errors.append(f"it ended badly: {server.crashed() or server.log_tail()}")
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return len([x for x in said if x is None])


def can_login(world, server):
    try:
        world.login(server, USERS[0]).close()
        return True
    except Exception:
        return False
