#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""storm: many sessions of a few accounts do everything at the same moment, by IMAP (in the clear, TLS, COMPRESS; pipelined, cut off, logged out),
POP3 and LMTP. Nobody can say what each answer has to be, but: every command is answered in time, the oracle finds each byte well formed and each
session's view without a contradiction, no step is slow, nothing crashes, and in the end sessions that saw all of it hold what a fresh one sees.

usage: tests/model/storm.py [--mansio PROGRAM] [--seconds N] [--clients N] [--seed N] [--slow N] [-v]
"""
import argparse
import collections
import os
import random
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Fault, Lmtp, Timeout  # noqa: E402
from lib.pop3client import Pop3  # noqa: E402
from lib.server import Server, default_binary  # noqa: E402

ACCOUNTS = ("alice", "bob", "carol")
BOXES = ("INBOX", "a", "b", "a/x", "a/x/y", "c")
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "k1", "k2", "$Junk")
SETTINGS = ("limits.connections_per_account=200", "limits.connections_per_address=2000")
CUT = 0.003         # of the commands, after which the connection is cut
KEYS = ("ALL", "UNSEEN", "KEYWORD k1", "SUBJECT storm", "BODY words", "LARGER 300", "OR SEEN FLAGGED", "NOT DELETED", "MODSEQ 5", "SINCE 1-Jan-2020",
        "HEADER Message-ID m1", "UID 1:20", "1:5", "FUZZY SUBJECT storm", "YOUNGER 9999", "SAVEDATESUPPORTED", "EMAILID M1")
ITEMS = ("FLAGS", "(UID FLAGS)", "(FLAGS ENVELOPE)", "BODYSTRUCTURE", "BODY.PEEK[]", "(BODY.PEEK[TEXT]<3.20> UID)", "BODY[HEADER.FIELDS (Subject From)]",
         "(UID MODSEQ)", "PREVIEW", "(EMAILID THREADID)", "BINARY.PEEK[1]", "RFC822.SIZE", "INTERNALDATE", "FULL", "BODY[1]", "SAVEDATE")


def mail(rng):
    n = rng.randrange(1 << 30)
    body = b"some words of a storm\r\n" * rng.choice((1, 10, 300))
    return (b"From: a%d@example.org\r\nTo: b@example.org\r\nSubject: Re: storm %d\r\nMessage-ID: <m%d@example.org>\r\nReferences: <m%d@example.org>\r\n"
            b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n\r\n" % (n % 7, n % 11, n % 200, n % 13)) + body


# ---- lines ----

def box(rng):
    return rng.choice(BOXES)


def some(rng):
    """A set of messages, numbers or UIDs."""
    return rng.choice(("1:*", "*", "1", "1:5", "2,4,6:9", f"{rng.randint(1, 40)}:{rng.randint(1, 40)}", f"{rng.randint(1, 200)}", "$"))


def flags(rng):
    return "(" + " ".join(sorted(set(rng.choices(FLAGS, k=rng.randint(1, 3))))) + ")"


def keys(rng):
    return " ".join(rng.choices(KEYS, k=rng.choice((1, 1, 2))))


def returning(rng):
    return rng.choice(("", "RETURN () ", "RETURN (SAVE) ", "RETURN (MIN MAX COUNT) ", "RETURN (ALL) ", "RETURN (UPDATE ALL) ", "RETURN (CONTEXT COUNT) ",
                       "RETURN (PARTIAL 1:10) ", "RETURN (SAVE COUNT) "))


def uid(rng):
    return rng.choice(("", "UID "))


def store(rng):
    what = rng.choice(("FLAGS", "+FLAGS", "-FLAGS", "+FLAGS.SILENT", "-FLAGS.SILENT"))
    since = rng.choice(("", "", "", f"(UNCHANGEDSINCE {rng.randint(1, 300)}) "))
    return f"{uid(rng)}STORE {some(rng)} {since}{what} {flags(rng)}"


def notify(rng):
    return rng.choice(("NOTIFY NONE", "NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange)) (PERSONAL (MessageNew MessageExpunge MailboxName))",
                       "NOTIFY SET STATUS (SUBTREE a (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
                       "NOTIFY SET (SELECTED-DELAYED (MessageNew (UID FLAGS) MessageExpunge)) (INBOXES (MessageNew MessageExpunge))"))


# (weight, needs a selected mailbox, line)
LINES = (
    (6, False, lambda rng: f"SELECT {box(rng)}"), (2, False, lambda rng: f"EXAMINE {box(rng)}"),
    (1, False, lambda rng: f"SELECT {box(rng)} (CONDSTORE)"), (2, False, lambda rng: f"SELECT {box(rng)} (QRESYNC ({rng.choice((1, 3))} {rng.randint(1, 50)}))"),
    (2, False, lambda rng: f"CREATE {box(rng)}"), (2, False, lambda rng: f"DELETE {box(rng)}"), (2, False, lambda rng: f"RENAME {box(rng)} {box(rng)}"),
    (1, False, lambda rng: f"SUBSCRIBE {box(rng)}"), (1, False, lambda rng: f"UNSUBSCRIBE {box(rng)}"),
    (2, False, lambda rng: rng.choice(('LIST "" "*"', 'LIST "" "%" RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN))', 'LIST (SUBSCRIBED) "" "*"', 'LSUB "" "*"'))),
    (2, False, lambda rng: f"STATUS {box(rng)} (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ SIZE DELETED)"),
    (1, False, lambda rng: rng.choice(('XLIST "" "*"', 'LANGUAGE de', 'LANGUAGE i-default', 'ID ("name" "storm")', "CAPABILITY", "NAMESPACE"))),
    (4, False, lambda rng: "NOOP"), (1, False, notify), (1, False, lambda rng: "ENABLE QRESYNC"), (1, False, lambda rng: "ENABLE CONDSTORE UTF8=ACCEPT"),
    (1, False, lambda rng: f'SETMETADATA {box(rng)} (/private/comment "x{rng.randint(1, 9)}")'), (1, False, lambda rng: f"GETMETADATA {box(rng)} (/private/comment)"),
    (1, False, lambda rng: f"ESEARCH IN (mailboxes ({box(rng)} {box(rng)})) RETURN (COUNT ALL) {keys(rng)}"),
    (8, True, store), (6, True, lambda rng: f"{uid(rng)}FETCH {some(rng)} {rng.choice(ITEMS)}"),
    (1, True, lambda rng: f"UID FETCH {some(rng)} (FLAGS) (CHANGEDSINCE {rng.randint(1, 100)})"),
    (3, True, lambda rng: f"{uid(rng)}COPY {some(rng)} {box(rng)}"), (3, True, lambda rng: f"{uid(rng)}MOVE {some(rng)} {box(rng)}"),
    (3, True, lambda rng: "EXPUNGE"), (2, True, lambda rng: f"UID EXPUNGE {some(rng)}"), (1, True, lambda rng: rng.choice(("CLOSE", "UNSELECT"))),
    (4, True, lambda rng: f"{uid(rng)}SEARCH {returning(rng)}{keys(rng)}"),
    (2, True, lambda rng: f"{uid(rng)}SORT {returning(rng)}({rng.choice(('ARRIVAL', 'SUBJECT', 'REVERSE DATE', 'FROM SIZE'))}) UTF-8 {keys(rng)}"),
    (1, True, lambda rng: f"{uid(rng)}THREAD {rng.choice(('REFERENCES', 'ORDEREDSUBJECT'))} UTF-8 {keys(rng)}"), (1, True, lambda rng: "CHECK"),
    (1, True, lambda rng: f"UIDBATCHES {rng.choice((10, 500, 1000))}"), (1, True, lambda rng: f'CANCELUPDATE "a{rng.randint(1, 90)}"'),
)


class Storm:
    def __init__(self, args):
        self.args, self.end = args, time.monotonic() + args.seconds
        self.server = Server(args.mansio or default_binary(), ACCOUNTS, settings=SETTINGS)
        self.lock, self.faults, self.count, self.closed = threading.Lock(), [], 0, 0
        self.answers = collections.Counter()

    def over(self):
        return time.monotonic() > self.end or bool(self.faults)

    def fault(self, who, text):
        with self.lock:
            self.faults.append(f"{who}: {text}")


class Imap:
    """One client: connections one after the other."""

    def __init__(self, storm, number):
        self.storm, self.number, self.user = storm, number, ACCOUNTS[number % len(ACCOUNTS)]
        self.rng = random.Random(storm.args.seed * 1000 + number)
        self.client, self.trace, self.news = None, [], False

    def note(self, side, data):
        self.trace.append(f"{side} {bytes(data[:400])!r}")
        del self.trace[:-60]

    def connect(self):
        server, tls = self.storm.server, self.rng.random() < 0.2
        self.news = False
        self.client = Client(server.imaps if tls else server.imap, tls=tls, timeout=30 * self.storm.args.slow, trace=self.note)
        self.client.login(self.user)
        if self.rng.random() < 0.3:
            self.client.ok("COMPRESS DEFLATE")
            self.client.link.deflate()
        if self.rng.random() < 0.4:
            self.client.ok("ENABLE QRESYNC")
        self.client.cmd("SELECT INBOX")

    def selected(self):
        return self.client.oracle.mailbox is not None

    def choose(self):
        lines = [x for x in LINES if self.selected() or not x[1]]
        line = self.rng.choices(lines, [x[0] for x in lines])[0][2](self.rng)
        return "NOOP" if self.news and line.startswith(("SELECT", "EXAMINE")) else line

    def append(self):
        mails = [mail(self.rng) for _ in range(self.rng.choice((1, 1, 1, 3)))]
        return self.client.start(f"APPEND {box(self.rng)}" + "".join(f" {flags(self.rng)} {{}}" if self.rng.random() < 0.5 else " {}" for _ in mails), *mails)

    def replace(self):
        return self.client.start(f"{uid(self.rng)}REPLACE {self.rng.randint(1, 30)} {box(self.rng)} {flags(self.rng)} {{}}", mail(self.rng))

    def catenate(self):
        url = f"/{box(self.rng)}/;uid={self.rng.randint(1, 30)}"
        return self.client.start(f'APPEND {box(self.rng)} CATENATE (URL "{url}" TEXT {{}} URL "{url}/;section=TEXT")', mail(self.rng))

    def literal(self):
        """What carries mail."""
        if self.selected() and self.rng.random() < 0.2:
            return self.replace()
        return self.catenate() if self.rng.random() < 0.2 else self.append()

    def idle(self):
        tag = self.client.start("IDLE")
        end = time.monotonic() + self.rng.random() * 0.3
        r = self.client.response()
        while r.kind != "continue":
            if r.kind == "tagged":
                return
            r = self.client.response()
        while time.monotonic() < end:
            try:
                self.client.response(timeout=0.05)
            except Timeout:
                pass
        self.client.send(b"DONE\r\n")
        self.client.finish(tag)

    def burst(self):
        """Several lines ahead of their answers; one by one where news may come between commands, since they might be any command's then."""
        tags = []
        for _ in range(self.rng.choice((1, 1, 2, 4, 12)) if not self.news else 1):
            if self.rng.random() < 0.15:
                tags.append(self.literal())
                continue
            line = self.choose()
            if line.startswith("NOTIFY"):
                if tags:
                    break
                self.news = line != "NOTIFY NONE"
            tags.append(self.client.start(line))
            if self.news:
                break
        return tags

    def once(self):
        if self.client is None:
            self.connect()
        if self.rng.random() < 0.04:
            self.idle()
            return 1
        tags = self.burst()
        if self.rng.random() < CUT * len(tags):
            self.client.close()
            self.client = None
            return len(tags)
        names = {c.tag: c.name for c in self.client.oracle.queue}
        for tag in tags:
            name = names.get(tag, "(answered while it was sent)")
            status = self.client.finish(tag).status
            with self.storm.lock:
                self.storm.answers[name, status] += 1
        self.client.check()
        if self.rng.random() < 0.005:
            self.client.logout()
            self.client = None
        elif self.rng.random() < 0.005:
            self.client.ok("UNAUTHENTICATE")
            self.news = False
            self.client.login(self.user)
        return len(tags)

    def run(self):
        while not self.storm.over():
            try:
                n = self.once()
                with self.storm.lock:
                    self.storm.count += n
            except Closed:
                # Only an announced end is one: the server says BYE when it closes.
                if self.client is not None and not any(b"* BYE" in t.encode() for t in self.trace[-3:]):
                    self.storm.fault(self.name(), "closed without BYE\n" + "\n".join(self.trace[-20:]))
                self.storm.closed += 1
                self.client = None
            except Exception as e:  # pylint: disable=broad-exception-caught
                self.storm.fault(self.name(), f"{type(e).__name__}: {e}\n" + "\n".join(self.trace[-30:]))
                if not isinstance(e, (Fault, Timeout)):
                    traceback.print_exc()

    def name(self):
        return f"client {self.number} ({self.user})"


class Post(Imap):
    """Deliveries."""

    def once(self):
        with Lmtp(self.storm.server.lmtp, lhlo="localhost", timeout=30 * self.storm.args.slow) as c:
            for _ in range(20):
                if self.storm.over():
                    break
                c.deliver("s@example.org", self.rng.sample(ACCOUNTS, self.rng.randint(1, 3)), mail(self.rng))
                time.sleep(0.02)
        return 20


class Pop(Imap):
    """RFC 1939's sessions."""

    def once(self):
        with Pop3(self.storm.server.pop3, timeout=30 * self.storm.args.slow) as c:
            c.login(self.user)
            n = int(c.ok("STAT").split()[1])
            for _ in range(10):
                i = self.rng.randint(1, max(1, n))
                c.cmd(self.rng.choice((f"RETR {i}", f"DELE {i}", f"TOP {i} 3", f"UIDL {i}", f"LIST {i}", "UIDL", "LIST", "RSET", "NOOP")))
            if self.rng.random() < 0.7:
                c.cmd("QUIT")
        return 12


def state(c):
    """What a session holds of the selected mailbox: {uid: flags}."""
    a = c.ok("UID FETCH 1:* (FLAGS)")
    return {r.data["UID"]: frozenset(f for f in r.data["FLAGS"] if str(f).lower() != "\\recent") for r in a.all("FETCH")}


def converge(storm, clients):
    """Those that are connected still, against a fresh session each."""
    n = 0
    for x in clients:
        if type(x) is not Imap or x.client is None:
            continue
        try:
            x.client.cmd("NOTIFY NONE")
            for name in BOXES:
                if x.client.cmd(f"EXAMINE {name}").status != "OK":
                    continue
                with Client(storm.server.imap, timeout=30 * storm.args.slow) as fresh:
                    fresh.login(x.user)
                    fresh.ok(f"EXAMINE {name}")
                    x.client.ok("NOOP")
                    mine, theirs = state(x.client), state(fresh)
                if mine != theirs:
                    storm.fault(x.name(), f"{name}: {sorted(mine.items())[:5]} ... is not {sorted(theirs.items())[:5]} ...")
                n += 1
            x.client.logout()
        except Closed:
            pass
    return n


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--mansio")
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--clients", type=int, default=16)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--slow", type=float, default=1, help="the time an answer may take, times this")
    p.add_argument("-v", action="store_true", help="count the answers")
    args = p.parse_args()
    storm = Storm(args)
    with storm.server:
        clients = [Imap(storm, i) for i in range(args.clients)] + [Post(storm, args.clients)] + [Pop(storm, args.clients + 1 + i) for i in range(2)]
        storm.end = time.monotonic() + args.seconds
        threads = [threading.Thread(target=x.run) for x in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        compared = 0 if storm.faults else converge(storm, clients)
        wrong = storm.server.crashed() or storm.server.ended()
        if wrong:
            storm.faults.append(wrong)
        elif (r := storm.server.cli("check", check=False)).returncode:
            storm.faults.append("check: " + (r.stdout + r.stderr).decode(errors="replace")[-2000:])
    if args.v:
        for name in sorted({n for n, _ in storm.answers}):
            print(f"{name:14} " + " ".join(f"{s} {storm.answers[name, s]}" for s in ("OK", "NO", "BAD") if storm.answers[name, s]))
    for f in storm.faults[:5]:
        print(f)
    print(f"storm: {storm.count} commands of {len(clients)} clients in {args.seconds:.0f} s, {storm.closed} closed by the server, {compared} mailboxes compared, "
          f"{len(storm.faults)} failures")
    return 1 if storm.faults else 0


if __name__ == "__main__":
    sys.exit(main())
