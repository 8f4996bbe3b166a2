#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pipeline: the same random commands one after the other and sent ahead: is every answer the same? (RFC 9051 5.5, T86)"""
import argparse
import os
import random
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.server import PASSWORD, Server, default_binary  # noqa: E402
from oracle import Session  # noqa: E402

FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "kw1", "kw2"]
NAMES = ["INBOX", "A", "B", "A/x", "C"]
KINDS = {"plain": [], "condstore": ["ENABLE CONDSTORE"], "qresync": ["ENABLE QRESYNC"], "uidonly": ["ENABLE UIDONLY"], "rev2": ["ENABLE IMAP4rev2"]}


class Wrong(Exception):
    pass


class Line:
    """A client that keeps the bytes of what it is told, answer by answer."""

    def __init__(self, server, account, oracle):
        self.sock = socket.create_connection(("127.0.0.1", server.imap), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.oracle = Session(strict=True) if oracle else None
        self.got, self.tag = b"", 0
        self.answer(b"*")
        self.talk([f"LOGIN {account} {PASSWORD}"], False)

    def answer(self, tag):
        """All lines up to the tagged one."""
        end = re.compile(rb"(?:\A|\r\n)" + re.escape(tag) + rb" [^\r]*\r\n")
        while (m := end.search(self.got)) is None:
            data = self.sock.recv(65536)
            if not data:
                raise Wrong(f"the connection ended: {self.got[-300:]!r}")
            if self.oracle:
                self.oracle.received(data)
            self.got += data
            if self.oracle and self.oracle.faults:
                raise Wrong("; ".join(self.oracle.faults[:5]))
        told, self.got = self.got[:m.end()], self.got[m.end():]
        return told

    def talk(self, commands, ahead, rng=None):
        """The answers; ahead: all is sent before any is read, in random cuts."""
        tags = [b"t%d" % (self.tag + i) for i in range(len(commands))]
        self.tag += len(commands)
        lines = [t + b" " + c.encode() + b"\r\n" for t, c in zip(tags, commands)]
        if self.oracle:
            for line in lines:
                self.oracle.sent(line)
        if not ahead:
            out = []
            for tag, line in zip(tags, lines):
                self.sock.sendall(line)
                out.append(self.answer(tag))
            return out
        data = b"".join(lines)
        while data:
            n = rng.choice([len(data), rng.randint(1, len(data))])
            self.sock.sendall(data[:n])
            data = data[n:]
            if data and rng.random() < 0.3:
                time.sleep(0.001)
        return [self.answer(t) for t in tags]


def flags(rng, least=0):
    return " ".join(rng.sample(FLAGS, rng.randint(least, 3)))


def message_set(rng, uid):
    def one():
        a = rng.randint(1, 14)
        return str(a) if rng.random() < 0.6 else f"{a}:{rng.randint(a, a + 6)}" if rng.random() < 0.9 or not uid else f"{a}:*"
    return ",".join(one() for _ in range(rng.randint(1, 3))) if rng.random() < 0.97 else "$" if rng.random() < 0.5 else "*"


def command(rng, by_uid):
    """One that may overlap, mostly; several in a row are alike."""
    uid = by_uid or rng.random() < 0.6
    u = "UID " if uid else ""
    name = rng.choice(NAMES)
    kind = rng.choices(["store", "copy", "move", "expunge", "uidexpunge", "append", "create", "delete", "rename", "subscribe", "unsubscribe", "metadata", "bad",
                        "fetch", "search", "noop", "status", "list", "select", "close", "unselect", "save"],
                       [40, 8, 10, 5, 5, 12, 4, 4, 2, 3, 2, 2, 2, 3, 2, 2, 3, 2, 4, 1, 1, 1])[0]
    if kind == "store":
        since = f"(UNCHANGEDSINCE {rng.randint(0, 60)}) " if rng.random() < 0.2 else ""
        return f"{u}STORE {message_set(rng, uid)} {since}{rng.choice(['', '+', '-'])}FLAGS{rng.choice(['', '.SILENT'])} ({flags(rng)})"
    if kind in ("copy", "move"):
        return f"{u}{kind.upper()} {message_set(rng, uid)} {name}"
    if kind == "append":
        text = f"Subject: {rng.randint(1, 9)}\r\n\r\nx\r\n"
        return f"APPEND {name} ({flags(rng)}) {{{len(text)}+}}\r\n{text}"
    return {"expunge": "EXPUNGE", "uidexpunge": f"UID EXPUNGE {message_set(rng, True)}", "create": f"CREATE {name}", "delete": f"DELETE {name}",
            "rename": f"RENAME {name} {rng.choice(NAMES)}", "subscribe": f"SUBSCRIBE {name}", "unsubscribe": f"UNSUBSCRIBE {name}",
            "metadata": f'SETMETADATA {name} (/private/comment "{rng.randint(1, 9)}")', "bad": rng.choice(["STORE x", "UID STORE 1 +FLAGS", "COPY 1", "CREATE"]),
            "fetch": f"{u}FETCH 1:* (UID FLAGS)", "search": f"{u}SEARCH DELETED", "noop": "NOOP", "status": f"STATUS {name} (MESSAGES UNSEEN UIDNEXT)",
            "list": 'LIST "" *', "select": f"SELECT {name}", "close": "CLOSE", "unselect": "UNSELECT",
            "save": "UID SEARCH RETURN (SAVE) FLAGGED"}[kind]


def plain(told, high):
    """An answer without what differs between accounts, and without how many messages and which keywords there are (high: and mod-sequences of a mailbox),
    which may be told with an answer before."""
    told = re.sub(rb"\* (\d+ (EXISTS|RECENT)|FLAGS [^\r]*|OK \[PERMANENTFLAGS [^\r]*)\r\n", b"", told)
    told = re.sub(rb"(APPENDUID|COPYUID|UIDVALIDITY) \d+", rb"\1 V", told)
    told = re.sub(rb"MAILBOXID \([^)]*\)", b"MAILBOXID ()", told)
    told = re.sub(rb"bob|alice", b"NAME", told)
    return re.sub(rb" ?\[HIGHESTMODSEQ \d+\]", b"", told) if high else told


def run(server, seed, rounds):
    rng = random.Random(seed)
    kind = list(KINDS)[seed % len(KINDS)]
    # Both oracles would say the same.
    a, b = Line(server, f"alice{seed}", False), Line(server, f"bob{seed}", True)
    setup = [f"CREATE {n}" for n in NAMES[1:3]] + KINDS[kind] + ["SELECT INBOX"]
    for i in range(12):
        setup.append("APPEND INBOX ({}) {{9+}}\r\nA: b{:02}\r\n\r\n".format(flags(rng), i))
    past = []
    for i in range(rounds):
        if not setup:
            by_uid = kind == "uidonly"
            batch = [command(rng, by_uid) for _ in range(rng.choice([1, 2, 5, 20, 100]))]
            if rng.random() < 0.3:  # alike
                batch = [re.sub(r"\d+", str(rng.randint(1, 20)), batch[0]) if "STORE" in batch[0] or "MOVE" in batch[0] else c for c in batch]
        else:
            batch, setup = setup, []
        x, y = a.talk(batch, False), b.talk(batch, True, rng)
        past += zip(batch, x, y)
        for k, (c, s, p) in enumerate(zip(batch, x, y), len(past) - len(batch)):
            if plain(s, True) != plain(p, True):
                told = "\n".join(f"{c!r}\n   alone: {s!r}\n   ahead: {p!r}" for c, s, p in past[max(0, k - 30):k + 5])
                raise Wrong(f"seed {seed} ({kind}), round {i}: {c!r}\n{told}\nis answered alone\n  {plain(s, True)!r}\nand ahead\n  {plain(p, True)!r}")
        # What is there now, and what each knows of it.
        state = ["NOOP", 'LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ DELETED))', "UID FETCH 1:* (UID FLAGS MODSEQ)", "SEARCH ALL" if kind != "uidonly" else "UID SEARCH ALL"]
        x, y = a.talk(state, False), b.talk(state, False)
        for c, s, p in zip(state, x, y):
            if plain(s, False) != plain(p, False):
                told = "\n".join(f"{c!r}\n   alone: {s!r}\n   ahead: {p!r}" for c, s, p in past[-len(batch):])
                raise Wrong(f"seed {seed} ({kind}), round {i}: after\n{told}\n{c} says alone\n  {s!r}\nand ahead\n  {p!r}")
    return len(past)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--mansio", default=None)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--runs", type=int, default=5, help="seeds, one after the other")
    ap.add_argument("--rounds", type=int, default=60)
    args = ap.parse_args()
    seeds = range(args.seed, args.seed + args.runs)
    server = Server(args.mansio or default_binary(), accounts=[f"{n}{s}" for s in seeds for n in ("alice", "bob")])
    server.start()
    try:
        n = sum(run(server, s, args.rounds) for s in seeds)
    except Wrong as e:
        print(e, file=sys.stderr)
        print(f"FAILED; seed {args.seed}", file=sys.stderr)
        return 1
    finally:
        server.close()
    print(f"{n} commands, alone and ahead, seeds {seeds[0]} to {seeds[-1]}: the same answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
