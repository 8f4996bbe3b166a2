# SPDX-License-Identifier: Apache-2.0
"""scenarios: what is measured, and how a scenario runs on each server in turn.

Every scenario gives each server the same bytes. A failure costs that server's cell only; the table names it.
"""
import imaplib
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

from servers import PASSWORD, Dovecot

POPPED = 1000  # mails in the mailbox that POP3 fetches
THUNDERBIRD = ("(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References "
               "Newsgroups In-Reply-To Content-Type Reply-To)])")
APPLE = ("(INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to references "
         "x-priority x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe)])")
ROUNDCUBE = ("(UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST "
             "DISPOSITION-NOTIFICATION-TO X-PRIORITY)])")
SELECTED = ("--prelude", "SELECT INBOX")
CHANGES, READS, SIZES, PUSH, MEMORY, MIX = "changes", "reads", "sizes", "push", "memory", "mix"


class Failed(Exception):
    pass


class Commits:
    """A client that changes flags of its own mailbox so many times a second, while it is entered."""

    def __init__(self, server, user, rate):
        self.rate, self.n, self.over = rate, 0, threading.Event()
        self.client = imaplib.IMAP4("127.0.0.1", server.imap)
        self.client.login(user, PASSWORD)
        self.client.select("INBOX")
        self.thread = threading.Thread(target=self.change)

    def change(self):
        began = time.monotonic()
        while not self.over.is_set():
            self.client.store("1", ("-" if self.n % 2 else "+") + "FLAGS.SILENT", "(bench)")
            self.n += 1
            self.over.wait(max(0, began + self.n / self.rate - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.client.logout()


class Popper:
    """A client that fetches by POP3, one command after the other, as mail programs do."""

    def __init__(self, server, user):
        self.sock = socket.create_connection(("127.0.0.1", server.pop3), 30)
        self.file, self.bytes = self.sock.makefile("rb", 1 << 16), 0
        self.answer()
        self.ask(f"USER {user}")
        self.ask(f"PASS {PASSWORD}")

    def answer(self):
        line = self.file.readline()
        if not line.startswith(b"+OK"):
            raise Failed(f"POP3 answered {line[:100]!r}")

    def ask(self, command, lines=False):
        self.sock.sendall(command.encode() + b"\r\n")
        self.answer()
        n = 0
        while lines and (line := self.file.readline()) != b".\r\n":
            n += 1
            self.bytes += len(line)
            if not line:
                raise Failed("the connection ended")
        return n

    def leave(self):
        self.ask("QUIT")
        self.sock.close()


class Bench:
    def __init__(self, servers, folder, load, mix, quick, only, budget_s, minutes):
        self.servers, self.folder, self.load_bin, self.mix_bin = servers, folder, load, mix
        self.quick, self.only, self.seconds = quick, only, budget_s
        self.rows, self.began = [], time.monotonic()
        self.end = self.began + minutes * 60
        self.messages, self.load_before = 0, os.getloadavg()[0]
        self.cold_pages = True      # whether the kernel's page cache could be dropped

    # -- one measurement --

    def load(self, server, *args, port=None, limit=150, binary=None, commits=None):
        """Runs the client; CPU counts from when it says ready until the server is quiet again; with commits, which let it never be, until the client ends."""
        command = [binary or self.load_bin, "--port", str(port or server.imap), *map(str, args)]
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            gated = "--session" not in args
            if gated:
                self.await_ready(p, limit)
            n = commits.n if commits else 0
            before = server.group.cpu_us() if commits else server.group.settle(1.5)
            out, err = p.communicate("\n" if gated else None, timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"not ended after {limit} s") from None
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
        if p.returncode != 0:
            raise Failed(err.strip().splitlines()[-1][:200] if err.strip() else f"the client ended with {p.returncode}")
        result = json.loads(out.strip().splitlines()[-1])
        result["cpu_us"] = (server.group.cpu_us() if commits else server.group.settle()) - before
        result["commits"] = commits.n - n if commits else 0
        if result["refused"] and ("--watch" not in args or server.name == "mansio"):
            raise Failed(f"refused {result['refused']}: {err.strip()[:160]}")
        return result

    @staticmethod
    def await_ready(p, limit):
        if not select.select([p.stdout], [], [], limit)[0]:
            raise subprocess.TimeoutExpired(p.args, limit)
        if p.stdout.readline().strip() != "ready":
            err = p.stderr.read().strip()
            raise Failed(err.splitlines()[-1][:200] if err else "the client ended before it was ready")

    def row(self, group, name, unit, budget, aim, one, servers=None, note=""):
        """ONE(server) returns {"value": ..., more}; a row holds what it gave for each server."""
        if self.only and not any(w.lower() in f"{group} {name}".lower() for w in self.only):
            return
        row = {"group": group, "name": name, "unit": unit, "budget": budget, "aim": aim, "note": note, "servers": {}}
        for server in servers or self.servers:
            if time.monotonic() > self.end:
                row["servers"][server.name] = {"failed": "no time was left"}
                continue
            try:
                row["servers"][server.name] = one(server)
            except Exception as e:      # whatever it is, it costs this cell only  # pylint: disable=broad-exception-caught
                row["servers"][server.name] = {"failed": str(e)[:200] or type(e).__name__}
                self.revive(server)
        finish_row(row)
        self.rows.append(row)
        print(f"[{time.monotonic() - self.began:5.0f} s] " + text_of(row), flush=True)

    def revive(self, server):
        """After a failure the next scenario finds a fresh server."""
        try:
            server.restart()
        except (OSError, RuntimeError, subprocess.SubprocessError) as e:
            print(f"{server.title} does not come back: {e}", file=sys.stderr, flush=True)

    def per_op(self, name, budget, *args, n=1, unit="us", aim=3, group=READS, port="imap", warm=True, seconds=None, count=None, limit=None):
        """CPU of one command, or of the n-th part of one, as many as fit into some seconds."""
        def one(server):
            if warm:
                self.load(server, *args, "--gate", "--count", 2, port=getattr(server, port))
            length = ("--count", count) if count else ("--seconds", seconds or self.seconds)
            extra = ("--count", limit) if limit and not count else ()
            r = self.load(server, *args, "--gate", *length, *extra, port=getattr(server, port))
            return per(r, n, unit)
        self.row(group, name, unit, budget, aim, one)

    def once(self, server, *args):
        return self.load(server, "--gate", "--count", 1, *args)

    # -- filling --

    def fill(self, mails, copies):
        listing = os.path.join(self.folder, "list")
        with open(listing, "w") as f:
            f.writelines(m + "\n" for m in mails)
        self.messages = len(mails) * copies

        def inbox(server):
            r = self.load(server, "--gate", "--list", listing, "--clients", 10, "--depth", 2, "--count", self.messages, limit=400)
            return per(r, 1, "us")
        self.fill_row("APPEND of real mails to one mailbox, 10 clients", inbox)
        users = 60 if self.quick else 1000

        def everybody(server):
            r = self.load(server, "--gate", "--lmtp", "--rcpt", "u%d", "--append", self.sample, "--clients", 20, "--users", users,
                          "--count", 3 * users, port=server.lmtp, limit=400)
            self.load(server, "--session", "--user", "u%d", "--clients", 10, "--users", users, "--count", users, "--prelude", "CREATE Filed")
            return per(r, 1, "us")
        self.fill_row("LMTP, 20 clients, to all users in turn", everybody)

    def fill_row(self, name, one):
        """Filling happens whatever --only says."""
        only, self.only = self.only, None
        self.row(CHANGES, name, "us", 170 if "LMTP" in name else None, 3, one)
        self.only = only
        for server in list(self.servers):
            if "failed" in self.rows[-1]["servers"][server.name]:
                print(f"{server.title} cannot be filled and is left out", file=sys.stderr, flush=True)
                server.close()
                self.servers.remove(server)

    # -- groups of scenarios --

    def run(self):
        # The longest comes late, and what takes the first user's mailbox apart comes last.
        for part in (self.reads, self.pop3, self.cold, self.searches, self.changes, self.push, self.memory, self.sizes, self.mixed):
            part()

    def pop3(self):
        n = self.messages if self.quick else POPPED
        self.row(READS, f"POP3: {n:,} real mails fetched, a mail", "us", None, 3, lambda s: self.popped(s, n, True))
        self.row(READS, f"POP3: a look at a mailbox of {n:,}: login, UIDL, QUIT", "us", None, 3, lambda s: self.popped(s, n, False))

    def popped(self, server, n, fetch):
        """In a mailbox of its own, filled where it is not yet."""
        user, rounds = "u9", 1 if self.quick else 5
        p = Popper(server, user)
        there = p.ask("LIST", True)
        p.leave()
        if there < n:
            self.load(server, "--gate", "--user", user, "--list", os.path.join(self.folder, "list"), "--clients", 4, "--count", n - there)
        self.pop(server, user, n, fetch)        # caches are filled
        before, began, operations, size = server.group.settle(1.5), time.monotonic(), 0, 0
        for _ in range(rounds if fetch else 10 * rounds):
            size += self.pop(server, user, n, fetch)
            operations += n if fetch else 1
        wall = time.monotonic() - began
        cpu = server.group.settle() - before
        return {"value": cpu / operations, "wall": wall * 1e6 / operations, "operations": operations, "bytes": size}

    @staticmethod
    def pop(server, user, n, fetch):
        p = Popper(server, user)
        if p.ask("UIDL", True) < n:
            raise Failed("mails are missing")
        for i in range(1, n + 1 if fetch else 1):
            p.ask(f"RETR {i}", True)
        p.leave()
        return p.bytes

    def reads(self):
        n = self.messages
        self.per_op("login and logout, plain-text test password", 90, "--session", "--clients", 2, warm=False)
        self.per_op("the same with TLS 1.3", 450, "--session", "--tls", "--clients", 2, port="imaps", warm=False)
        self.per_op("NOOP, pipelined", 1.5, *SELECTED, "--command", "NOOP", "--depth", 100)
        self.per_op("SELECT", 28, "--command", "SELECT INBOX")
        self.per_op("STATUS", 8, "--command", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)", "--depth", 10)
        for name, *command in (("SELECT", "SELECT INBOX"), ("STATUS", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)", "--depth", 10)):
            self.row(READS, name + ", 100 commits a second of another account beside it", "us", None, 3,
                     lambda server, command=command: self.beside_commits(server, "--command", *command))
        self.row(READS, "SELECT with QRESYNC, 10 changes", "us", 25, 3, self.qresync)
        self.per_op("FETCH (UID FLAGS), a message", 0.15, *SELECTED, "--command", "FETCH 1:* (UID FLAGS)", n=n)
        self.per_op("list view with ENVELOPE, a message", 1, *SELECTED, "--command", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", n=n)
        self.per_op("list view of Thunderbird, a message", 1.2, *SELECTED, "--command", "UID FETCH 1:* " + THUNDERBIRD, n=n)
        self.per_op("list view of Apple Mail, a message", None, *SELECTED, "--command", "UID FETCH 1:* " + APPLE, n=n)
        self.per_op("list view of Roundcube, its newest page of 50", None, *SELECTED, "--command", f"FETCH {n - 49}:{n} " + ROUNDCUBE, unit="us")
        self.per_op("FETCH BODYSTRUCTURE, a message", 0.6, *SELECTED, "--command", "FETCH 1:* (BODYSTRUCTURE)", n=n)
        self.per_op("all bodies: FETCH 1:* BODY.PEEK[], a message of 5 kB", 15, *SELECTED, "--command", "FETCH 1:* (BODY.PEEK[])", n=n, warm=False)
        one = (*SELECTED, "--command", "UID FETCH %n (BODY.PEEK[])", "--first", 1, "--last", n, "--depth", 4)
        self.per_op("one body a command, 4 under way", None, *one)
        self.per_op("the same over TLS", None, *one, "--tls", port="imaps")

    def beside_commits(self, server, *args):
        """What the commits cost by themselves, in the same time, is taken off."""
        with Commits(server, "u1", 100) as commits:
            self.load(server, *args, "--gate", "--count", 2, commits=commits)
            before, n = server.group.cpu_us(), commits.n
            time.sleep(max(self.seconds, 1))
            each = (server.group.cpu_us() - before) / max(commits.n - n, 1)
            r = self.load(server, *args, "--gate", "--seconds", self.seconds, commits=commits)
        r["cpu_us"] -= each * r["commits"]
        return per(r, 1, "us")

    def qresync(self, server):
        with imaplib.IMAP4("127.0.0.1", server.imap) as c:
            c.login("u0", PASSWORD)
            c.enable("CONDSTORE")
            c.select("INBOX")
            validity, modseq = (int(c.response(code)[1][0]) for code in ("UIDVALIDITY", "HIGHESTMODSEQ"))
            for i in range(10):
                c.uid("STORE", str(1 + i * (self.messages // 10)), "FLAGS.SILENT", f"(bench{i % 2})")
        command = ("--prelude", "ENABLE QRESYNC", "--command", f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
        self.once(server, *command)
        return per(self.load(server, "--gate", *command, "--seconds", self.seconds), 1, "us")

    def cold(self):
        """First access: the server just started, the kernel's page cache dropped where that is allowed; login and SELECT are over. Each server did the
        same once before the restart, so that what it keeps on disk for it is there."""
        if self.quick:
            return
        n = self.messages
        for name, unit, parts, args in (
                ("SELECT", "us", 1, ("--command", "SELECT INBOX")),
                ("STATUS", "us", 1, ("--command", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")),
                ("FETCH (UID FLAGS), a message", "us", n, (*SELECTED, "--command", "FETCH 1:* (UID FLAGS)")),
                ("list view with ENVELOPE, a message", "us", n, (*SELECTED, "--command", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")),
                ("list view of Thunderbird, a message", "us", n, (*SELECTED, "--command", "UID FETCH 1:* " + THUNDERBIRD)),
                ("list view of Apple Mail, a message", "us", n, (*SELECTED, "--command", "UID FETCH 1:* " + APPLE)),
                ("list view of Roundcube, its newest page of 50", "us", 1, (*SELECTED, "--command", f"FETCH {n - 49}:{n} " + ROUNDCUBE)),
                ("FETCH BODYSTRUCTURE, a message", "us", n, (*SELECTED, "--command", "FETCH 1:* (BODYSTRUCTURE)")),
                ("FETCH BODY.PEEK[], 2,000 messages, a message", "us", 2000, (*SELECTED, "--command", "FETCH 5001:7000 (BODY.PEEK[])")),
                ("SEARCH SUBJECT", "ms", 1, (*SELECTED, "--command", "SEARCH SUBJECT perhaps")),
                ("SORT by subject and date", "ms", 1, (*SELECTED, "--command", "SORT (SUBJECT DATE) UTF-8 ALL"))):
            self.row("cold", "first access: " + name, unit, None, 3, lambda s, a=args, p=parts, u=unit: self.first_access(s, a, p, u))

    def first_access(self, server, args, parts, unit):
        self.once(server, *args)
        server.stop()
        subprocess.run(["sync"], check=False)
        try:
            with open("/proc/sys/vm/drop_caches", "w") as f:
                f.write("3\n")
        except OSError:
            self.cold_pages = False
        server.start()
        server.group.settle()
        return per(self.once(server, *args), parts, unit)

    def searches(self):
        for name, budget, command in (("SEARCH UNSEEN SINCE date", 0.5, "SEARCH UNSEEN SINCE 1-Jan-2026"),
                                      ("SEARCH SUBJECT", 8, "SEARCH SUBJECT perhaps"),
                                      ("SEARCH FROM", 8, "SEARCH FROM perhaps"),
                                      ("SEARCH BODY", 250, 'SEARCH BODY "no such words"'),
                                      ("SORT by subject and date", 20, "SORT (SUBJECT DATE) UTF-8 ALL"),
                                      ("THREAD=REFERENCES", 30, "THREAD REFERENCES UTF-8 ALL")):
            self.per_op(name, budget, *SELECTED, "--command", command, unit="ms", warm="BODY" not in name)

    def changes(self):
        n = self.messages
        self.per_op("STORE one message, durable (Dovecot's default does not sync it)", 150, *SELECTED, "--command",
                    "STORE %n FLAGS.SILENT (\\Seen \\Flagged)", "--first", 1, "--last", n, group=CHANGES, aim=2, warm=False, limit=n)
        self.per_op("STORE one message, durable, 50 sent ahead", None, *SELECTED, "--command",
                    "STORE %n FLAGS.SILENT (\\Answered)", "--first", 1, "--last", n, "--depth", 50, group=CHANGES, warm=False, limit=n)
        self.store_synced(n)

        def store(server):
            total = 0
            for sign in "+-":
                total += self.once(server, *SELECTED, "--command", f"STORE 1:* {sign}FLAGS.SILENT (\\Answered)")["cpu_us"]
            return {"value": total / (2 * n)}
        self.row(CHANGES, "STORE 1:*, a message", "us", 0.1, 3, store)
        self.copies(n)
        for clients, aim in ((1, 2), (50, 3)):
            self.per_op(f"durable APPEND of 5 kB, {clients} client{'s' if clients > 1 else ''} at once", 230 if clients == 1 else 120,
                        "--user", "u%d" if clients > 1 else "u1", "--append", self.sample, "--clients", clients, group=CHANGES, aim=aim,
                        warm=False)
        self.per_op("LMTP delivery, 20 clients", 170, "--lmtp", "--rcpt", "u%d", "--users", 50, "--append", self.sample, "--clients", 20,
                    group=CHANGES, port="lmtp", warm=False)

    def store_synced(self, n):
        """Like beside like: Dovecot with a sync for each change, which it makes only when told to. Not counted."""
        peers = [s for s in self.servers if isinstance(s, Dovecot)]
        ours = next((r["servers"].get("mansio") for r in self.rows if r["name"].startswith("STORE one message")), None)

        def one(server):
            if server.name == "mansio":
                if not ours or "value" not in ours:
                    raise Failed("not measured")
                return dict(ours)
            server.set_fsync("always")
            try:
                return per(self.load(server, "--gate", *SELECTED, "--command", "STORE %n FLAGS.SILENT (\\Seen \\Draft)", "--first", 1, "--last", n,
                                     "--seconds", self.seconds, "--count", n), 1, "us")
            finally:
                server.set_fsync("optimized")
        if peers:
            self.row(CHANGES, "STORE one message, durable, Dovecot with mail_fsync=always", "us", None, None, one,
                     servers=[s for s in self.servers if s.name == "mansio"] + peers, note="for comparison, not counted")

    def copies(self, n):
        def copy(server):
            self.once(server, "--command", "CREATE Copy")
            self.once(server, "--command", "CREATE Moved")
            return per(self.once(server, *SELECTED, "--command", "COPY 1:* Copy"), n, "us")

        def move(server):
            return per(self.once(server, "--prelude", "SELECT Copy", "--command", "MOVE 1:* Moved"), n, "us")

        def expunge(server):
            self.once(server, "--prelude", "SELECT Moved", "--command", "STORE 1:* +FLAGS.SILENT (\\Deleted)")
            return per(self.once(server, "--prelude", "SELECT Moved", "--command", "EXPUNGE"), n, "us")
        self.row(CHANGES, "COPY, a message", "us", 1, 3, copy)
        self.row(CHANGES, "MOVE, a message", "us", 2, 3, move)
        self.row(CHANGES, "EXPUNGE, a message", "us", 1.5, 3, expunge)

    def sizes(self):
        """SELECT, STATUS and one message in mailboxes of growing size."""
        if self.only and not any(w in SIZES for w in self.only):
            return
        biggest = 100_000 if self.quick else 1_000_000
        for size in (100, 10_000, 100_000, 1_000_000):
            if size > biggest:
                continue
            box = f"N{size}"
            self.row(SIZES, f"{size:,} messages: grown by COPY, a message", "us", 1, 3, lambda s, z=size: self.grow(s, z))
            self.per_op(f"{size:,} messages: SELECT", 28, "--command", f"SELECT {box}", group=SIZES)
            self.per_op(f"{size:,} messages: STATUS", 8, "--command", f"STATUS {box} (MESSAGES UNSEEN UIDNEXT)", "--depth", 10, group=SIZES)
            self.per_op(f"{size:,} messages: FETCH FLAGS of one by UID", None, "--prelude", f"SELECT {box}", "--command", "UID FETCH %n (FLAGS)",
                        "--first", 1, "--last", size, "--depth", 10, group=SIZES)
        if not self.quick:
            for name, command in (("SELECT", f"SELECT N{biggest}"), ("STATUS", f"STATUS N{biggest} (MESSAGES UNSEEN UIDNEXT)")):
                self.row(SIZES, f"{biggest:,} messages: first access: {name}", "us", None, 3,
                         lambda s, c=command: self.first_access(s, ("--command", c), 1, "us"))

    def grow(self, server, size):
        self.once(server, "--command", f"CREATE N{size}")
        if size <= self.messages:
            prelude, command, times = "SELECT INBOX", f"COPY 1:{size} N{size}", 1
        elif size // 10 >= max(self.messages, 10_000):
            prelude, command, times = f"SELECT N{size // 10}", f"COPY 1:* N{size}", 10
        else:
            prelude, command, times = "SELECT INBOX", f"COPY 1:* N{size}", size // self.messages
        r = self.load(server, "--gate", "--prelude", prelude, "--command", command, "--count", times, limit=300)
        server.group.settle(15)     # what it put off is not the next scenario's
        return per(r, size // times, "us")

    def push(self):
        watchers = 50 if self.quick else 1000
        own = "u%d"
        for rcpt, user, name, count, budget in ((own, own, f"push to one of {watchers:,} idle watchers, median latency", 500, 1),
                                                ("u1", "u1", f"push to {watchers:,} watchers of one mailbox, the last one, median", 15, 10)):
            def one(server, rcpt=rcpt, user=user, count=count):
                r = self.load(server, "--watch", "--lmtp-port", server.lmtp, "--rcpt", rcpt, "--user", user, *SELECTED, "--users",
                              1000, "--append", self.sample, "--clients", watchers, "--count", count, "--seconds", 1 if self.quick else 12, limit=240)
                value = r["p50_us"] if rcpt == own else r["last_us"]
                told = r["operations"] * (1 if rcpt == own else watchers)
                heard = told - r["refused"]
                if heard * 2 < told:
                    raise Failed(f"{r['refused']} of {told} notices did not come within 10 s")
                return {"value": value / 1000, "p99_ms": r["p99_us"] / 1000, "samples": r["operations"], "lost": r["refused"], "told": told,
                        "cpu_us_each": r["cpu_us"] / heard}
            self.row(PUSH, name, "ms", budget, 1, one, note="wall time; server CPU a watcher in brackets")
        self.cpu_of_push()

    def cpu_of_push(self):
        """The CPU of the two rows before, as rows of their own."""
        for row in [r for r in self.rows if r["group"] == PUSH]:
            label = "push to one idle watcher with its delivery, server CPU" if " one of " in row["name"] else "push to a watcher of one mailbox, server CPU"
            new = {"group": PUSH, "name": label, "unit": "us", "budget": None if " one of " in row["name"] else 12, "aim": 3, "note": "",
                   "servers": {k: {"value": v["cpu_us_each"]} if "cpu_us_each" in v else v for k, v in row["servers"].items()}}
            finish_row(new)
            self.rows.append(new)
            print(" " * 10 + text_of(new), flush=True)

    def mixed(self):
        users, operations = (60, 3000) if self.quick else (1000, 15000)

        def one(server):
            r = self.load(server, "--lmtp-port", server.lmtp, "--users", users, "--clients", users // 5, "--receivers", 4, "--operations",
                          operations, "--append", self.sample, "--gate", binary=self.mix_bin, limit=300)
            return {**per(r, 1, "us"), "p99_ms": r["p99_us"] / 1000}
        self.row(MIX, f"a thousand users read, file, delete and receive, an operation" if not self.quick else "mixed load, an operation", "us",
                 None, 3, one)

    # -- memory --

    def memory(self):
        kinds = (("plain", 4, "imap", ()), ("TLS", 18, "imaps", ("--tls",)), ("COMPRESS", 20, "imap", ("--compress",)),
                 ("COMPRESS, after an APPEND of 1 MB", 36, "imap", ("--compress", "--append", self.megabyte)))
        for label, budget, port, args in kinds[:2] if self.quick else kinds:
            self.row(MEMORY, f"memory of an idle connection, {label}", "kB", budget, 40,
                     lambda s, p=port, a=args, l=label: self.hold(s, a, p, l), note="in IDLE, PSS of all processes")
        peers = [s for s in self.servers if isinstance(s, Dovecot)]
        if not peers:
            return
        for label, port, args in (("plain", "imap", ()), ("TLS", "imaps", ("--tls",))):
            row = next((r for r in self.rows if r["name"] == f"memory of an idle connection, {label}"), None)
            ours = row["servers"].get("mansio") if row else None
            self.row(MEMORY, f"memory of an idle connection, {label}, Dovecot with hibernation", "kB", None, 1,
                     lambda s, p=port, a=args, o=ours: self.hibernated(s, a, p, o), note="imap_hibernate_timeout=2s, off by default",
                     servers=[s for s in self.servers if s.name == "mansio"] + peers)

    def hold(self, server, args, port, label):
        own = server.name == "mansio"
        clients = (10000 if own else 400) if not label.startswith("COMPRESS") else (2000 if own else 200)
        clients = 200 if "1 MB" in label else clients // (5 if label == "TLS" and own else 1)
        clients //= 10 if self.quick else 1
        # A fresh process: memory that earlier scenarios gave back to the allocator would hide what a connection takes.
        server.restart() if "COMPRESS" not in label or not isinstance(server, Dovecot) else server.set_compress()
        # The server's own caches are filled, by a few connections at a time.
        users = 50 if self.quick else 1000
        self.load(server, "--session", "--user", "u%d", "--clients", 4, "--users", users, "--count", users, *SELECTED)
        if "1 MB" in label:
            self.load(server, "--gate", "--user", "u%d", "--append", self.megabyte, "--clients", 4, "--count", 40)
        self.holding(server, args, port, 20 if "1 MB" not in label else 2)
        value, took = self.holding(server, args, port, clients)
        return {"value": value, "connections": clients, "cpu_us": took}

    def hibernated(self, server, args, port, ours):
        if server.name == "mansio":
            if not ours or "value" not in ours:
                raise Failed("not measured")
            return dict(ours)
        server.set_hibernate(2)
        try:
            self.load(server, "--session", "--user", "u%d", "--clients", 4, "--users", 400, "--count", 400, *SELECTED)
            value, took = self.holding(server, args, port, 400, wait=8)
        finally:
            server.set_hibernate(0)
        return {"value": value, "connections": 400, "cpu_us": took}

    def holding(self, server, args, port, clients, wait=0):
        server.group.settle()
        before = server.group.pss_kb()
        command = [self.load_bin, "--port", str(getattr(server, port)), "--hold", "--idle", "--clients", str(clients), "--user", "u%d",
                   "--users", "50" if self.quick else "1000", *SELECTED, *map(str, args)]
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            self.await_ready(p, 150)
            time.sleep(1 + wait)
            cpu = server.group.settle()
            used = server.group.pss_kb() - before
            time.sleep(0.2 if self.quick else 2)
            cpu = server.group.cpu_us() - cpu
            p.communicate("\n", timeout=30)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
        server.group.settle()
        return used / clients, cpu / clients / 2


def per(r, n, unit):
    operations = r["operations"] * n
    if operations == 0:
        raise Failed("nothing was done")
    return {"value": r["cpu_us"] / operations / (1000 if unit == "ms" else 1), "wall": r["wall_us"] / operations / (1000 if unit == "ms" else 1),
            "operations": r["operations"], "bytes": r["bytes"], "p50_us": r["p50_us"], "p99_us": r["p99_us"]}


def finish_row(row):
    """The ratio to the better peer, and whether the aim is reached."""
    cells = row["servers"]
    ours = cells.get("mansio", {}).get("value")
    peers = {k: v["value"] for k, v in cells.items() if k != "mansio" and "value" in v}
    row["ratio"] = row["better"] = None
    if ours is not None and peers:
        row["better"] = min(peers, key=peers.get)
        row["ratio"] = peers[row["better"]] / max(ours, 1e-9)
    row["met"] = None if row["ratio"] is None or row["aim"] is None else row["ratio"] >= row["aim"]


def text_of(row):
    cells = " ".join(f"{k} {v['value']:.2f}" if "value" in v else f"{k} FAILED ({v['failed']})" for k, v in row["servers"].items())
    ratio = "" if row["ratio"] is None else f"  {row['ratio']:.1f} times" + (f" (aim {row['aim']})" if row["met"] is False else "")
    budget = "" if row["budget"] is None else f" budget {row['budget']}"
    return re.sub(r"\s+", " ", f"{row['name']}: {cells} {row['unit']}{budget}") + ratio
