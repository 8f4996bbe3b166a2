#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""race: commands of several sessions on the same few messages at the same moment; every tagged answer is checked against what happened
(S24, T84, T106; RFC 2180, RFC 5530 3, RFC 6851 3.3, RFC 8508 3.4).

Nobody can say who comes first, but each answer says what was done, and mailboxes that nobody else writes to show whether that is true."""
import argparse
import collections
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Fault, Timeout  # noqa: E402
from lib.server import Dovecot, Server, default_binary  # noqa: E402
from party import fetches, set_text, uid_of  # noqa: E402
from reference import Wrong, must  # noqa: E402

MESSAGES = 3
COMMANDS = {"store": 4, "silent": 2, "conditional": 1, "copy": 5, "move": 5, "expunge": 5, "replace": 3, "fetch": 2, "look": 1, "delete": 1}


def flat(ranges):
    return [u for low, high in ranges for u in range(low, high + 1)]


def code_of(a, name):
    """A response code of the tagged line, or of an untagged one before it."""
    return a.code[1] if a.code and a.code[0] == name else a.ucode(name)


class Racer:
    """One session, with a mailbox that only it writes to."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.client = Client(world.server.imap, timeout=30, strict=world.server.strict, trace=self.trace)
        self.client.login("alice")
        self.qresync = number % 2 == 1 and b"QRESYNC" in self.client.oracle.caps
        if self.qresync:
            self.client.ok("ENABLE QRESYNC")
        self.mine, self.keyword, self.next = f"to{number}", f"k{number}", 1
        self.client.ok(f"CREATE {self.mine}")

    def trace(self, side, data):
        self.world.log.append(f"{side}{self.number} {bytes(data[:300])!r}")

    def choose(self, rng):
        """What it will send. The numbers are UIDs, too: 1, 2, 3."""
        self.what = rng.choices(list(COMMANDS), COMMANDS.values())[0]
        n = 1 if self.what == "replace" else rng.choice([1, 1, 2, MESSAGES])
        self.uids = sorted(rng.sample(range(1, MESSAGES + 1), n))
        self.by_uid = rng.random() < 0.4
        s, uid = set_text(self.uids), "UID " if self.by_uid else ""
        self.line, self.literals = {
            "store": f"{uid}STORE {s} +FLAGS ({self.keyword})",
            "silent": f"{uid}STORE {s} +FLAGS.SILENT ({self.keyword})",
            "conditional": f"{uid}STORE {s} (UNCHANGEDSINCE {1 << 40}) +FLAGS ({self.keyword})",
            "copy": f"{uid}COPY {s} {self.mine}",
            "move": f"{uid}MOVE {s} {self.mine}",
            "expunge": f"UID EXPUNGE {s}" if self.by_uid else "EXPUNGE",
            "replace": f"{uid}REPLACE {s} {self.mine} {{}}",
            "fetch": f"{uid}FETCH {s} (FLAGS {rng.choice(['BODY.PEEK[]', 'BODY[]'])})",
            "look": rng.choice(["CHECK", "SEARCH ALL", "UID SEARCH ALL"]),
            "delete": f"DELETE {self.world.box}",
        }[self.what], ()
        if self.what == "replace":
            self.literals = (b"Subject: new\r\n\r\nx\r\n",)
        if self.what == "delete":
            self.client.ok("UNSELECT")
        if self.what == "expunge":
            self.client.ok(f"UID STORE {s} +FLAGS.SILENT (\\Deleted)")

    def arrived(self):
        """What came into its mailbox since the last time: {UID: Subject}."""
        self.world.observer.ok(f"EXAMINE {self.mine}")
        a = self.world.observer.ok(f"UID FETCH {self.next}:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        new = {}
        for r in fetches(a):
            if uid_of(r) >= self.next:
                new[uid_of(r)] = next(bytes(v) for k, v in r.data.items() if k.startswith("BODY[")).split()[1].decode()
        self.next = max([*new, self.next - 1]) + 1
        return new

    # the answer

    def check(self, after, deleted):
        """after: {UID: flags} of what is left in the mailbox. Returns what this session took out of it."""
        a, new, left = self.answer, self.arrived(), [u for u in self.uids if u in after]
        self.world.seen[self.what, a.status, a.code[0] if a.code else ""] += 1
        must(not self.client.oracle.faults, "the oracle: " + "; ".join(self.client.oracle.faults[:3]))
        must(a.status in ("OK", "NO"), f"{self.line} answered {a.status} {a.text}")
        if a.status == "NO":
            must(not new, f"{self.line} answered NO, and {new} came into {self.mine}")
            if a.code and a.code[0] == "NONEXISTENT" and (deleted or self.what == "replace"):
                return set()
            must(a.code and a.code[0] == "EXPUNGEISSUED", f"{self.line} answered NO {a.code} {a.text}")
            must(not left, f"{self.line} answered NO [EXPUNGEISSUED], and {left} are there")
            return set()
        return getattr(self, "ok_" + self.what)(after, left, new) or set()

    def told(self, after, left, need):
        """FETCH lines of the named messages that hold what is needed."""
        told = {u for u, r in self.lines() if u in self.uids and need(r.data)}
        must(set(left) <= told, f"{self.line} is OK and tells nothing of {sorted(set(left) - told)}, which are there")
        must(told or self.by_uid, f"{self.line} is OK, and nothing was done")
        return told

    def lines(self):
        """(UID, FETCH line): numbers were UIDs when the command began, and those that went since are counted."""
        numbers = list(range(1, MESSAGES + 1))
        for r in self.answer.untagged:
            if r.name == "EXPUNGE":
                numbers.pop(r.num - 1)
            elif r.name == "VANISHED":
                numbers = [u for u in numbers if not any(low <= u <= high for low, high in r.data["uids"])]
            elif r.name == "FETCH":
                yield r.data.get("UID", numbers[r.num - 1]), r

    def keyworded(self, after, left):
        for u in left:
            must(self.keyword in after[u], f"{self.line} is OK, and UID {u} has {sorted(after[u])}")

    def ok_store(self, after, left, new):
        self.keyworded(after, left)
        self.told(after, left, lambda data: self.keyword.encode() in [bytes(f) for f in data.get("FLAGS", ())])

    ok_conditional = ok_store

    def ok_silent(self, after, left, new):
        self.keyworded(after, left)

    def ok_fetch(self, after, left, new):
        self.told(after, left, lambda data: "BODY[]" in data)

    def ok_copy(self, after, left, new):
        code = code_of(self.answer, "COPYUID")
        if code is None:
            must(self.by_uid and not left and not new, f"{self.line} is OK without COPYUID; left {left}, came {new}")
            return set()
        old, put = flat(code[1]), flat(code[2])
        must(set(left) <= set(old) <= set(self.uids), f"{self.line}: COPYUID names {old}, {left} are there")
        want = {p: f"{self.world.box}-{o}" for o, p in zip(old, put)}
        must(new == want, f"{self.line}: COPYUID says {want}, there came {new}")
        return set(old)

    def ok_move(self, after, left, new):
        must(not left, f"{self.line} is OK, and {left} are still there")
        return self.ok_copy(after, left, new)

    def ok_replace(self, after, left, new):
        must(not left and list(new.values()) == ["new"], f"{self.line} is OK; left {left}, came {new}")
        return set(self.uids)

    def ok_expunge(self, after, left, new):
        for u in left if self.by_uid else after:
            must("\\Deleted" not in after[u], f"{self.line} is OK, and UID {u} is there with \\Deleted")

    def ok_look(self, after, left, new):
        pass

    ok_delete = ok_look


class World:
    def __init__(self, args, server):
        self.server, self.rng = server, random.Random(args.seed)
        self.log, self.round, self.seen = [], 0, collections.Counter()
        self.observer = Client(server.imap, timeout=30, strict=server.strict)
        self.observer.login("alice")
        self.racers = [Racer(self, i) for i in range(args.sessions)]

    def run(self, rounds):
        for self.round in range(1, rounds + 1):
            self.one_round()
        for r in self.racers:
            r.client.cmd("LOGOUT")

    def one_round(self):
        o, self.box = self.observer, f"box{self.round}"
        del self.log[:]
        o.ok(f"CREATE {self.box}")
        for i in range(1, MESSAGES + 1):
            o.append(self.box, f"Subject: {self.box}-{i}\r\n\r\nx\r\n".encode())
        for r in self.racers:
            r.client.ok(f"SELECT {self.box}")
        for r in self.racers:
            r.choose(self.rng)
        for r in self.rng.sample(self.racers, len(self.racers)):
            if r.what != "delete" and self.rng.random() < 0.5:
                r.client.ok("NOOP")
        self.race()
        self.judge()

    def race(self):
        for r in self.rng.sample(self.racers, len(self.racers)):
            if self.rng.random() < 0.3:
                time.sleep(self.rng.random() * 0.0005)
            # Some begin while a change of their own is on its way. (Numbers would be others, where that one's answer tells an expunge.)
            r.before = r.client.start(f"SUBSCRIBE {r.mine}") if r.by_uid and self.rng.random() < 0.5 else None
            r.tag = r.client.start(r.line, *r.literals)
        for r in self.racers:
            told = r.client.finish(r.before).untagged if r.before else []
            r.answer = r.client.finish(r.tag)
            r.answer.untagged = told + r.answer.untagged

    def judge(self):
        o, after = self.observer, {}
        deleted = any(r.what == "delete" for r in self.racers)
        if not deleted:
            o.ok(f"EXAMINE {self.box}")
            after = {uid_of(r): {f.decode() for f in r.data["FLAGS"]} for r in fetches(o.ok("UID FETCH 1:* (FLAGS)"))}
        marked = {u for r in self.racers if r.what == "expunge" for u in r.uids}
        taken = collections.Counter()
        for r in self.racers:
            took = r.check(after, deleted)
            if r.what in ("move", "replace"):
                taken.update(took)
        must(all(n == 1 for n in taken.values()), f"moved or replaced more than once: {dict(taken)}")
        lost = {u for u in range(1, MESSAGES + 1) if u not in after} - set(taken) - marked
        must(deleted or not lost, f"UIDs {sorted(lost)} are gone, and nobody says why")
        if not deleted:
            o.ok("UNSELECT")
            o.ok(f"DELETE {self.box}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--dovecot", action="store_true")
    p.add_argument("--rounds", type=int, default=400)
    p.add_argument("--sessions", type=int, default=4)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("-v", action="store_true", help="how often each command was answered how")
    args = p.parse_args()
    server = Dovecot(["alice"]) if args.dovecot else Server(args.mansio or default_binary(), ["alice"])
    world, began = None, time.monotonic()
    try:
        server.start()
        world = World(args, server)
        world.run(args.rounds)
        if not args.dovecot:
            fault = server.ended()
            must(not fault, fault)
            must(server.cli("check", check=False).returncode == 0, "mansio check is not clean")
    except (Wrong, Fault, Closed, Timeout) as e:
        print("\n".join(world.log[-60:]) if world else "")
        print(f"FAIL seed {args.seed}, round {world.round if world else 0}: {type(e).__name__}: {e}")
        return 1
    finally:
        server.close()
    for (what, status, code), n in sorted(world.seen.items()) if args.v else ():
        print(f"{n:6} {what} {status} {code}")
    print(f"{args.rounds} rounds of {args.sessions} sessions, no answer that is untrue ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
