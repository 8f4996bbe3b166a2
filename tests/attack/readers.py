# SPDX-License-Identifier: Apache-2.0
"""readers: clients that do not read what they asked for, and clients that ask without end (S13)."""
import time

from commands import box
from harness import attack, cpu, need, pss


def big(i):
    return b"Subject: %d\r\n\r\n" % i + b"0123456789abcdef\r\n" * 60000      # 1 MB


@attack("20 clients ask for FETCH 1:* BODY[] of 100 MB and more, and never read", cpu=(3, 8), mb=(45, 90), wall=60)
def deaf(a):
    c = a.raw("alice")
    for i in range(a.size(20, 100)):
        need(c.append(big(i)) == "OK", "APPEND")
    a.measured_from_here()
    clients = []
    for _ in range(a.size(20, 100)):
        d = a.raw("alice", small=True)
        d.ok("SELECT INBOX")
        for _ in range(6):
            d.start("UID FETCH 1:* BODY.PEEK[]")
        clients.append(d)
    time.sleep(2)
    each = (pss(a.server.pid) - a.base) / len(clients)
    a.note(f"{len(clients)} deaf clients hold {each:.0f} kB each")
    need(each < 1500, "too much is kept for a client that does not read")
    before = cpu(a.server.pid)
    time.sleep(1)
    need(cpu(a.server.pid) - before < 0.5, "the server works for clients that do not read")
    need(c.append(b"a: b\r\n\r\nx") == "OK", "APPEND beside them")
    for d in clients:
        d.close()


@attack("IDLE and NOTIFY without reading, while somebody changes all flags again and again", cpu=(6, 25), mb=40, wall=60)
def deaf_idle(a):
    c = a.raw("alice")
    box(c, a.size(2000, 10000))
    clients = []
    for i in range(20):
        d = a.raw("alice", small=True)
        if i % 2:
            d.ok("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge FlagChange))")
        d.ok("SELECT INBOX")
        d.start("IDLE")
        clients.append(d)
    a.measured_from_here()
    for i in range(a.size(20, 100)):
        c.ok(f"STORE 1:* {'+-'[i % 2]}FLAGS.SILENT (\\Flagged x{i % 3})")
    c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    c.ok("EXPUNGE")
    each = (pss(a.server.pid) - a.base) / len(clients)
    a.note(f"each deaf client holds {each:.0f} kB")
    for d in clients:
        d.close()


@attack("commands pipelined without end and answers not read", cpu=(4, 12), mb=40, wall=60)
def pipelines(a):
    clients = []
    for _ in range(10):
        c = a.raw("alice", timeout=1, small=True)
        c.ok("SELECT INBOX")
        for line in (b"n NOOP\r\n", b"l LIST \"\" *\r\n", b"c CAPABILITY\r\n", b"x UNKNOWN\r\n"):
            try:
                for _ in range(a.size(20, 200)):
                    c.send(line * 5000)
            except OSError:
                break
        clients.append(c)
    each = (pss(a.server.pid) - a.base) / len(clients)
    a.note(f"each holds {each:.0f} kB")
    for c in clients:
        c.close()


@attack("wrong commands, ENABLE, ID and UNAUTHENTICATE without end", cpu=(8, 20), mb=10, wall=60)
def nonsense(a):
    c = a.raw("alice")
    n = a.size(3000, 20000)
    for i in range(0, n, 100):
        tags = [c.start(line) for line in ("FOO " + "x" * 500, "ENABLE " + "X " * 300 + "Y", 'ID ("name" "' + "v" * 900 + '")', "FETCH 1 (", "STORE") for _ in range(20)]
        for t in tags:
            need(c.status(t) in ("OK", "NO", "BAD"), "thrown out after login")
    for _ in range(a.size(300, 2000)):
        c.ok("SELECT INBOX")
        c.ok("UNAUTHENTICATE")
        c.ok("LOGIN alice secret")


@attack("60 sessions of one account search all bodies without end, beside another account's search", cpu=(40, 90), mb=(60, 90), wall=90, wait=3.0)
def searchers(a):
    """What is heavy goes in turns between accounts: 60 searchers slow another's search by no more than one does."""
    alice, bob = a.raw("alice"), a.raw("bob")
    mail = lambda i: b"Subject: %d\r\n\r\n" % i + b"words of a mail that nobody looks for %d\r\n" % i * 1500     # noqa: E731
    for c in (alice, bob):
        box(c, a.size(400, 1500), mail)
    a.measured_from_here()

    def search():
        took = []
        for i in range(a.size(5, 9)):
            began = time.monotonic()
            bob.ok(f"SEARCH BODY \"mail that nobody looks for x{i}\"")
            took.append(time.monotonic() - began)
        return sorted(took)[len(took) // 2]

    def beside(sessions):
        clients = []
        for _ in range(sessions):
            c = a.raw("alice")
            c.ok("SELECT INBOX")
            for i in range(200):
                c.start(f"SEARCH BODY \"mail that nobody looks at {i}\"")
            clients.append(c)
        try:
            return search()
        finally:
            for c in clients:
                c.close()
            time.sleep(0.3)

    alone, one, many = search(), beside(1), beside(60)
    a.note(f"alone {alone * 1000:.0f} ms, beside one {one * 1000:.0f}, beside 60 {many * 1000:.0f}")
    need(many <= 1.6 * one + 0.15, "60 searchers slow another's search more than one does")
