# SPDX-License-Identifier: Apache-2.0
"""memory: an account that makes the server hold as much as it can, in as many sessions as it may have; mails whose packed form is many times their size
(S18, S21). What is held is bounded by the account's budget (base/budget.h) and given back to the system afterwards."""
import os
import time

from harness import Raw, attack, need, pss
from lib.imapclient import Lmtp

ACCOUNT = ("limits.memory_per_account=48M", "limits.memory=400M")
SLACK = 60  # megabytes beside what is counted: the heap's own loss, each thread's working space


def parts(n=9900, pad=300):
    """Raw bytes in parameters: each becomes three in BODYSTRUCTURE. 3.8 MB."""
    part = b'--b\r\nContent-Type: text/plain; name="' + b"\xe4\xf6\xfc" * (pad // 3) + b'"\r\n\r\nx\r\n'
    return b"Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * n + b"--b--\r\n"


def many(a, n):
    return [a.raw("alice", timeout=60) for _ in range(n)]


def refused(a, clients):
    """Somebody has to be; at most some seconds are waited for that."""
    deadline = time.monotonic() + 5 + a.slow
    while "LIMIT" not in (said := told(clients)) and time.monotonic() < deadline:
        time.sleep(0.2)
    a.note(f"{said}")
    need("LIMIT" in said, "nobody was refused")


def told(clients):
    out = {}
    for c in clients:
        c.sock.settimeout(0.01)
        try:
            while c.more():
                pass
        except OSError:
            pass
        c.sock.settimeout(60)
        said = "LIMIT" if b"NO [LIMIT]" in c.buf else "BYE" if b"BYE" in c.buf else "OK" if b" OK [APPENDUID" in c.buf else "nothing"
        out[said] = out.get(said, 0) + 1
    return out


def given_back(a, within):
    """Megabytes above the beginning, once everybody has gone: what lies in freed heaps goes back within some seconds."""
    deadline = time.monotonic() + a.size(8, 30)
    # What AddressSanitizer keeps is its own.
    within = within if a.slow < 8 else 2 * within
    while True:
        left = (pss(a.server.pid) - a.base) / 1024
        if left < within:
            a.note(f"{left:.0f} MB stay")
            return
        need(time.monotonic() < deadline, f"{left:.0f} MB were not given back")
        time.sleep(0.2)


def rest(a, clients, within=40):
    for c in clients:
        c.close()
    with a.raw("alice") as c:
        c.ok("NOOP")
        c.ok("SELECT INBOX")
        need(c.append(b"Subject: after\r\n\r\nit goes on\r\n") == "OK", "a small APPEND afterwards")
    given_back(a, within)


def unfinished(a, sessions):
    text = parts()
    clients = many(a, sessions)
    for c in clients:
        c.start(b"APPEND INBOX {%d+}" % (len(text) + 1000))
        try:
            c.send(text)
        except OSError:
            pass
    refused(a, clients)
    rest(a, clients)


def endless(a, sessions, rounds):
    """MULTIAPPEND that does not end: some 150 kB a round in each session."""
    clients = many(a, sessions)
    small = b" {3000+}\r\nSubject: s\r\n\r\n" + os.urandom(3000 - 14).replace(b"\0", b"x")
    for c in clients:
        c.send(b"x APPEND INBOX {5+}\r\na: b\r" + small * 5)
    for _ in range(rounds):
        for c in clients:
            try:
                c.send(small * 50)
            except OSError:
                pass
    refused(a, clients)
    rest(a, clients)


def fill_threads(a, batches):
    """INBOX gets 250 mails a batch, with 20 references each."""
    with a.raw("alice", timeout=60) as c:
        one = b" {%d+}\r\n"
        for at in range(batches):
            texts = [b"Subject: %d\r\nMessage-ID: <%d@x>\r\nReferences:%s\r\n\r\nx\r\n" %
                     (i, i, b"".join(b" <%d.%d@y>" % (i, k) for k in range(20))) for i in range(at * 250, at * 250 + 250)]
            need(c.cmd(b"APPEND INBOX" + b"".join(one % len(t) + t for t in texts)) == "OK", "APPEND")


def in_all(clients, line, said):
    """The same command in all of them at once: OK, or NO [LIMIT]."""
    tags = [c.start(line) for c in clients]
    for c, t in zip(clients, tags):
        st = c.status(t)
        need(st == "OK" or (st == "NO" and b"LIMIT" in c.text), f"{line} answered {st} {c.text!r}")
        said[st] = said.get(st, 0) + 1


@attack("60 sessions with an unfinished message of 9,900 parts each", cpu=(8, 20), mb=48 + SLACK, wall=(60, 90), settings=ACCOUNT)
def memory_unfinished(a):
    unfinished(a, a.size(30, 60))


@attack("200 sessions with a MULTIAPPEND that does not end", cpu=(12, 40), mb=48 + SLACK, wall=(60, 120), settings=ACCOUNT)
def memory_multiappend(a):
    endless(a, a.size(60, 198), 10)


@attack("40 mails of 9,900 parts in one MULTIAPPEND", cpu=(8, 12), mb=140, wall=60)
def memory_multiappend_parts(a):
    text = parts(pad=60)
    with a.raw("alice", timeout=60) as c:
        st = c.cmd(b"APPEND INBOX" + (b" {%d+}\r\n" % len(text) + text) * 40)
        a.note(f"answered {st}{c.text.decode()[:20]}")
        need(st == "NO" and b"LIMIT" in c.text, f"{st} {c.text!r}")
        st = c.cmd(b"APPEND INBOX" + (b" {%d+}\r\n" % len(text) + text) * 3)
        need(st == "OK", f"three of them: {st} {c.text!r}")
    rest(a, [])


@attack("a mail of 9,900 parts for 50 (200) recipients over LMTP", cpu=(12, 40), mb=60, wall=(60, 150), wait=1.5, accounts=["bob"] + [f"r{i}" for i in range(200)])
def memory_recipients(a):
    m = Lmtp(a.server.lmtp, lhlo="x", timeout=120)
    names = [f"r{i}" for i in range(a.size(50, 200))]
    for _ in range(a.size(1, 2)):
        codes = {r[0] for r in m.deliver("a@b", names, parts())}
        need(codes == {250}, f"answers {codes}")
    m.close()
    with a.raw("r49") as c:
        c.ok("SELECT INBOX")
        c.ok("FETCH 1 (BODYSTRUCTURE)")
        a.note(f"BODYSTRUCTURE of {c.octets // 1000} kB")
        c.ok("FETCH 1 (BODY.PEEK[9900] BODY.PEEK[HEADER])")
    given_back(a, 40)


@attack("groups of NOTIFY, filters of ESEARCH, items of MessageNew and UPDATE before a literal of blanks, kept or not", cpu=8, mb=40, wall=60)
def memory_rest_of_command(a):
    c = a.raw("alice", timeout=60)
    c.ok("SELECT INBOX")
    blanks = b" {800000+}\r\n" + b" (" * 400000
    for what in (b"NOTIFY SET" + b" (mailboxes a (MessageNew MessageExpunge))" * 600 + b" (mailboxes" + blanks + b" NONE)",
                 b"NOTIFY SET" + b" (subtree (a b) NONE)" * 600 + b" (mailboxes" + blanks + b" NONE)",
                 b"NOTIFY SET (selected (MessageExpunge" + b" MessageNew (UID)" * 4000 + b"))",
                 b"ESEARCH IN (" + b"mailboxes a " * 99 + b"mailboxes" + blanks + b") ALL",
                 b"SEARCH RETURN (" + b"UPDATE (UID) " * 5000 + b"COUNT) ALL",
                 b"FETCH 1 (" + b"RFC822.HEADER.LINES (a) " * 900 + b"UID)",
                 b"FETCH 1 (" + b"BODY.PEEK[HEADER.FIELDS (a)] " * 900 + b"UID)"):
        for _ in range(3):
            st = c.cmd(what)
            need(st in ("OK", "NO", "BAD"), f"{what[:40]!r} answered {st}")
    clients = many(a, a.size(20, 60))
    for d in clients:
        d.ok(b"NOTIFY SET" + b" (mailboxes a (MessageNew MessageExpunge))" * 600)
    rest(a, clients)


@attack("UID REPLACE whose set is read twice, again and again", cpu=12, mb=30, wall=60)
def memory_replace(a):
    with a.raw("alice", timeout=60) as c:
        need(c.append(b"Subject: s\r\n\r\nx\r\n") == "OK", "APPEND")
        c.ok("SELECT INBOX")
        ones = b",".join([b"77"] * 40000)
        for _ in range(a.size(100, 300)):
            need(c.cmd(b"UID REPLACE " + ones + b" {5+}\r\nINBOX {3+}\r\na\r\n") == "NO", "REPLACE of no message")


@attack("SORT, THREAD, SEARCH and kept results in many sessions of a large mailbox", cpu=(30, 60), mb=12 + SLACK, wall=(90, 150),
        settings=("limits.memory_per_account=12M", "limits.memory=400M"))
def memory_sort(a):
    fill_threads(a, a.size(24, 80))
    clients = many(a, 40)
    for c in clients:
        c.ok("SELECT INBOX")
    said = {}
    for line in ("UID SORT RETURN (UPDATE COUNT) (SUBJECT FROM TO CC) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", "UID SORT (REVERSE SUBJECT DATE) UTF-8 ALL"):
        in_all(clients, line, said)
    a.note(f"{said}")
    need(said.get("OK", 0) > 0, "nobody was served")
    rest(a, clients)


@attack("literals of commands, collected in many sessions", cpu=8, mb=48 + SLACK, wall=60, settings=ACCOUNT)
def memory_literals(a):
    clients = many(a, a.size(100, 198))
    for c in clients:
        c.start(b"STATUS {900000+}")
        try:
            c.send(b"x" * 899999)
        except OSError:
            pass
    refused(a, clients)
    rest(a, clients)


@attack("LSUB of subscriptions 60 levels deep that have nothing in common", cpu=(20, 60), mb=20 + SLACK, wall=(60, 120),
        settings=("limits.memory_per_account=12M", "limits.memory=400M"))
def memory_lsub(a):
    with a.raw("alice", timeout=60) as c:
        names = [b"/".join([b"%015d" % i] * 60) for i in range(a.size(600, 3000))]
        tags = [c.start(b"SUBSCRIBE " + name) for name in names]
        need(all(c.status(t) == "OK" for t in tags), "SUBSCRIBE")
        for line in ('LSUB "" %', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" %'):
            st = c.cmd(line)
            need(st == "NO" and b"LIMIT" in c.text, f"{line} answered {st} {c.text!r}")
    rest(a, [])
