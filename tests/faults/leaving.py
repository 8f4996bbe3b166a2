# SPDX-License-Identifier: Apache-2.0
"""leaving: what POP3's QUIT writes fails (RFC 1939 6): +OK is said when all that was to go is gone, -ERR when something of it is there, and what
nobody deleted stays. Deletions are made in commits of 2,000: whole commits or nothing."""
import os
import re
import shutil

from lib.imapclient import Client, Closed, Timeout
from lib.pop3client import Pop3
from lib.server import Server

PLANS = ["write:enospc", "write:eio", "write:short", "write:eio:lasting", "sync:eio"]
COMMIT, MAILS, KEPT = 2000, 2008, 3     # of them the last three are not deleted
SETTINGS = ["imaps.listen=none", "server.threads=4"]


def make_store(binary, folder):
    server = Server(binary, ("alice",), SETTINGS, folder=folder)
    with server, Client(server.imap) as c:
        c.login("alice")
        for first in range(1, MAILS + 1, 502):
            texts = [b"Subject: %d\r\n\r\n" % n for n in range(first, min(first + 502, MAILS + 1))]
            c.ok("APPEND INBOX" + " {}" * len(texts), *texts)


def leave(server):
    """What QUIT answered; b"": the connection ended first, None: it did not come so far."""
    answer = None
    try:
        p = Pop3(server.pop3, timeout=30)
        p.login("alice")
        p.raw(b"".join(b"DELE %d\r\n" % n for n in range(1, MAILS - KEPT + 1)))
        for _ in range(MAILS - KEPT):
            if not p.answer(b"DELE")[0].startswith(b"+OK"):
                return None
        answer = b""
        answer = p.cmd("QUIT")[0]
    except (Closed, Timeout, OSError):
        pass
    return answer


def is_there(server):
    with Client(server.imap, timeout=20) as c:
        c.login("alice")
        c.ok("SELECT INBOX")
        return re.search(rb"ALL ([0-9:,]+)", c.ok("UID SEARCH RETURN (ALL) ALL").one("ESEARCH").raw).group(1).decode()


def one_run(args, base, plan, nth, folder, seen, errors):
    """False: the fault did not come."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    op, *how = plan.split(":")
    text = ":".join([op, str(nth), *how])
    server = Server(args.mansio, (), SETTINGS, folder=folder, env={"MANSIO_FAULTVFS": text})
    answer, mine = None, []
    try:
        server.start()
        answer = leave(server)
    except RuntimeError as e:
        if "fault: " not in server.log_tail(100):
            mine.append(f"no start without a fault: {e}")
    hit = "fault: " in server.log_tail(10000)
    if server.crashed():
        mine.append(server.crashed()[:400])
    server.kill()
    del server.env["MANSIO_FAULTVFS"]
    server.start()
    left = is_there(server)
    none, some, all_ = f"1:{MAILS}", f"{COMMIT + 1}:{MAILS}", f"{MAILS - KEPT + 1}:{MAILS}"
    may = {None: [none], b"": [none, some, all_], b"+": [all_], b"-": [none, some]}[answer and answer[:1]]
    if left not in may:
        mine.append(f"QUIT answered {answer}, and {left} are there, not {' or '.join(may)}")
    if answer and answer[:1] == b"-" and not re.match(rb"-ERR \[SYS/(TEMP|PERM)\] ", answer):
        mine.append(f"QUIT answered {answer}")
    seen[answer and answer[:1].decode()] = seen.get(answer and answer[:1].decode(), 0) + 1
    r = server.cli("check", check=False)
    if r.returncode:
        mine.append("mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-500:])
    server.kill()
    errors += [f"leaving, {text}: {e}" for e in mine]
    return hit


def run(args, folder, errors):
    base = os.path.join(folder, "base")
    os.makedirs(base)
    make_store(args.mansio, base)
    hits, seen = 0, {}
    for plan in PLANS:
        nth = 1
        while len(errors) < 20 and one_run(args, base, plan, nth, os.path.join(folder, "run"), seen, errors):
            hits += 1
            nth += 1 if args.long else max(1, nth // 3)
    print(f"leaving: {hits} faults injected; QUIT answered +OK {seen.get('+', 0)} times, -ERR {seen.get('-', 0)}, nothing {seen.get('', 0)}", flush=True)
    if not errors and not seen.get("-"):
        errors.append("leaving: no fault came where QUIT writes")
    return hits
