# SPDX-License-Identifier: Apache-2.0
"""before: the version before, for tests of upgrades: a small store, a configuration, and what the program of that time said of both (tests/before/README.md)."""
import hashlib
import imaplib
import json
import os
import re
import sqlite3
import subprocess

from lib.server import TOP

HERE = os.path.join(TOP, "tests", "before")
PAGE_SIZE, APPLICATION = 8192, 1299084143
ACCOUNTS = {"alice": "secret", "bob@example.org": "secret", "Ärger@bücher.example": "secret"}
CRYPT = "hash"      # its password is "pencil", kept as a hash of crypt(3)
DISABLED = "dora"


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


def store(data):
    """Makes the store of before in the folder."""
    os.makedirs(data, mode=0o700, exist_ok=True)
    path = os.path.join(data, "mansio.db")
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.executescript(read("store.sql"))
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    os.chmod(path, 0o600)
    return path


def settings(folder, ports):
    """The configuration of before as text, and what its settings were: name -> value."""
    def put(text):
        for word, value in (("@FOLDER@", folder), ("@IMAP@", ports[0]), ("@IMAPS@", ports[1]), ("@LMTP@", ports[2])):
            text = text.replace(word, str(value))
        return text
    return put(read("mansio.conf")), json.loads(put(read("settings.json")))


def certificate(folder):
    """The files that its section tls names."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "100", "-subj", "/CN=mail.before.example",
                    "-keyout", os.path.join(folder, "key.pem"), "-out", os.path.join(folder, "cert.pem")], check=True, capture_output=True)
    os.chmod(os.path.join(folder, "key.pem"), 0o600)


def mails(port):
    """All mail of the accounts that can log in: account -> mailbox -> [UID, flags, size, SHA-256 of the message] and what the mailbox says of itself."""
    out = {}
    for account, password in ACCOUNTS.items():
        c = imaplib.IMAP4("127.0.0.1", port)
        c.authenticate("PLAIN", lambda _, a=account, p=password: f"\0{a}\0{p}".encode())
        boxes = {}
        for row in c.list()[1]:
            name = re.search(rb'\) "/" (.*)$', row).group(1).decode()
            status = c.status(name, "(MESSAGES UIDVALIDITY UIDNEXT MAILBOXID)")[1][0].decode()
            c.select(name, readonly=True)
            rows = []
            for part in c.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE EMAILID BODY.PEEK[])")[1]:
                if isinstance(part, tuple):
                    head = part[0].decode()
                    flags = sorted(set(re.search(r"FLAGS \(([^)]*)\)", head).group(1).split()) - {"\\Recent"})
                    rows.append([int(re.search(r"UID (\d+)", head).group(1)), flags, int(re.search(r"RFC822.SIZE (\d+)", head).group(1)),
                                 re.search(r"EMAILID \(([^)]*)\)", head).group(1), hashlib.sha256(part[1]).hexdigest()[:16]])
            boxes[name] = [status[status.index("(MESSAGES"):], rows]
        out[account] = boxes
        c.logout()
    return out
