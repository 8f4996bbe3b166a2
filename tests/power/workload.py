# SPDX-License-Identifier: Apache-2.0
"""workload: every command that writes, from several accounts at once. Of each change it notes how long the record was when it was sent
and when it was acknowledged, and what the account looked like afterwards."""
import os
import random
import threading
import traceback

from lib.imapclient import Lmtp
from lib.server import PASSWORD
from power.state import Raw, dump

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded", "k1", "k2", "NonJunk"]
MOST_MESSAGES, MOST_MAILBOXES = 12, 9


class Change:
    """sent, acked: length of the record; before None: the account was not there. loose: done in several commits."""

    def __init__(self, what, sent, acked, state, loose=False):
        self.what, self.sent, self.acked, self.state, self.loose = what, sent, acked, state, loose


class History:
    """What became of one account: its changes one after the other."""

    def __init__(self, user, passwords):
        self.user, self.passwords = user, list(passwords)
        self.changes = []

    def allowed(self, at):
        """What an image may show that was cut where the record had this length: the last change that was acknowledged, and
        those that were under way."""
        last, under_way = None, []
        for c in self.changes:
            if c.acked <= at:
                last = c
            elif c.sent < at:
                under_way.append(c)
        return last, under_way


class Writer(threading.Thread):
    """One client, with its own accounts. users[0] is the one it works in."""

    def __init__(self, bench, number, users, steps, seed):
        super().__init__(daemon=True)
        self.bench, self.number, self.users, self.steps = bench, number, users, steps
        self.rng = random.Random(seed)
        self.error = None
        self.c = None
        self.serial = 0

    # ---- one change ----

    def note(self, what, act, users=None, loose=False):
        users = users or self.users[:1]
        sent = self.bench.length()
        act()
        acked = self.bench.length()
        for user in users:
            h = self.bench.histories[user]
            h.changes.append(Change(what, sent, acked, dump(self.bench.server.imap, user, h.passwords), loose))

    def imap(self, line, accept=("OK",)):
        def act():
            status, text, _ = self.c.answer(line)
            if status not in accept:
                raise RuntimeError(f"{line[:120]!r} answered {status} {text!r}")
        self.note(line[:60] if isinstance(line, str) else line[:60].decode(errors="replace"), act)

    def text(self, size=None):
        self.serial += 1
        size = size or self.rng.choice([20, 300, 3000, 3000, 9000, 60000])
        noise = self.rng.randbytes(size // 2).hex() if self.rng.random() < 0.5 else "The same again. " * (size // 16 + 1)
        lines = "\r\n".join(noise[i:i + 72] for i in range(0, size, 72))
        thread = f"References: <t{self.rng.randint(1, 5)}@x>\r\n" if self.rng.random() < 0.4 else ""
        return (f"Message-ID: <{self.number}.{self.serial}@x>\r\n{thread}Subject: {self.number} {self.serial}\r\n"
                f"From: a@example.org\r\n\r\n{lines}\r\n").encode()

    def literal(self, text, binary=False):
        return (b"~" if binary else b"") + b"{%d+}\r\n" % len(text) + text

    def flags(self):
        return " ".join(self.rng.sample(FLAGS, self.rng.randint(0, 3)))

    # ---- what there is ----

    def boxes(self):
        out = self.c.ok('LIST "" *').decode().splitlines()
        return [x.rsplit(" ", 1)[1] for x in out if "\\Noselect" not in x]

    def uids(self):
        got = self.c.ok("UID SEARCH ALL").decode()
        return [int(w) for line in got.splitlines() if line.startswith("* SEARCH") for w in line.split()[2:]]

    def select(self):
        name = self.rng.choice(self.boxes()[:4])
        self.c.ok(f"SELECT {name}")
        return name, self.uids()

    def some(self, uids):
        return ",".join(str(u) for u in self.rng.sample(uids, min(len(uids), self.rng.randint(1, 4))))

    # ---- the commands ----

    def append(self):
        date = ' "01-Feb-2020 10:00:00 +0100"' if self.rng.random() < 0.2 else ""
        binary = self.rng.random() < 0.2
        box = self.rng.choice(self.boxes()[:4])
        self.imap(f"APPEND {box} ({self.flags()}){date} ".encode() + self.literal(self.text(), binary))

    def big(self):
        self.imap(b"APPEND INBOX " + self.literal(self.text(self.rng.choice([400000, 1500000]))))

    def multiappend(self):
        parts = b"".join(f" ({self.flags()}) ".encode() + self.literal(self.text()) for _ in range(self.rng.randint(2, 4)))
        self.imap(b"APPEND INBOX" + parts)

    def catenate(self):
        name, uids = self.select()
        if not uids or "CATENATE" not in self.bench.capabilities:
            return
        url = f'URL "/{name};UIDVALIDITY={self.validity(name)}/;UID={self.rng.choice(uids)}"'
        self.imap(f"APPEND INBOX ({self.flags()}) CATENATE (TEXT ".encode() + self.literal(b"Subject: joined\r\n\r\n") +
                  f" {url})".encode())

    def validity(self, name):
        return int(self.c.ok(f"STATUS {name} (UIDVALIDITY)").split(b"UIDVALIDITY ")[1].split(b")")[0])

    def replace(self):
        _, uids = self.select()
        if uids:
            target = self.rng.choice(self.boxes()[:4])
            self.imap(f"UID REPLACE {self.rng.choice(uids)} {target} ({self.flags()}) ".encode() + self.literal(self.text()))

    def store(self):
        _, uids = self.select()
        if uids:
            how = self.rng.choice(["+", "-", ""])
            silent = self.rng.choice(["", ".SILENT"])
            since = "(UNCHANGEDSINCE 999999) " if self.rng.random() < 0.2 else ""
            self.imap(f"UID STORE {self.some(uids)} {since}{how}FLAGS{silent} ({self.flags() or 'k3'})")

    def copy(self):
        _, uids = self.select()
        if uids:
            self.imap(f"UID COPY {self.some(uids)} {self.rng.choice(self.boxes()[:4])}")

    def move(self):
        name, uids = self.select()
        if uids:
            self.imap(f"UID MOVE {self.some(uids)} {self.rng.choice([b for b in self.boxes()[:4] if b != name])}")

    def expunge(self, most=8):
        _, uids = self.select()
        if not uids:
            return
        self.imap(f"UID STORE {self.some(uids)} +FLAGS.SILENT (\\Deleted)")
        how = self.rng.choice(["EXPUNGE", "CLOSE", f"UID EXPUNGE {uids[0]}:{uids[-1]}"])
        self.imap(how)

    def thin(self):
        for name in self.boxes()[:4]:
            self.c.ok(f"SELECT {name}")
            uids = self.uids()
            if len(uids) > MOST_MESSAGES:
                self.imap(f"UID STORE {','.join(map(str, uids[:-6]))} +FLAGS.SILENT (\\Deleted)")
                self.imap("EXPUNGE")

    def create(self):
        self.serial += 1
        use = " (USE (\\Flagged))" if self.rng.random() < 0.1 else ""
        self.imap(f"CREATE M{self.serial}{self.rng.choice(['', '/sub', '/sub/deep'])}{use}", ("OK", "NO"))

    def rename(self):
        self.serial += 1
        mine = [b for b in self.boxes() if b.startswith("M")]
        source = "INBOX" if not mine or self.rng.random() < 0.15 else self.rng.choice(mine)
        self.imap(f"RENAME {source} M{self.serial}r", ("OK", "NO"))

    def delete(self):
        mine = [b for b in self.boxes() if b.startswith("M")]
        if mine:
            self.imap(f"DELETE {self.rng.choice(mine)}", ("OK", "NO"))

    def subscribe(self):
        self.imap(f"{self.rng.choice(['SUBSCRIBE', 'UNSUBSCRIBE'])} {self.rng.choice(self.boxes())}")

    def metadata(self):
        where = self.rng.choice(['""', "INBOX", self.rng.choice(self.boxes())])
        entry = self.rng.choice(["/private/comment", "/shared/comment", "/private/vendor/test/x"])
        self.serial += 1
        value = "NIL" if self.rng.random() < 0.3 else f'"value {self.serial}"'
        self.imap(f"SETMETADATA {where} ({entry} {value})", ("OK", "NO"))

    def deliver(self):
        there = [u for u in self.users if self.bench.histories[u].changes[-1].state is not None]
        users = there if self.rng.random() < 0.3 else self.users[:1]
        to = [u + ("+Junk" if self.rng.random() < 0.2 else "") for u in users]
        text = self.text()

        def act():
            lmtp = Lmtp(self.bench.server.lmtp, lhlo="client.example", timeout=20)
            answers = lmtp.deliver("s@example.org", to, text)
            lmtp.close()
            if any(code != 250 for code, _ in answers):
                raise RuntimeError(f"LMTP answered {answers}")
        # Several recipients are several commits, perhaps.
        self.note("LMTP to " + " ".join(to), act, users, len(users) > 1)

    def admin(self):
        user = self.users[-1]
        if user != "erin":
            return self.subscribe()
        h = self.bench.histories[user]
        if h.changes[-1].state is None:
            return self.cli(user, h, "user", "add", user, password=PASSWORD)
        if self.rng.random() < 0.4:
            return self.cli(user, h, "user", "delete", user)
        self.serial += 1
        h.passwords.append(f"p{self.serial}")
        return self.cli(user, h, "user", "password", user, password=h.passwords[-1])

    def cli(self, user, h, *args, password=None):
        more = ["--password-stdin", "--scheme", "plain"] if password else []
        stdin = (password or "").encode() + b"\n"
        self.note(" ".join(args), lambda: self.bench.server.cli(*args, *more, stdin=stdin), [user])

    def bring_in(self):
        path = os.path.join(self.bench.folder, f"in{self.number}.eml")
        with open(path, "wb") as f:
            f.write(self.text())
        self.note("import", lambda: self.bench.server.cli("import", "--user", self.users[0], "--quiet", path), loose=True)

    WEIGHTS = {"append": 14, "big": 1, "multiappend": 4, "catenate": 2, "replace": 5, "store": 14, "copy": 8, "move": 8, "expunge": 7,
               "create": 5, "rename": 4, "delete": 4, "subscribe": 4, "metadata": 5, "deliver": 9, "admin": 5, "bring_in": 1}

    def run(self):
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        first = self.rng.sample(names, len(names))     # each at least once
        try:
            with Raw(self.bench.server.imap) as self.c:
                self.c.ok(f'LOGIN "{self.users[0]}" "{PASSWORD}"')
                for i in range(self.steps):
                    name = first[i] if i < len(first) else self.rng.choices(names, weights)[0]
                    if name == "create" and len(self.boxes()) > MOST_MAILBOXES:
                        name = "delete"
                    getattr(self, name)()
                    if i % 10 == 9:
                        self.thin()
        except Exception as e:      # told by the bench
            self.error = f"writer {self.number}: {traceback.format_exc()}"
