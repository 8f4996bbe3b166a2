# SPDX-License-Identifier: Apache-2.0
"""logins: parts of the matrix about logging in: what is taken back meanwhile, sessions that have to end, limits on guessing, and answers that must not
tell users apart by their time (S7, S15, S22). Each part returns (attempts, failures)."""
import base64
import hashlib
import hmac
import os
import select
import time

from harness import PASSWORD, Raw, need
from lib.cases import LeftOut
from lib.server import Server

SHA512 = "{CRYPT}$6$saltsalt$sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1"   # of "geheim"


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode())


class Scram:
    """A SCRAM exchange of which the last message can be held back."""

    def __init__(self, c, user, password, mech="SCRAM-SHA-256"):
        self.c, md = c, mech[6:].replace("-", "").lower()
        bare = f"n={user},r=abcdefghijklmnop"
        c.send(b"s AUTHENTICATE " + mech.encode() + b" " + b64("n,," + bare) + b"\r\n")
        line = c.line().strip()
        need(line.startswith(b"+ "), f"SCRAM's first message: {line!r}")
        first = base64.b64decode(line[2:]).decode()
        parts = dict(p.split("=", 1) for p in first.split(","))
        self.iterations, self.salt = int(parts["i"]), base64.b64decode(parts["s"])
        final = "c=biws,r=" + parts["r"]
        salted = hashlib.pbkdf2_hmac(md, password.encode(), self.salt, self.iterations)
        key = hmac.digest(salted, b"Client Key", md)
        sign = hmac.digest(hashlib.new(md, key).digest(), f"{bare},{first},{final}".encode(), md)
        self.last = b64(final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, sign))).decode())

    def end(self):
        self.c.send(self.last + b"\r\n")
        line = self.c.line().strip()
        if not line.startswith(b"+ "):
            return line.split()[1].decode()
        self.c.send(b"\r\n")
        return self.c.status("s")


def changes(server):
    return {"password": lambda name: server.cli("user", "password", name, "--password-stdin", "--scheme", "plain", stdin=b"another\n"),
            "disabled": lambda name: server.cli("user", "set", name, "--disabled", "yes"),
            "deleted": lambda name: server.cli("user", "delete", name)}


def taken_back(binary):
    """Whoever holds back SCRAM's last message, or the answer to it, is not let in to what was changed meanwhile."""
    failures, tried = [], 0
    names = [f"user{i}" for i in range(3)]
    with Server(binary, ["alice", *names]) as server:
        with Raw(server.imap) as c:
            need(Scram(c, "alice", PASSWORD).end() == "OK", "SCRAM does not log in")
        for i, (what, change) in enumerate(changes(server).items()):
            with Raw(server.imap) as c:
                s = Scram(c, names[i], PASSWORD)
                change(names[i])
                st = s.end()
                tried += 1
                if st != "NO" or c.cmd("SELECT INBOX") == "OK":
                    failures.append(f"{what} before SCRAM's last message: {st}")
    return tried, failures


def hashes(binary):
    """Of each hash every state: the right proof, a wrong one, the messages repeated, out of their order, of another exchange, for another hash."""
    failures, tried = [], 0
    keys = ["directory.store.scram_hashes=sha-1 sha-256 sha-512"]
    with Server(binary, (), keys) as server:
        server.stop()
        server.cli("--set", keys[0], "--set", "directory.store.scram_iterations=4096", "account", "add", "alice", "--password-stdin", stdin=PASSWORD.encode() + b"\n")
        server.start()
        for mech in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            for name, how in (("right", lambda s, old: s.last), ("another exchange's", lambda s, old: old), ("twice", lambda s, old: s.last + b"\r\n" + s.last),
                              ("the first again", lambda s, old: b64("n,,n=alice,r=abcdefghijklmnop")), ("empty", lambda s, old: b""),
                              ("cut", lambda s, old: b64(base64.b64decode(s.last)[:-3])), ("of another hash", lambda s, old: b64(base64.b64decode(s.last) + b"AAAA"))):
                with Raw(server.imap) as c, Raw(server.imap) as d:
                    old, s = Scram(d, "alice", PASSWORD, mech).last, Scram(c, "alice", PASSWORD, mech)
                    s.last = how(s, old)
                    st, tried = s.end(), tried + 1
                    if (st == "OK") != (name == "right"):
                        failures.append(f"{mech}, {name}: {st}")
                    if name != "right" and c.cmd("SELECT INBOX") == "OK":
                        failures.append(f"{mech}, {name}: is in")
            with Raw(server.imap) as c:
                tried += 1
                if Scram(c, "alice", "wrong", mech).end() != "NO":
                    failures.append(f"{mech}: a wrong password")
    return tried, failures


def ended(binary):
    """Sessions end at once when the account's password changes (unless the settings say no), it is disabled or deleted: idle ones, those in the middle
    of an answer that the client does not read, those in the middle of a literal."""
    failures, tried = [], 0
    kinds = {"logged in": [], "selected": ["SELECT INBOX"], "IDLE": ["SELECT INBOX"], "reading slowly": ["SELECT INBOX"], "APPEND": []}
    for setting in ("yes", "no"):
        names = ["one", "two", "three"]
        with Server(binary, names, settings=(f"auth.end_sessions={setting}",)) as server:
            for name, (what, change) in zip(names, changes(server).items()):
                with Raw(server.imap, name) as c:
                    for _ in range(4):
                        need(c.append(b"Subject: x\r\n\r\n" + b"y" * 2000000) == "OK", "APPEND")
                clients = {}
                for kind, lines in kinds.items():
                    c = clients[kind] = Raw(server.imap, name, small=kind == "reading slowly", timeout=5)
                    for line in lines:
                        c.ok(line)
                    if kind == "IDLE":
                        c.start("IDLE")
                        c.line()
                    elif kind == "reading slowly":
                        c.start("FETCH 1:* BODY.PEEK[]")
                        time.sleep(0.2)
                    elif kind == "APPEND":
                        c.start("APPEND INBOX {1000+}")
                change(name)
                stay = what == "password" and setting == "no"
                time.sleep(0.2)
                for kind, c in clients.items():
                    tried += 1
                    got = 0
                    try:
                        c.sock.settimeout(0.5 if stay else 3)
                        while data := c.sock.recv(1 << 20):
                            got += len(data)
                        over = True
                    except TimeoutError:
                        over = False
                    except ConnectionError:
                        over = True
                    if over == stay:
                        failures.append(f"{kind}, {what}, auth.end_sessions={setting}: {'ends' if over else 'goes on'}")
                    if over and got > 4 << 20:
                        failures.append(f"{kind}, {what}: {got} bytes came after it")
                    c.close()
    return tried, failures


def from_many(server, net):
    """A hundred and fifty wrong passwords from as many addresses."""
    clients = [Raw(server.imap, address=f"127.{net}.{i}.1") for i in range(150)]
    for i, c in enumerate(clients):
        c.send(f"a LOGIN alice wrong{i}\r\n".encode())
    for c in clients:
        need(c.status("a") == "NO", "a wrong password is right")
        c.close()


def guessing(binary):
    """What is cached makes no guess free; many addresses together are slowed, the owner at his own is not."""
    failures, tried = [], 0
    with Server(binary, ["alice"]) as server:
        with Raw(server.imap, address="127.1.0.1") as c:
            need(c.cmd(f"LOGIN alice {PASSWORD}") == "OK", "LOGIN")   # now it is cached, and she has been there
        for i in range(13):
            with Raw(server.imap, address="127.1.0.2") as c:
                word = "wrong" if i < 11 else PASSWORD
                if c.cmd(f"LOGIN alice {word}") == "OK":
                    failures.append(f"attempt {i + 1}, with {word}, is let in after so many wrong ones")
                tried += 1
        from_many(server, 2)
        for i in range(30):     # while they were hashed some leaked away, one in ten seconds
            with Raw(server.imap, address=f"127.5.{i}.1") as c:
                c.cmd("LOGIN alice wrong")
                if b"[LIMIT]" in c.text:
                    break
        with Raw(server.imap, address="127.3.0.1") as c:
            if c.cmd(f"LOGIN alice {PASSWORD}") == "OK":
                failures.append("a hundred guesses from as many addresses are not too many")
        for restarted in (False, True):
            if restarted:
                server.stop()
                server.start()
                from_many(server, 4)
            with Raw(server.imap, address="127.1.0.1") as c:
                tried += 1
                if c.cmd(f"LOGIN alice {PASSWORD}") != "OK":
                    failures.append(f"the owner is locked out of where he was before (restarted: {restarted})")
    return tried, failures


# What is said before the line whose answer is measured, and that line.
def exchange(how, user, password):
    if how == "LOGIN":
        quoted = password.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return [], b"a LOGIN %s {%d+}\r\n%s\r\n" % (user.encode(), len(password), password) if len(password) > 1000 or b"\xff" in password else \
            b'a LOGIN %s "%s"\r\n' % (user.encode(), quoted)
    if how == "PLAIN":
        return [], b"a AUTHENTICATE PLAIN " + b64(b"\0" + user.encode() + b"\0" + password) + b"\r\n"
    return [b"a AUTHENTICATE LOGIN\r\n", b64(user) + b"\r\n"], b64(password) + b"\r\n"


def measure(server, jobs, wide):
    """Answers' times in seconds, wide at a time; jobs are (key, prepared lines, line)."""
    times, open_ones, n, jobs = {}, {}, 0, list(jobs)
    while jobs or open_ones:
        while jobs and len(open_ones) < wide:
            key, before, line = jobs.pop(0)
            n += 1
            c = Raw(server.imap, address=f"127.{10 + n // 200}.{n % 200}.1")
            for b in before:
                c.send(b)
                c.line()
            open_ones[c.sock] = (key, time.monotonic(), c)
            c.send(line)
        for s in select.select(list(open_ones), [], [], 10)[0]:
            now = time.monotonic()
            key, sent, c = open_ones.pop(s)
            times.setdefault(key, []).append(now - sent)
            c.close()
    return times


def apart(binary):
    """Nobody is told from another by the time of an answer: whatever the password, the account and the mechanism."""
    failures, each = [], 12 if os.environ.get("MANSIO_LONG") else 3
    passwords = {"wrong": b"wrong", "empty": b"", "too long": b"x" * 1500, "malformed": b"a\xff\x01"}
    users = {k: [f"{k}{i}" for i in range(4)] for k in ("unknown", "disabled", "crypt", "plain", "argon")}
    with Server(binary, users["plain"], settings=("auth.delay=1s",)) as server:
        server.cli("user", "add", *users["argon"], *users["disabled"], "--password-stdin", stdin=b"geheim\n")
        server.cli("user", "add", *users["crypt"], "--password-stdin", "--scheme", "hash", stdin=SHA512.encode() + b"\n")
        for u in users["disabled"]:
            server.cli("user", "set", u, "--disabled", "yes")
        for how in ("LOGIN", "PLAIN", "AUTHENTICATE LOGIN"):
            jobs = [((kind, p), *exchange(how, users[kind][i % 4], passwords[p])) for i in range(each) for kind in users for p in passwords
                    if how == "LOGIN" or p in ("wrong", "empty")]
            failures += judge(how, measure(server, jobs, 16))
        for u in users["crypt"]:
            server.cli("user", "delete", u)     # they have no keys, and nobody is offered SCRAM while they are there
        del users["crypt"]
        first = [((kind, "first"), [], b"a AUTHENTICATE SCRAM-SHA-256 " + b64(f"n,,n={users[kind][i % 4]},r=abcdefgh") + b"\r\n")
                 for i in range(4 * each) for kind in users]
        failures += judge("SCRAM", measure(server, first, 1), late=0.003, step=0.010)
        failures += judge("SCRAM", proofs(server, users, each))
    return len(failures) + 1, failures


def proofs(server, users, each):
    jobs, times = [], {}
    for i in range(each):
        for kind in users:
            c = Raw(server.imap, address=f"127.200.{i}.{len(jobs) + 1}")
            jobs.append(((kind, "last"), c, Scram(c, users[kind][i % 4], "wrong")))
    open_ones = {}
    for key, c, s in jobs:
        open_ones[c.sock] = (key, time.monotonic(), c)
        c.send(s.last + b"\r\n")
        time.sleep(0.005)
    while open_ones:
        for sock in select.select(list(open_ones), [], [], 10)[0]:
            key, sent, c = open_ones.pop(sock)
            times.setdefault(key, []).append(time.monotonic() - sent)
            c.close()
    return times


def judge(how, times, late=0.02, step=1.0):
    """All are answered at a multiple of the step after they came, to what this machine disturbs: the least of some. Which multiple depends on who
    was before them in the queue for hashing."""
    got = {k: min((t + step / 10) % step - step / 10 for t in v) for k, v in times.items()}
    low, high = min(got.values()), max(got.values())
    if low >= 0 and high <= low + late and all(t > step for v in times.values() for t in v):
        return []
    return [f"{how}: answers between {low * 1000:.1f} and {high * 1000:.1f} ms: {', '.join(f'{k[0]}/{k[1]} {v * 1000:.1f}' for k, v in sorted(got.items()))}"]


def scan(pid, needles):
    """Where in the memory of the process each stands: {needle: [mapping, ...]}."""
    found = {}
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, modes, *rest = line.split()
            if "r" not in modes or rest[-1] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            low, high = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(low)
                data = mem.read(high - low)
            except (OSError, OverflowError):
                continue
            for n in needles:
                at = data.find(n)
                while at >= 0:
                    found.setdefault(n, []).append(f"{rest[-1] if len(rest) > 3 else 'anonymous'} {data[max(0, at - 24):at + len(n) + 8]!r}")
                    at = data.find(n, at + 1)
    return found


def sasl(c, first, *answers):
    c.send(first + b"\r\n")
    for a in answers:
        need(c.line().startswith(b"+"), "no challenge")
        c.send(a + b"\r\n")
    return c.status("s")


def secrets(binary):
    """A password does not stay in memory after a login, right or wrong, whether the client goes or stays; nor after it was set."""
    failures, tried = [], 0
    with Server(binary, ["alice"]) as server:
        try:
            os.close(os.open(f"/proc/{server.pid}/mem", os.O_RDONLY))
        except PermissionError:
            raise LeftOut("not root, and the process lets nobody look into its memory") from None
        n, needles, kept = 0, {}, []

        def password(what):
            nonlocal n
            n += 1
            p = f"Geheimnis{n:03d}{'qwertz' * 3}{n:03d}".encode()
            needles[p] = what
            # Of base64, whatever stands before: what all three shifts have in common with it is compared.
            for shift in range(3):
                needles[b64(b"x" * shift + p)[4:-4]] = what + ", base64"
            return p

        def look():
            for needle, where in scan(server.pid, [k for k, v in needles.items() if v not in failed]).items():
                what = needles[needle]
                if what.startswith("user add plain") and all("{PLAIN}" in w for w in where):
                    continue    # that is what the store keeps of it
                failed.add(what)
                failures.append(f"{what}: {needle!r} in memory {len(where)} times: {where[0]}")

        failed = set()
        for what in ("argon2id", "plain"):
            for kind in ("right", "wrong"):
                p = password(f"user add {what}")
                user = f"{what}{kind}"
                server.cli("user", "add", user, "--password-stdin", "--scheme", what, stdin=p + b"\n")
                if what == "plain":
                    continue
                for way in ("quoted", "literal", "LITERAL+", "PLAIN", "PLAIN later", "LOGIN", "mistyped"):
                    for stays in (True, False):
                        q = p if kind == "right" else password(f"{way}, wrong")
                        c = Raw(server.imap)
                        name = user.encode()
                        if way == "quoted":
                            c.cmd(b'LOGIN %s "%s"' % (name, q))
                        elif way == "mistyped":
                            c.cmd(b'LOGUN %s "%s"' % (name, password("mistyped")))
                        elif way == "literal":
                            c.send(b"s LOGIN %s {%d}\r\n" % (name, len(q)))
                            c.line()
                            c.send(q + b"\r\n")
                            c.status("s")
                        elif way == "LITERAL+":
                            c.cmd(b"LOGIN %s {%d+}\r\n%s" % (name, len(q), q))
                        elif way == "PLAIN":
                            sasl(c, b"s AUTHENTICATE PLAIN " + b64(b"\0" + name + b"\0" + q))
                        elif way == "PLAIN later":
                            sasl(c, b"s AUTHENTICATE PLAIN", b64(b"\0" + name + b"\0" + q))
                        else:
                            sasl(c, b"s AUTHENTICATE LOGIN", b64(name), b64(q))
                        tried += 1
                        if stays:
                            kept.append(c)
                        else:
                            c.close()
                        # At once, before the next one writes over what this one left; and, at the end, all.
                        if kind == "wrong" and not stays or os.environ.get("MANSIO_LONG"):
                            time.sleep(0.02)
                            look()
        server.cli("user", "password", "alice", "--password-stdin", stdin=password("user password") + b"\n")
        with Raw(server.imap) as c:
            need(Scram(c, "alice", [k for k, v in needles.items() if v == "user password"][0].decode()).end() == "OK", "SCRAM")
        time.sleep(0.3)
        look()
        for c in kept:
            c.close()
    return tried, failures


PARTS = (taken_back, hashes, ended, guessing, apart, secrets)
