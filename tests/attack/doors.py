# SPDX-License-Identifier: Apache-2.0
"""doors: the rows of the matrix for POP3. Each part returns (attempts, failures)."""
import os
import re
import time

from harness import PASSWORD, Raw, need
from lib.server import TOP, Server

ARGUMENTS = {"AUTH": " NONE", "DELE": " 1", "RETR": " 1", "TOP": " 1 1", "PASS": " x", "USER": " bob"}
TELLS = ("CAPA", "QUIT", "STLS", "USER", "AUTH", "LANG", "UTF8")     # what a stranger may say


def session(server, user=None):
    c = Raw(server.pop3)
    if user:
        c.send(f"USER {user}\r\nPASS {PASSWORD}\r\n")
        need(c.line().startswith(b"+OK") and c.line().startswith(b"+OK"), f"{user} cannot log in")
    return c


def ask(c, line):
    c.send(line + "\r\n")
    return c.line()


def commands():
    with open(os.path.join(TOP, "src/wire/pop3.c"), encoding="utf-8") as f:
        return re.findall(r'^    \{"(\w+)", POP3_\w+,', f.read(), re.M)


def pop3(binary):
    """A stranger gets nothing, alice gets alice's INBOX and nothing else, and who is shut out is out."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice"]) as server:
        with Raw(server.imap, "bob") as bob:
            for mailbox in ("INBOX", "Private"):
                bob.cmd("CREATE Private")
                need(bob.append(b"Subject: secret\r\n\r\nof bob", mailbox) == "OK", "APPEND")
        need(len(commands()) >= 14, "the table of commands was not found")
        for word in commands():
            with session(server) as c:
                got = ask(c, word + ARGUMENTS.get(word, ""))
                tried += 1
                if got.startswith(b"+OK") and word not in TELLS:
                    failures.append(f"a stranger's {word}: {got!r}")
        with session(server, "alice") as c:
            for line in ("STAT", "RETR 1", "TOP 1 9", "LIST 1", "UIDL 1", "DELE 1", "RETR 4294967295", "RETR 4294967297", "RETR -1", "DELE 0", "USER bob",
                         "AUTH PLAIN", "PASS " + PASSWORD, "STLS"):
                got = ask(c, line)
                tried += 1
                if got.startswith(b"+OK") and got.strip() != b"+OK 0 0":
                    failures.append(f"alice's {line}: {got!r}")
        with session(server, "bob") as c:
            if not ask(c, "STAT").startswith(b"+OK 1 "):
                failures.append("bob's INBOX is not what it was, or other mailboxes are in the maildrop")
        with session(server, "bob") as c:
            ask(c, "DELE 1")
            server.cli("account", "set", "bob", "--disabled", "yes")
            tried += 1
            time.sleep(0.2)
            try:
                got = ask(c, "QUIT")
            except ConnectionError:
                got = b""
            if got.startswith(b"+OK"):
                failures.append("a session of an account that was closed goes on")
        server.cli("account", "set", "bob", "--disabled", "no")
        with session(server, "bob") as c:
            if not ask(c, "STAT").startswith(b"+OK 1 "):
                failures.append("what was shut out has deleted")
    return tried, failures


PARTS = (pop3,)
