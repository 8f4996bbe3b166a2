#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""crash: kills the server at random moments under load, every other time the worker alone, and compares what is there with what was acknowledged (S12)."""
import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Fault, Lmtp, Timeout  # noqa: E402
from lib.server import Dovecot, Server, default_binary  # noqa: E402

BOXES = ["INBOX", "A", "A/B"]
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$k1"]
MOST = 60           # messages of a client; above, it deletes
TROUBLE = (Closed, Timeout, OSError)


class Copy:
    """One message in one mailbox, as its client knows it."""

    def __init__(self, box, uid, mid, flags):
        self.box, self.uid, self.mid, self.flags = box, uid, mid, frozenset(flags)

    def __repr__(self):
        return f"{self.mid} in {self.box} uid {self.uid} {sorted(self.flags)}"


class World:
    """What is true of the whole store, over all restarts."""

    def __init__(self):
        self.lock = threading.Lock()
        self.uids = {}          # (mailbox, uid): id of the message, forever
        self.next_uid = {}
        self.validity = {}
        self.modseq = {}
        self.errors = []
        self.serial = 0
        self.done = 0           # acknowledged changes

    def error(self, text):
        with self.lock:
            if len(self.errors) < 40:
                self.errors.append(text)

    def new_mid(self, who):
        with self.lock:
            self.serial += 1
            return f"m{who}-{self.serial}"

    def saw(self, box, uid, mid):
        with self.lock:
            old = self.uids.setdefault((box, uid), mid)
            if old != mid and len(self.errors) < 40:
                self.errors.append(f"UID {uid} of {box} was {old} and is {mid} now")


def text_of(mid, rng):
    size = rng.choice([10, 200, 3000, 3000, 70000])
    body = (f"The text of {mid}. " * (size // 20 + 1))[:size]
    lines = "\r\n".join(body[i:i + 70] for i in range(0, len(body), 70))
    return f"X-Mid: {mid}\r\nSubject: {mid}\r\nFrom: a@example.org\r\nX-Sum: {len(lines)}\r\n\r\n{lines}\r\n".encode()


class Worker(threading.Thread):
    def __init__(self, world, server, number, seed):
        super().__init__(daemon=True)
        self.world, self.server, self.number = world, server, number
        self.rng = random.Random(seed)
        self.copies = []
        self.delivered = []     # ids acknowledged by LMTP, UID not known yet
        self.pending = None     # (kind, affected copies, created [(mailbox, id, flags)], flags after)
        self.stop = threading.Event()

    def again(self):
        """A new thread with what this one knows."""
        w = Worker(self.world, self.server, self.number, self.rng.random())
        w.copies, w.delivered = self.copies, self.delivered
        return w

    def run(self):
        client = None
        try:
            client = Client(self.server.imap, timeout=30, strict=self.server.strict)
            client.login("alice")
            self.work(client)
        except TROUBLE:
            pass
        except Fault as e:
            self.world.error(f"client {self.number}: {e}")
        finally:
            if client:
                for f in client.oracle.faults:
                    if "ends inside a response" not in f:
                        self.world.error(f"client {self.number}, the oracle: {f}")
                client.close()

    def work(self, client):
        selected = None
        while not self.stop.is_set():
            box = self.rng.choice(BOXES)
            if selected != box and self.rng.random() < 0.3 or selected is None:
                client.ok(f'SELECT "{box}"')
                selected = box
            mine = [c for c in self.copies if c.box == selected]
            if len(self.copies) > MOST and mine:
                self.expunge(client, self.rng.sample(mine, min(len(mine), 5)))
                continue
            kind = self.rng.choices(["append", "burst", "lmtp", "store", "stores", "copy", "move", "moves", "expunge", "noop"], [30, 8, 15, 12, 8, 10, 6, 5, 8, 3])[0]
            some = self.rng.sample(mine, min(len(mine), self.rng.randint(1, 4)))
            if kind == "append":
                self.append(client, box)
            elif kind == "burst":
                self.burst(client, box)
            elif kind == "lmtp" and self.server.lmtp:
                self.deliver()
            elif kind == "noop":
                client.ok("NOOP")
            elif some and kind in ("store", "stores", "copy", "move", "moves", "expunge"):
                getattr(self, kind)(client, some)

    def acked(self):
        self.pending = None
        with self.world.lock:
            self.world.done += 1

    def append(self, client, box):
        mid = self.world.new_mid(self.number)
        flags = self.rng.sample(FLAGS, self.rng.randint(0, 2))
        self.pending = ("append", [], [(box, mid, frozenset(flags))], None)
        a = client.append(box, text_of(mid, self.rng), " ".join(flags), sync=self.rng.random() < 0.3)
        uid = a.code[1][1][0][0]
        self.copies.append(Copy(box, uid, mid, flags))
        self.world.saw(box, uid, mid)
        self.acked()

    def burst(self, client, box):
        """Several APPENDs at once, whose commits overlap: each stands for itself."""
        made = [(box, self.world.new_mid(self.number), frozenset(self.rng.sample(FLAGS, self.rng.randint(0, 2)))) for _ in range(self.rng.randint(2, 12))]
        self.pending = ("burst", [], list(made), None)
        tags = [client.start(f'APPEND "{box}" ({" ".join(flags)}) {{}}', text_of(mid, self.rng)) for _, mid, flags in made]
        for tag, (_, mid, flags) in zip(tags, made):
            a = client.finish(tag)
            if a.status != "OK":
                raise Fault(f"APPEND answered {a.status} {a.code} {a.text}")
            uid = a.code[1][1][0][0]
            self.copies.append(Copy(box, uid, mid, flags))
            self.world.saw(box, uid, mid)
            self.pending[2].remove((box, mid, flags))
            with self.world.lock:
                self.world.done += 1
        self.pending = None

    def deliver(self):
        mid = self.world.new_mid(self.number)
        lmtp = Lmtp(self.server.lmtp, lhlo="client.example", timeout=30)
        try:
            self.pending = ("lmtp", [], [("INBOX", mid, frozenset())], None)
            code, texts = lmtp.deliver("s@example.org", ["alice"], text_of(mid, self.rng))[0]
            if code != 250:
                self.world.error(f"LMTP answered {code} {texts}")
                return
            self.delivered.append(mid)
            self.acked()
        finally:
            lmtp.close()

    @staticmethod
    def set_of(copies):
        return ",".join(str(c.uid) for c in copies)

    def store(self, client, some):
        flags = frozenset(self.rng.sample(FLAGS, self.rng.randint(1, 2)))
        how = self.rng.choice(["+", "-", ""])
        after = {c: c.flags | flags if how == "+" else c.flags - flags if how == "-" else flags for c in some}
        self.pending = ("store", some, [], after)
        client.ok(f"UID STORE {self.set_of(some)} {how}FLAGS.SILENT ({' '.join(flags)})")
        for c in some:
            c.flags = after[c]
        self.acked()

    def stores(self, client, some):
        """Many STOREs at once, each of one message: those that are answered are there, of the others the first ones or none."""
        states, tags = [{c: c.flags for c in some}], []
        for _ in range(self.rng.randint(2, 40)):
            c, flags, how = self.rng.choice(some), frozenset(self.rng.sample(FLAGS, self.rng.randint(0, 2))), self.rng.choice(["+", "-", ""])
            was = states[-1][c]
            states.append(states[-1] | {c: was | flags if how == "+" else was - flags if how == "-" else flags})
            tags.append(f"UID STORE {c.uid} {how}FLAGS.SILENT ({' '.join(flags)})")
        self.pending = ("stores", some, [], states)
        for tag in [client.start(t) for t in tags]:
            a = client.finish(tag)
            if a.status != "OK":
                raise Fault(f"STORE answered {a.status} {a.code} {a.text}")
            del states[0]
            for c in some:
                c.flags = states[0][c]
            with self.world.lock:
                self.world.done += 1
        self.pending = None

    def moves(self, client, some):
        """One by one, all sent at once."""
        target = self.rng.choice([b for b in BOXES if b != some[0].box])
        left, made = list(some), [(target, c.mid, c.flags) for c in some]
        self.pending = ("moves", left, made, None)
        for tag in [client.start(f'UID MOVE {c.uid} "{target}"') for c in some]:
            a = client.finish(tag)
            if a.status != "OK":
                raise Fault(f"MOVE answered {a.status} {a.code} {a.text}")
            new = self.copied(a, left[:1], target, "MOVE")
            self.copies = [c for c in self.copies if c is not left[0]] + new
            del left[0], made[0]
            with self.world.lock:
                self.world.done += 1
        self.pending = None

    def copied(self, a, some, target, where):
        code = a.code[1] if a.code and a.code[0] == "COPYUID" else a.ucode("COPYUID")
        if not code:
            raise Fault(f"{where}: OK without COPYUID")
        flat = [[u for lo, hi in ranges for u in range(lo, hi + 1)] for ranges in code[1:]]
        by_uid = {c.uid: c for c in some}
        out = []
        for source, uid in zip(*flat):
            c = by_uid[source]
            out.append(Copy(target, uid, c.mid, c.flags))
            self.world.saw(target, uid, c.mid)
        if len(out) != len(some):
            raise Fault(f"{where}: COPYUID names {len(out)} of {len(some)} messages")
        return out

    def copy(self, client, some):
        target = self.rng.choice(BOXES)
        self.pending = ("copy", [], [(target, c.mid, c.flags) for c in some], None)
        a = client.ok(f'UID COPY {self.set_of(some)} "{target}"')
        self.copies += self.copied(a, some, target, "COPY")
        self.acked()

    def move(self, client, some):
        target = self.rng.choice([b for b in BOXES if b != some[0].box])
        self.pending = ("move", some, [(target, c.mid, c.flags) for c in some], None)
        a = client.ok(f'UID MOVE {self.set_of(some)} "{target}"')
        new = self.copied(a, some, target, "MOVE")
        self.copies = [c for c in self.copies if c not in some] + new
        self.acked()

    def expunge(self, client, some):
        after = {c: c.flags | {"\\Deleted"} for c in some}
        self.pending = ("store", some, [], after)
        client.ok(f"UID STORE {self.set_of(some)} +FLAGS.SILENT (\\Deleted)")
        for c in some:
            c.flags = after[c]
        self.acked()
        self.pending = ("expunge", some, [], None)
        client.ok(f"UID EXPUNGE {self.set_of(some)}")
        self.copies = [c for c in self.copies if c not in some]
        self.acked()


def look(world, server, rng):
    """{mailbox: {uid: (id, flags)}} of what is there; checks UIDs, UIDNEXT, UIDVALIDITY and whole texts."""
    out = {}
    with Client(server.imap, timeout=60, strict=server.strict) as c:
        c.login("alice")
        for box in BOXES:
            a = c.ok(f'EXAMINE "{box}"')
            validity, following, modseq = a.ucode("UIDVALIDITY"), a.ucode("UIDNEXT"), a.ucode("HIGHESTMODSEQ")
            if world.validity.setdefault(box, validity) != validity:
                world.error(f"UIDVALIDITY of {box} has changed")
            if following < world.next_uid.get(box, 1):
                world.error(f"UIDNEXT of {box} went back from {world.next_uid[box]} to {following}")
            if modseq is not None and modseq < world.modseq.get(box, 0):
                world.error(f"HIGHESTMODSEQ of {box} went back from {world.modseq[box]} to {modseq}")
            world.next_uid[box], world.modseq[box] = following, modseq or 0
            highest = max([u for b, u in world.uids if b == box], default=0)
            if following <= highest:
                world.error(f"UIDNEXT {following} of {box}, but UID {highest} was given out")
            found = c.fetch("1:*", "(FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-Mid)])") if a.one("EXISTS").num else {}
            if len(found) != a.one("EXISTS").num:
                world.error(f"{box}: EXISTS {a.one('EXISTS').num}, but FETCH gives {len(found)}")
            out[box] = {}
            for uid, items in found.items():
                head = next(v for k, v in items.items() if k.startswith("BODY[HEADER"))
                mid = head.decode().split(":")[-1].strip()
                flags = frozenset(x.decode() for x in items["FLAGS"]) - {"\\Recent"}
                out[box][uid] = (mid, flags)
                world.saw(box, uid, mid)
                if uid >= following:
                    world.error(f"{box}: UID {uid} is not below UIDNEXT {following}")
            for uid in rng.sample(sorted(found), min(len(found), 12)):
                body = c.fetch(str(uid), "BODY.PEEK[]")[uid]["BODY[]"]
                total = body.split(b"X-Sum: ")[1].split(b"\r\n")[0] if b"X-Sum: " in body else b"-1"
                if len(body.partition(b"\r\n\r\n")[2]) != int(total) + 2:
                    world.error(f"{box}: the text of UID {uid} is damaged")
        c.logout()
    return out


def compare(world, workers, there):
    """What was acknowledged must be there; what was pending wholly or not at all; nothing else."""
    left = {(box, uid): v for box, found in there.items() for uid, v in found.items()}
    for w in workers:
        kind, affected, created, after = w.pending or (None, [], [], None)
        gone = []
        for c in w.copies:
            here = left.pop((c.box, c.uid), None)
            if here is None:
                if kind in ("move", "moves", "expunge") and c in affected:
                    gone.append(c)
                else:
                    world.error(f"lost: {c} (pending: {kind})")
                    gone.append(c)
                continue
            if here[0] != c.mid:
                world.error(f"{c} is {here[0]} now")
            allowed = [c.flags] + ([after[c]] if kind == "store" and c in affected else [])
            if kind == "stores" and c in affected:
                after = [s for s in after if s[c] == here[1]] or world.error(f"flags of {affected} are none of {after}") or [{c: here[1]}]
                allowed.append(after[0][c])
            if here[1] not in allowed:
                world.error(f"flags of {c} are {sorted(here[1])} (pending: {kind})")
            c.flags = here[1]
        w.copies = [c for c in w.copies if c not in gone]
        for mid in w.delivered:
            take(world, w, left, "INBOX", mid, None, "delivered by LMTP")
        w.delivered = []
        made = [m for m in created if take(world, w, left, m[0], m[1], m[2], None)]
        if kind in ("copy", "move") and len(made) not in (0, len(created)):
            world.error(f"{kind} of {len(created)} messages was done for {len(made)}")
        if kind == "moves" and made != created[:len(made)]:
            world.error(f"moves: {made} of {created}")
        if kind in ("move", "moves") and len(made) != len([c for c in gone if c in affected]):
            world.error(f"move: {len(made)} arrived, {len(gone)} are gone")
        w.pending = None
    for (box, uid), (mid, flags) in left.items():
        world.error(f"nobody knows {mid} in {box}, UID {uid}, {sorted(flags)}")


def take(world, w, left, box, mid, flags, must):
    """Finds one copy of a message that its client has no UID for."""
    known = {(c.box, c.uid) for c in w.copies}
    hits = [k for k, v in left.items() if k[0] == box and v[0] == mid and k not in known]
    if not hits:
        if must:
            world.error(f"lost: {mid}, {must}")
        return False
    # Two copies of one message may have been copied together, with flags of their own: each finds its own.
    hits.sort(key=lambda k: flags is not None and left[k][1] != flags)
    if flags is not None and left[hits[0]][1] != flags:
        world.error(f"flags of the unanswered {mid} are {sorted(left[hits[0]][1])} instead of {sorted(flags)}")
    uid = hits[0][1]
    w.copies.append(Copy(box, uid, mid, left.pop(hits[0])[1]))
    return True


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--dovecot", action="store_true", help="try the suite itself, without kills")
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--set", action="append", default=[])
    args = p.parse_args()
    rng = random.Random(args.seed)
    server = Dovecot(["alice"]) if args.dovecot else Server(args.mansio or default_binary(), ["alice"], args.set)
    world = World()
    try:
        run(args, rng, server, world)
    finally:
        if world.errors and not args.dovecot:
            server.own = False
            print(f"the data is kept in {server.folder}")
        server.close()
    for e in world.errors:
        print("FAIL " + e)
    print(f"{args.kills} kills, {world.done} acknowledged changes, {world.serial} messages, {len(world.errors)} errors (seed {args.seed})")
    return 1 if world.errors else 0


def run(args, rng, server, world):
    server.start()
    with Client(server.imap, strict=server.strict) as c:
        c.login("alice")
        for box in BOXES[1:]:
            c.ok(f'CREATE "{box}"')
    workers = [Worker(world, server, i, rng.random()) for i in range(args.clients)]
    for kill in range(args.kills):
        workers = [w.again() for w in workers] if kill else workers
        for w in workers:
            w.start()
        time.sleep(rng.choice([0.05, 0.2, 0.5, 1.0]) * rng.random() + 0.05)
        if args.dovecot:
            for w in workers:
                w.stop.set()
        elif kill % 2 and server.pid != server.process.pid:
            server.crash_worker()
        else:
            server.kill()
        for w in workers:
            w.join(60)
            if w.is_alive():
                world.error(f"client {w.number} hangs")
        if not server.alive():
            server.start()
        compare(world, workers, look(world, server, rng))
        if len(world.errors) >= 10:
            return
    if not args.dovecot:
        r = server.cli("check", check=False)
        if r.returncode:
            world.error("mansio check (server running): " + (r.stdout + r.stderr).decode(errors="replace")[-600:])
        if fault := server.ended():
            world.error(fault)
        r = server.cli("check", check=False)
        if r.returncode:
            world.error("mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-600:])


if __name__ == "__main__":
    sys.exit(main())
