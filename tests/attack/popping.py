# SPDX-License-Identifier: Apache-2.0
"""popping: POP3, before and after the login."""
import time

from harness import Raw, attack, cpu, need, pss
from lib.server import PASSWORD


def pop(a, user=None, small=False, timeout=30):
    c = Raw(a.server.pop3, small=small, timeout=timeout)
    if user:
        c.send(f"USER {user}\r\nPASS {PASSWORD}\r\n")
        c.line()
        need(c.line().startswith(b"+OK"), "cannot log in")
    return c


@attack("POP3: lines that do not end, before the login and in AUTH, on 60 connections", cpu=(3, 8), mb=10, wall=30)
def pop3_unfinished(a):
    a.measured_from_here()
    clients = [pop(a) for _ in range(60)]
    for i, c in enumerate(clients):
        if i % 2:
            c.send("AUTH PLAIN\r\n")
            c.line()
        try:
            for _ in range(a.size(10, 100)):
                c.send(b"x" * 65536)
        except OSError:
            pass
    each = (pss(a.server.pid) - a.base) / len(clients)
    a.note(f"each holds {each:.0f} kB")
    need(each < 100, "a line without end is kept")
    for c in clients:
        c.close()


@attack("POP3: 20 clients ask for 100 MB with RETR, pipelined, and never read", cpu=(3, 8), mb=(20, 60), wall=60)
def pop3_deaf(a):
    c = a.raw("alice")
    for i in range(a.size(20, 100)):
        need(c.append(b"Subject: %d\r\n\r\n" % i + b".123456789abcdef\r\n" * 60000) == "OK", "APPEND")
    a.measured_from_here()
    clients = []
    for _ in range(20):
        d = pop(a, "alice", small=True)
        d.send("".join(f"RETR {i + 1}\r\n" for i in range(20)) * 5)
        clients.append(d)
    time.sleep(2)
    each = (pss(a.server.pid) - a.base) / len(clients)
    a.note(f"each holds {each:.0f} kB")
    need(each < 1000, "too much is kept for a client that does not read")
    before = cpu(a.server.pid)
    time.sleep(1)
    need(cpu(a.server.pid) - before < 0.5, "the server works for clients that do not read")
    for d in clients:
        d.close()


@attack("POP3: DELE of all messages from the last to the first, RSET, LIST, again and again, then QUIT", cpu=(6, 25), mb=25, wall=60)
def pop3_deletions(a):
    n = a.size(3000, 20000)
    c = a.raw("alice")
    tags = [c.start("APPEND INBOX {4+}\r\na: b") for _ in range(n)]
    need(c.status(tags[-1]) == "OK", "APPEND")
    a.measured_from_here()
    d = pop(a, "alice")

    def ask(text, answers):
        d.send(text)
        for _ in range(answers):
            need(d.line().startswith(b"+OK"), "an -ERR")
    for _ in range(3):
        for at in range(n, 0, -500):
            ask("".join(f"DELE {i}\r\n" for i in range(at, max(at - 500, 0), -1)), min(500, at))
        ask("RSET\r\n", 1)
    for at in range(n, 0, -500):
        ask("".join(f"DELE {i}\r\n" for i in range(at, max(at - 500, 0), -2)), (min(500, at) + 1) // 2)
    ask("QUIT\r\n", 1)
    c.ok("STATUS INBOX (MESSAGES)")
    need(b"MESSAGES %d)" % (n // 2) in c.seen, "half was to go")


@attack("POP3: wrong commands and wrong passwords without end", cpu=(4, 12), mb=10, wall=60)
def pop3_floods(a):
    for _ in range(a.size(50, 400)):
        c = pop(a, timeout=10)
        try:
            c.send(b"NOOP\r\nXYZZY\r\nRETR 1\r\n\r\n" * 2000)
            need(c.ended(), "it may go on for ever")
        except OSError:
            pass
        c.close()
