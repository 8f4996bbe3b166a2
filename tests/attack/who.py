# SPDX-License-Identifier: Apache-2.0
"""who: the rows of the authorization matrix that are no mailbox's name in a command (S8, S9, S10): names of administrators, sources of ESEARCH and
NOTIFY, URLs, LMTP, sockets, accounts that go, and what the time of an answer tells. Each part returns (attempts, failures)."""
import base64
import os
import re
import socket
import statistics
import time

from harness import PASSWORD, Raw, need
from lib.server import Server

ADMINS = ("admin", "root", "administrator", "postmaster", "cyrus", "mansio")
# To what belongs to somebody else; and commands by which other servers' administrators and back ends do what nobody else may.
RIGHTS = ("GETACL {m}", "SETACL {m} alice lrswipkxtea", "DELETEACL {m} bob", "LISTRIGHTS {m} bob", "MYRIGHTS {m}", "GETQUOTA user.bob",
          'SETQUOTA "user.bob" (STORAGE 1)')
FOREIGN = ("LOCALDELETE {m}", "LOCALCREATE {m}", "PROXYAUTH bob", "XFER {m} elsewhere", "RECONSTRUCT {m}", "DUMP {m}",
           "UNDUMP {m} ()", 'GENURLAUTH "imap://bob@localhost/{m}/;UID=1;URLAUTH=anonymous" INTERNAL', 'URLFETCH "imap://bob@localhost/{m}/;UID=1;URLAUTH=anonymous:internal:0"',
           "RESETKEY {m}", 'GETANNOTATION {m} "/comment" "value.shared"', 'SETANNOTATION {m} "/comment" ("value.shared" "x")', "XAPPLEPUSHSERVICE aps-version 2",
           "MUPDATE", "SCAN \"\" * secret", "UNSELECT {m}", "ACL", "XUSERLIST", "SHUTDOWN", "USER ADD x")


def with_bobs(server):
    """bob has Private with a secret in it; its UIDVALIDITY."""
    bob = Raw(server.imap, "bob")
    for line in ("CREATE Private", "SUBSCRIBE Private", 'SETMETADATA Private (/shared/comment "bobs")'):
        bob.ok(line)
    need(bob.append(b"Subject: secret\r\n\r\nof bob", "Private") == "OK", "APPEND")
    bob.ok("STATUS Private (UIDVALIDITY)")
    return bob, int(re.search(rb"UIDVALIDITY (\d+)", bob.seen).group(1))


def who(binary):
    """No name of a user is an administrator's in IMAP, and nobody acts as another."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice", *ADMINS]) as server:
        with_bobs(server)
        for name in ("alice", *ADMINS):
            with Raw(server.imap, name) as c:
                c.ok("LIST \"\" *")
                if b"Private" in c.seen:
                    failures.append(f"{name} sees bob's mailbox in LIST")
                own = len(re.findall(rb"\* LIST", c.seen))
                for line in ('LIST "user" *', 'LIST "" %/bob*', 'LIST "" "*bob*"', "LIST (SUBSCRIBED) \"\" *", "LSUB \"\" *"):
                    c.cmd(line)
                    if b"Private" in c.seen or len(re.findall(rb"\* L", c.seen)) > own:
                        failures.append(f"{name} {line}: {c.seen[-200:]!r}")
                for line in RIGHTS + FOREIGN:
                    seen = []
                    for m in ("Private", "Nobodys"):
                        seen.append((c.cmd(line.format(m=m)), re.sub(rb"x\d+|" + m.encode(), b"T", c.seen)))
                        if seen[-1][0] == "BYE":      # ten bad commands
                            c.__init__(server.imap, name)
                            seen[-1] = (c.cmd(line.format(m=m)), re.sub(rb"x\d+|" + m.encode(), b"T", c.seen))
                    if seen[0] != seen[1] or seen[0][0] != ("NO" if line in RIGHTS else "BAD"):
                        failures.append(f"{name} {line}: {seen}")
                    tried += 2
                c.close()
                c.__init__(server.imap, name)
                for entry in ("/shared/admin", "/shared/comment", "/shared/vendor/x"):
                    if c.cmd(f'SETMETADATA "" ({entry} "taken over")') == "OK":
                        with Raw(server.imap, "bob") as other:
                            other.cmd(f'GETMETADATA "" {entry}')
                            if b"taken over" in other.seen:
                                failures.append(f"{name} writes {entry} for everybody")
                    tried += 1
                c.cmd('SETMETADATA "" (/private/comment "mine alone")')
            with Raw(server.imap, "bob") as other:
                if other.cmd('GETMETADATA "" (/private/comment)') == "OK" and b"mine alone" in other.seen:
                    failures.append(f"bob sees {name}'s private metadata of the server")
            for text in (f"bob\0{name}\0{PASSWORD}", f"\0bob\0{PASSWORD}x", f"{name}\0bob\0{PASSWORD}x", f"bob\0{name}\0{PASSWORD}\0bob"):
                with Raw(server.imap) as c:
                    st = c.cmd("AUTHENTICATE PLAIN " + base64.b64encode(text.encode()).decode())
                    tried += 1
                    if st not in ("NO", "BAD"):
                        failures.append(f"AUTHENTICATE PLAIN {text!r}: {st}")
    return tried, failures


ALL = "(MailboxName SubscriptionChange MailboxMetadataChange MessageNew MessageExpunge FlagChange)"
WATCHED = ("inboxes", "personal", "subscribed", 'subtree ""', "subtree Private", "mailboxes Private", "mailboxes (INBOX Private Shared/bob bob/Private)",
           'subtree (Private "Other Users")')
SOURCES = (*WATCHED, "selected", 'subtree-one ""', "subtree-one Private", "mailboxes Private personal inboxes", 'subtree (Private "Other Users") subscribed')
URLS = ("/{m};UIDVALIDITY={v}/;UID=1", "imap://bob@localhost/{m};UIDVALIDITY={v}/;UID=1", "imap://alice@localhost/{m}/;UID=1", "imap://bob;AUTH=*@localhost/{m}/;UID=1",
        "imap://bob@localhost/{m};UIDVALIDITY={v}/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f92038",
        "imap://bob@localhost/{m}/;UID=1/;SECTION=HEADER;EXPIRE=2099-01-01T00:00:00Z;URLAUTH=user+alice:internal:00", "//bob@localhost/{m}/;UID=1",
        "/../bob/{m}/;UID=1", "/%2e%2e%2fbob%2f{m}/;UID=1", "imap:///{m}/;UID=1")


def sources(binary):
    """What means many mailboxes at once means one's own; URLs lead nowhere else."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice"]) as server:
        bob, validity = with_bobs(server)
        for line in SOURCES:
            with Raw(server.imap, "alice") as c:
                c.ok("SUBSCRIBE Private")
                need(c.append(b"Subject: secret\r\n\r\nof alice") == "OK", "APPEND")
                c.ok("SELECT INBOX")
                for verb in ("ESEARCH", "UID ESEARCH"):
                    st = c.cmd(f"{verb} IN ({line}) RETURN (ALL COUNT) SUBJECT secret")
                    tried += 1
                    if b"Private" in c.seen or re.search(rb"MAILBOX \"?(?!INBOX)", c.seen) or st == "BYE":
                        failures.append(f"{verb} IN ({line}): {c.seen[-300:]!r}")
            for select in (False, True) if line in WATCHED else ():
                with Raw(server.imap, "alice") as c:
                    if select:
                        c.ok("SELECT INBOX")
                    first = f"NOTIFY SET STATUS (selected (MessageNew (UID BODY[]) MessageExpunge FlagChange)) ({line} {ALL})"
                    if c.cmd(first) != "OK":
                        failures.append(f"{first}: {c.text!r}")
                    tried += 1
                    for act in ("STORE 1 +FLAGS (kw)", "CREATE Private/sub", "RENAME Private/sub Private/other", "SUBSCRIBE Private/other", "DELETE Private/other",
                                "UNSUBSCRIBE Private/other", 'SETMETADATA Private (/shared/comment "changed")', "EXPUNGE", 'SETMETADATA "" (/private/comment "x")'):
                        bob.ok("SELECT Private") if act.startswith(("STORE", "EXPUNGE")) else None
                        bob.ok(act)
                    need(bob.append(b"Subject: secret\r\n\r\nagain", "Private") == "OK", "APPEND")
                    bob.ok("SELECT Private")
                    time.sleep(0.03)
                    c.ok("NOOP")
                    if b"Private" in c.seen or b"secret" in c.seen or c.seen.count(b"\n") > 1:
                        failures.append(f"NOTIFY {line}: {c.seen[-300:]!r}")
        for url in URLS:
            with Raw(server.imap, "alice") as c:
                seen = []
                for m in ("Private", "Nobodys"):
                    st = c.cmd('APPEND INBOX CATENATE (TEXT {4+}\r\na: b URL "' + url.format(m=m, v=validity) + '")')
                    seen.append((st, re.sub(rb"x\d+|" + m.encode(), b"T", c.seen)))
                    tried += 1
                if seen[0] != seen[1] or seen[0][0] == "OK":
                    failures.append(f"CATENATE {url}: {seen}")
    return tried, failures


class Lmtp:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.file = self.sock.makefile("rb")
        self.answer()

    def answer(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line.decode(errors="replace").rstrip()

    def say(self, line):
        self.sock.sendall(line.encode() + b"\r\n")
        return self.answer()


def lmtp(binary):
    """Mail gets into the account that is named, and no further; who is not there is refused in one way."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice", "gone"]) as server:
        bob, _ = with_bobs(server)
        with Raw(server.imap, "gone") as c:
            c.ok("CREATE Private")
        server.cli("user", "delete", "gone")
        link = Lmtp(server.lmtp)
        link.say("LHLO x")
        for line, code in (("RCPT TO:<alice>", "503"), ("DATA", "503"), ("EXPN bob", "502"), ("AUTH PLAIN AGJvYgBzZWNyZXQ=", "50")):
            tried += 1
            if not link.say(line).startswith(code):
                failures.append(f"LMTP {line} is not refused with {code}")
        verified = {link.say(f"VRFY {name}") for name in ("bob", "nobody", "gone", "bob+Private")}
        if len(verified) != 1:
            failures.append(f"VRFY tells who is there: {verified}")
        link.say("MAIL FROM:<x@example.org>")
        refused = {}
        for name in ("nobody", "gone", "gone+Private", "nobody+Private", "gone@localhost", '"../bob"', '"bob/Private"', '"user/bob"', '"bob "', "bob%localhost"):
            refused[name] = link.say(f"RCPT TO:<{name}>")
            tried += 1
            if not refused[name].startswith("5"):
                failures.append(f"RCPT {name}: {refused[name]}")
        if len(set(refused[n] for n in ("nobody", "gone", "gone+Private", "nobody+Private", "gone@localhost"))) != 1:
            failures.append(f"RCPT tells who was there: {refused}")
        # Folders that alice has not, and names that lead out of her account: her INBOX.
        folders = ("Private", "../bob/Private", "/bob/Private", "~bob/Private", "INBOX/../../bob/Private", "&AC8-bob", "%2e%2e", "#user/bob", "x" * 300)
        taken = 0
        for folder in folders:
            said = link.say(f'RCPT TO:<"alice+{folder}">')
            taken += said.startswith("250")
            tried += 1
        link.say("DATA")
        link.sock.sendall(b"Subject: filed\r\n\r\nx\r\n.\r\n")
        for _ in range(taken):
            if not link.answer().startswith("250"):
                failures.append("a delivery to alice fails")
        bob.ok("STATUS Private (MESSAGES)")
        if b"MESSAGES 1)" not in bob.seen:
            failures.append(f"LMTP delivered to bob: {bob.seen!r}")
        with Raw(server.imap, "alice") as c:
            c.ok("STATUS INBOX (MESSAGES)")
            # Once, whatever the recipients that lead to it.
            if taken == 0 or b"MESSAGES 1)" not in c.seen:
                failures.append(f"{taken} recipients, {c.seen!r}")
            c.ok('LIST "" *')
            if b"bob" in c.seen or b"Private" in c.seen:
                failures.append(f"delivering makes mailboxes: {c.seen!r}")
        tried += bombs(server, link, failures)
    return tried, failures


def bombs(server, link, failures):
    """Groups that lead to more and more groups: refused at once, as is what leads to more accounts than an address may stand for."""
    names = [[f"bomb{level}x{i}" for i in range(80)] for level in range(3)]
    lines = [" ".join([name] + (names[level - 1] if level else ["alice"])) for level in range(3) for name in names[level]]
    server.cli("group", "add", "--file", "-", stdin="\n".join(lines).encode())
    link.say("MAIL FROM:<x@example.org>")
    began = time.monotonic()
    said = [link.say(f"RCPT TO:<{name}>") for name in names[2]]
    took = time.monotonic() - began
    if any(not s.startswith("550 5.5.3") for s in said) or took > 10 or " slow_step " in server.log_tail(100000):
        failures.append(f"a group of groups of groups: {set(said)} in {took:.1f} s")
    # What stands for somebody is asked for as often as one likes: it stays one recipient's work.
    for _ in range(1000):
        if not link.say(f"RCPT TO:<{names[0][0]}>").startswith(("250", "452")):
            failures.append("a group of one is refused")
            break
    if len({link.say(f"VRFY {name}") for name in (names[0][0], "nobody", "alice")}) != 1:
        failures.append("VRFY tells of groups")
    link.say("RSET")
    return len(said) + 1003


REQUEST = b"\x0b\0\0\0Q\x09user list"      # of the admin socket: src/admin/frame.h


def heard(path):
    """What the admin socket says to a request: some bytes, "nothing", or "refused"."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        try:
            s.connect(path)
            s.sendall(REQUEST)
            return "answered" if s.recv(4096) else "nothing"
        except PermissionError:
            return "refused"
        except (ConnectionError, BrokenPipeError):
            return "nothing"
        except socket.timeout:
            return "open"


def heard_by(uid, path):
    """The same in a process of another user."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(into, heard(path).encode())
        finally:
            os._exit(0)
    os.close(into)
    os.waitpid(pid, 0)
    with os.fdopen(out) as f:
        return f.read()


def sockets(binary):
    """The data folder, its files and sockets are the server's user's; the admin socket looks at who comes even when the modes were changed."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice"]) as server:
        for name, most in ((".", 0o700), ("mansio.db", 0o600), ("admin.sock", 0o600), ("tls-key.pem", 0o600), ("mansio.db-wal", 0o600)):
            path = os.path.join(server.data, name)
            tried += 1
            if not os.path.exists(path):
                failures.append(f"there is no {name}: {os.listdir(server.data)}")
            elif os.stat(path).st_mode & 0o777 & ~most:
                failures.append(f"{name} has mode {os.stat(path).st_mode & 0o777:o}")
        if os.geteuid() != 0:
            return tried, failures     # only root can be somebody else
        path = os.path.join(server.data, "admin.sock")
        if heard(path) != "answered":
            failures.append(f"root itself hears {heard(path)}")
        for folder_mode, socket_mode in ((None, None), (0o777, None), (0o777, 0o777)):
            if folder_mode:
                os.chmod(server.folder, folder_mode)
                os.chmod(server.data, folder_mode)
            if socket_mode:
                os.chmod(path, socket_mode)
            said = heard_by(65534, path)
            tried += 1
            if said not in ("nothing", "refused"):
                failures.append(f"somebody else at the admin socket, modes {folder_mode} {socket_mode}: {said}")
        os.chmod(server.data, 0o700)
        if server.cli("user", "list").returncode or b"bob" not in server.cli("user", "list").stdout:
            failures.append("root cannot administrate any more")
    return tried, failures


def revoked(binary):
    """An account that goes takes its sessions with it; a new one of its name is another; a changed password is changed."""
    failures, tried = [], 0
    with Server(binary, ["bob", "alice"]) as server:
        with Raw(server.imap, "bob") as c:
            need(c.append(b"Subject: old\r\n\r\nx") == "OK", "APPEND")
        kinds = {"idle": ["SELECT INBOX", "IDLE"], "logged in": [], "selected": ["SELECT INBOX"], "NOTIFY": ["NOTIFY SET (personal (MessageNew MessageExpunge))"]}
        open_ones = {}
        for kind, lines in kinds.items():
            c = open_ones[kind] = Raw(server.imap, "bob", timeout=5)
            for line in lines:
                if line == "IDLE":
                    c.start(line)
                    c.line()
                else:
                    c.ok(line)
        server.cli("user", "password", "bob", "--password-stdin", "--scheme", "plain", stdin=b"another\n")
        with Raw(server.imap) as c:
            tried += 2
            if c.cmd(f"LOGIN bob {PASSWORD}") != "NO":
                failures.append("the old password is taken after a change")
            if c.cmd("LOGIN bob another") != "OK":
                failures.append("the new password is not taken")
        server.cli("user", "delete", "bob")
        server.add_accounts(["bob"])
        for kind, c in open_ones.items():
            tried += 1
            if kind in ("logged in", "selected"):
                st = c.cmd("SELECT INBOX")
                if st == "OK":
                    failures.append(f"{kind}: a deleted account's session goes on: {c.seen!r}")
            try:
                if not c.ended(5):
                    failures.append(f"{kind}: a deleted account's session stays open")
            except OSError:
                pass
            c.close()
        with Raw(server.imap, "bob") as c:
            c.ok("STATUS INBOX (MESSAGES)")
            if b"MESSAGES 0)" not in c.seen:
                failures.append(f"the new bob has the old one's mail: {c.seen!r}")
    return tried, failures


def medians(count, *actions):
    """The median time of each, done in turn, so that what disturbs one disturbs all."""
    times = [[] for _ in actions]
    for i in range(count):
        for k in range(len(actions)):
            k = (k + i) % len(actions)
            began = time.perf_counter()
            actions[k](i)
            times[k].append(time.perf_counter() - began)
    return [statistics.median(t) for t in times]


def alike(what, count, factor, *actions, rounds=4):
    """None when the medians are within a factor in any of some rounds: what differs by itself does so in each."""
    for _ in range(rounds):
        got = medians(count, *actions)
        if max(got) <= min(got) * factor + 20e-6:
            return None
    return f"{what}: medians " + ", ".join(f"{t * 1e6:.0f}" for t in got) + " us"


class Scram:
    """Clients that break SCRAM off after the server's first message; a connection may do so some times."""

    def __init__(self, port):
        self.port, self.clients = port, []

    def ready(self):
        self.clients = [[Raw(self.port), 0] for _ in range(8)]

    def first(self, name):
        pair = self.clients[0]
        pair[1] += 1
        if pair[1] == 8:
            self.clients.pop(0)
        return scram_first(pair[0], name)


def scram_first(c, name):
    c.send(b"a AUTHENTICATE SCRAM-SHA-256 " + base64.b64encode(b"n,,n=" + name.encode() + b",r=abcdefghijkl") + b"\r\n")
    text = base64.b64decode(c.line()[2:])
    c.send(b"*\r\n")
    need(c.status("a") in ("NO", "BAD"), "SCRAM goes on")
    return re.fullmatch(rb"r=[^,]*,s=([^,]*),i=(\d+)", text).groups()


def timing(binary):
    """What is not told in words is not told by the time of the answer either."""
    failures, tried = [], 0
    with Server(binary, ["alice"]) as server:
        server.add_accounts(["bob"])
        with_bobs(server)
        with Raw(server.imap, "alice") as c:
            def do(line):
                return lambda i: c.cmd(line)
            for line in ("SELECT {m}", "STATUS {m} (MESSAGES UIDNEXT)", 'LIST "" {m}', "APPEND {m} {{4+}}\r\na: b", "DELETE {m}", "GETMETADATA {m} /shared/comment",
                         "ESEARCH IN (mailboxes {m}) ALL"):
                tried += 1
                failures.append(alike(line, 150, 1.5, do(line.format(m="Private")), do(line.format(m="Nobodys"))))
        victims = [f"victim{i}" for i in range(12)]     # ten failures are the most for a name
        server.cli("user", "add", *victims, "--password-stdin", stdin=b"right horse\n")
        with Raw(server.imap) as c:
            tries = {"known": 0, "unknown": 0}

            def login(kind):
                def once(i):
                    n = tries[kind] = tries[kind] + 1
                    name = f"victim{n % 6}" if kind == "known" else f"nobody{n % 6}"
                    need(c.cmd(f"LOGIN {name} wrong") == "NO", "a wrong password is taken")
                return once
            tried += 1
            failures.append(alike("LOGIN, wrong password and no such user", 8, 1.6, login("known"), login("unknown")))
        scram, shapes = Scram(server.imap), {}
        scram.ready()
        for name in ("victim10", "nobody9", "nobody8", "victim11"):
            once, again = scram.first(name), scram.first(name)
            shapes[name] = (len(once[0]), once[1])
            if once != again:
                failures.append(f"SCRAM: {name} has a salt that changes")
        if len(set(shapes.values())) != 1:
            failures.append(f"SCRAM tells who is there: {shapes}")
        tried += 5
        scram.ready()
        failures.append(alike("SCRAM's first message", 8, 2, lambda i: scram.first(f"victim{6 + i % 4}"), lambda i: scram.first(f"nobody{10 + i % 4}"), rounds=3))
    return tried, [f for f in failures if f]


PARTS = (who, sources, lmtp, sockets, revoked, timing)
