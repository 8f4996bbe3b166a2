# SPDX-License-Identifier: Apache-2.0
"""held: a server that is held to some gigabytes of address space (RLIMIT_AS), with the settings that it has by default, and an account with as many
sessions as it may have that makes it hold what it can (S18, S21): nobody ends it, and others go on."""
import threading

from harness import attack, need
from lib.imapclient import Lmtp
import memory

LITTLE, MUCH = 5 << 29, 6 << 30     # 2.5 and 6 GB
SESSIONS = 198
# Megabytes: limits.memory_per_account as it is by default, and of each session what is never refused (CHARGE_FREE) and the buffers of its connection.
HELD = 256 + memory.SLACK + SESSIONS * 6 // 10
FORM = {"space": LITTLE, "long": True}


@attack("2.5 GB: 198 sessions of one account with a MULTIAPPEND that does not end", cpu=40, mb=HELD, wall=240, **FORM)
def held_multiappend(a):
    memory.endless(a, SESSIONS, 40)


@attack("2.5 GB: 198 sessions of one account with an unfinished message of 9,900 parts each", cpu=20, mb=HELD, wall=240, **FORM)
def held_unfinished(a):
    memory.unfinished(a, SESSIONS)


@attack("6 GB: 198 sessions of one account send 600 groups of NOTIFY before a literal of 400,000 blanks and parentheses, and keep them", cpu=15, mb=HELD,
        wall=400, space=MUCH, long=True)
def held_notify(a):
    clients = memory.many(a, SESSIONS)
    blanks = b" {800000+}\r\n" + b" (" * 400000
    said = {}
    for c in clients:
        st = c.cmd(b"NOTIFY SET" + b" (mailboxes a (MessageNew MessageExpunge))" * 600 + b" (mailboxes" + blanks + b" NONE)")
        said[st] = said.get(st, 0) + 1
        need(st in ("OK", "NO", "BAD"), f"NOTIFY answered {st}")
    a.note(f"with the literal {said}")
    said = {}
    memory.in_all(clients, b"NOTIFY SET" + b" (mailboxes a (MessageNew MessageExpunge))" * 600, said)
    a.note(f"without {said}")
    memory.rest(a, clients)


@attack("2.5 GB: SORT, THREAD and kept results in 198 sessions of one account, 20,000 mails", cpu=60, mb=HELD, wall=900, wait=3, **FORM)
def held_sort(a):
    memory.fill_threads(a, 80)
    clients = memory.many(a, SESSIONS)
    said = {}
    for c in clients:
        c.ok("SELECT INBOX")
    for line in ("UID SORT (REVERSE SUBJECT FROM TO CC DATE) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL",
                 "UID SORT RETURN (UPDATE COUNT) (SUBJECT FROM TO CC) UTF-8 ALL", "UID SEARCH RETURN (SAVE UPDATE COUNT) NOT KEYWORD x"):
        memory.in_all(clients, line, said)
    a.note(f"{said}")
    need(said.get("OK", 0) > 0, "nobody was served")
    memory.rest(a, clients)


@attack("2.5 GB: contexts, as many as a session may have, in 198 sessions of one account, 20,000 mails of which every second one is flagged", cpu=60, mb=HELD,
        wall=600, wait=3, **FORM)
def held_contexts(a):
    memory.fill_threads(a, 80)
    with a.raw("alice", timeout=60) as c:
        c.ok("SELECT INBOX")
        c.ok("STORE %s +FLAGS.SILENT (\\Flagged)" % ",".join(map(str, range(1, 20001, 2))))
    clients = memory.many(a, SESSIONS)
    said = {}
    for c in clients:
        c.ok("SELECT INBOX")
    for _ in range(8):
        memory.in_all(clients, "SEARCH RETURN (UPDATE COUNT) FLAGGED", said)
    a.note(f"{said}")
    need(said.get("OK", 0) > 0, "nobody was served")
    memory.rest(a, clients)


@attack("2.5 GB: a mail of 3.8 MB with 9,900 parts for 200 recipients, over 8 LMTP connections at once", cpu=40, mb=300, wall=600, wait=3,
        accounts=["bob", "alice"] + [f"r{i}" for i in range(200)], **FORM)
def held_recipients(a):
    text, codes, errors = memory.parts(), {}, []

    def deliver():
        try:
            m = Lmtp(a.server.lmtp, lhlo="x", timeout=400)
            for code, *_ in m.deliver("a@b", [f"r{i}" for i in range(200)], text):
                codes[code] = codes.get(code, 0) + 1
            m.close()
        except Exception as e:  # noqa: BLE001
            errors.append(f"{type(e).__name__} {e}")
    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    a.note(f"{codes}")
    need(not errors and set(codes) <= {250, 452} and codes.get(250), f"{errors} {codes}")
    memory.rest(a, [])
