# SPDX-License-Identifier: Apache-2.0
"""slow: a client stops reading in the middle of a gigabyte. It costs the server no memory and no snapshot, and nobody waits for it;
when it goes on it gets the rest."""
import hashlib
import os
import random
import socket
import time

from faults.world import BOXES, OK, USERS, World
from lib.server import PASSWORD, Server

MEMORY = 48 << 20       # most that the server may grow by
WAL = 80 << 20


def rss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) << 10


def run(args, folder, errors):
    size, copies = 16 << 20, 64 if args.long else 12
    server = Server(args.mansio, USERS, ["imaps.listen=none"], folder=folder)
    world = World(random.Random(11))
    with server:
        text = b"X-Owner: alice\r\nSubject: large\r\n\r\n" + random.Random(1).randbytes(size // 2).hex().encode() + b"\r\n"
        for user in USERS:
            with world.login(server, user) as c:
                c.ok(f"CREATE {BOXES[1]}")
        with world.login(server, USERS[0]) as c:
            c.append(BOXES[1], text)
            c.ok(f"SELECT {BOXES[1]}")
            for _ in range(copies - 1):
                c.ok(f"UID COPY 1 {BOXES[1]}")
        readers = [start(server) for _ in range(4)]
        before, clients, worst = rss(server.pid), {}, 0
        wal = os.path.join(server.data, "mansio.db-wal")
        most = 0
        for i in range(120):
            began = time.monotonic()
            if world.change(server, clients, USERS[1], "append" if i < 9 else None) != OK:
                errors.append("another client was refused")
            worst = max(worst, time.monotonic() - began)
            most = max(most, os.path.getsize(wal))
        grown = rss(server.pid) - before
        if grown > MEMORY:
            errors.append(f"four readers that wait cost {grown >> 20} MB")
        if most > WAL:
            errors.append(f"the log has grown to {most >> 20} MB")
        if worst > 5:
            errors.append(f"another client waited {worst:.1f} s")
        world.have[USERS[0]] = {b: {} for b in BOXES}
        for s in readers[1:]:
            s.close()
        finish(readers[0], text, copies, errors)
        for c in clients.values():
            c.close()
        if server.stop() or server.crashed():
            errors.append(f"it ended badly: {server.crashed()}")
    print(f"slow: 4 clients stopped in {copies * size >> 20} MB; memory +{max(grown, 0) >> 10} kB, log at most {most >> 10} kB, "
          f"others waited {worst * 1000:.0f} ms at most")
    return 4


def start(server):
    """Asks for everything and reads a few bytes of it."""
    s = socket.create_connection(("127.0.0.1", server.imap), timeout=60)
    s.sendall(f"a LOGIN alice {PASSWORD}\r\nb EXAMINE {BOXES[1]}\r\nc FETCH 1:* (UID BODY.PEEK[])\r\n".encode())
    got = b""
    while b"BODY[] {" not in got:
        got += s.recv(4096)
    return Reader(s, got)


class Reader:
    def __init__(self, sock, got):
        self.sock, self.got = sock, got

    def close(self):
        self.sock.close()


def finish(reader, text, copies, errors):
    """The rest comes, whole."""
    want, n, buf = hashlib.sha1(text).digest(), 0, bytearray(reader.got)
    while True:
        at = buf.find(b"BODY[] {")
        end = buf.find(b"}\r\n", at) if at >= 0 else -1
        size = int(buf[at + 8:end]) if end > 0 else 0
        if end > 0 and len(buf) >= end + 3 + size:
            n += hashlib.sha1(buf[end + 3:end + 3 + size]).digest() == want
            del buf[:end + 3 + size]
            continue
        if end < 0 and b"\r\nc OK" in buf:
            break
        data = reader.sock.recv(1 << 20)
        if not data:
            errors.append("the connection of the slow reader was closed")
            return
        buf += data
    if n != copies:
        errors.append(f"{n} of {copies} messages came whole to the client that had stopped")
    reader.close()
