# SPDX-License-Identifier: Apache-2.0
"""programs: one scenario a mail program. Each gets a server, an account of its own and a folder."""
import hashlib
import imaplib
import os
import pty
import re
import select
import shutil
import subprocess
import time

from lib.imapclient import Client
from lib.server import PASSWORD, TOP, Dovecot, Server

NESTED = "Archiv/Grüße aus Köln"
NESTED_WIRE = "Archiv/Gr&APwA3w-e aus K&APY-ln"
SUBJECTS = ["Lunch on Friday", "Re: the report", "Grüße", "Invoice {n}", "Häufige Fragen", "写真"]


class Skip(Exception):
    pass


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def mail(n):
    subject = SUBJECTS[n % len(SUBJECTS)].format(n=n)
    if not subject.isascii():
        import base64
        subject = "=?UTF-8?B?" + base64.b64encode(subject.encode()).decode() + "?="
    body = "\r\n".join(f"Line {i} of mail {n}" for i in range(1 + n % 40))
    return (f"From: Sender {n} <s{n}@example.org>\r\nTo: me@example.org\r\nSubject: {subject}\r\n"
            f"Date: Mon, {1 + n % 28} Jan 2024 10:00:00 +0000\r\nMessage-ID: <n{n}@example.org>\r\n\r\n{body}\r\n").encode()


def client(server, user):
    c = Client(server.imap, strict=server.strict, timeout=60)
    c.login(user)
    return c


def fill(server, user, first, count, mailbox="INBOX"):
    with client(server, user) as c:
        tags = [c.start(f'APPEND "{mailbox}" {{}}', mail(n)) for n in range(first, first + count)]
        for t in tags:
            check(c.finish(t).status == "OK", "APPEND failed")


def listing(server, user, mailbox):
    """{Message-ID: flags} of a mailbox."""
    with client(server, user) as c:
        a = c.cmd(f'EXAMINE "{mailbox}"')
        if a.status != "OK" or not a.one("EXISTS").num:
            return {}
        out = {}
        for items in c.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").values():
            head = next(v for k, v in items.items() if k.startswith("BODY["))
            out[head.decode().split(":", 1)[1].strip() if b":" in head else ""] = {f.decode() for f in items["FLAGS"]} - {"\\Recent"}
        return out


def run(args, cwd=None, env=None, ok=True, timeout=120, stdin=b""):
    r = subprocess.run(args, cwd=cwd, env=dict(os.environ, **(env or {})), input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=timeout)
    text = r.stdout.decode(errors="replace")
    if ok and r.returncode:
        raise AssertionError(f"{' '.join(args)[:200]}: exit {r.returncode}\n{text[-3000:]}")
    return text


# curl

def scenario_curl(server, user, folder):
    need("curl")
    base, auth = f"imap://127.0.0.1:{server.imap}", f"{user}:{PASSWORD}"

    def curl(*args, ok=True):
        return run(["curl", "-sS", "--max-time", "20", "-u", auth, *args], ok=ok)
    fill(server, user, 0, 20)
    path = os.path.join(folder, "m.eml")
    with open(path, "wb") as f:
        f.write(mail(777))
    curl("-T", path, base + "/INBOX")
    check("INBOX" in curl(base + "/"), "LIST")
    check("EXISTS" in curl(base + "/", "-X", "EXAMINE INBOX"), "EXAMINE")
    check("21" in curl(base + "/", "-X", "STATUS INBOX (MESSAGES)"), "STATUS after upload")
    got = run(["curl", "-sS", "-u", auth, base + "/INBOX;UID=21"])
    check(got.replace("\r\n", "\n") == mail(777).decode().replace("\r\n", "\n"), "FETCH gives another text")
    head = curl(base + "/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)")
    check("Subject:" in head, f"HEADER.FIELDS: {head}")
    found = curl(base + "/INBOX?SUBJECT%20Lunch")
    check("SEARCH" in found and "1" in found, f"SEARCH: {found}")
    curl(base + "/INBOX", "-X", "STORE 1 +FLAGS \\Deleted")
    curl(base + "/INBOX", "-X", "EXPUNGE")
    check(len(listing(server, user, "INBOX")) == 20, "EXPUNGE by curl")
    wrong = subprocess.run(["curl", "-sS", "-u", f"{user}:wrong", base + "/"], capture_output=True)
    check(wrong.returncode == 67, f"a wrong password: curl ends with {wrong.returncode} instead of 67")
    if server.imaps:
        check("INBOX" in curl("-k", f"imaps://127.0.0.1:{server.imaps}/"), "LIST over TLS")
        check("INBOX" in curl("-k", "--ssl-reqd", base + "/"), "LIST over STARTTLS")


# Python's imaplib

def scenario_imaplib(server, user, folder):
    m = imaplib.IMAP4("127.0.0.1", server.imap)
    m.login(user, PASSWORD)
    check(m.create(f'"{NESTED_WIRE}"')[0] == "OK", "CREATE")
    took = []
    for n in range(200):
        began = time.monotonic()
        check(m.append("INBOX", "\\Seen" if n % 3 == 0 else "", imaplib.Time2Internaldate(1700000000 + n), mail(n))[0] == "OK", "APPEND")
        took.append(time.monotonic() - began)
    # imaplib sends the line's end by itself; a kernel acknowledges the first packets of a connection at once
    check(sorted(took)[50] < 0.035 + 3 * float(os.environ.get("MANSIO_TEST_RTT", "0")), f"APPEND waits for a delayed acknowledgement: {sorted(took)[50] * 1000:.0f} ms")
    check(m.select("INBOX")[1] == [b"200"], "SELECT")
    check(len(m.search(None, "UNSEEN")[1][0].split()) == 133, "SEARCH UNSEEN")
    check(m.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", "Invoice")[1][0].split(), "SEARCH SUBJECT")
    kind, data = m.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
    check(len(data) >= 200, "FETCH")
    check(m.fetch("7", "(BODY.PEEK[])")[1][0][1] == mail(6), "FETCH BODY[]")
    check(m.uid("COPY", "1:50", f'"{NESTED_WIRE}"')[0] == "OK", "COPY")
    check(m.uid("MOVE", "51:60", f'"{NESTED_WIRE}"')[0] == "OK", "MOVE")
    check(m.store("1:10", "+FLAGS", "(\\Deleted $Forwarded)")[0] == "OK", "STORE")
    m.response("EXPUNGE")       # imaplib still has those of MOVE
    check(len(m.expunge()[1]) == 10, "EXPUNGE")
    check(m.status(f'"{NESTED_WIRE}"', "(MESSAGES)")[1][0].endswith(b"(MESSAGES 60)"), "STATUS")
    check(m.rename(f'"{NESTED_WIRE}"', '"Archiv/alt"')[0] == "OK", "RENAME")
    check(m.close()[0] == "OK" and m.delete('"Archiv/alt"')[0] == "OK", "DELETE")
    check(m.logout()[0] == "BYE", "LOGOUT")
    if server.imaps:
        import ssl
        context = ssl._create_unverified_context()
        m = imaplib.IMAP4("127.0.0.1", server.imap)
        m.starttls(context)
        m.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        check(m.select("INBOX", readonly=True)[1] == [b"180"], "SELECT after STARTTLS")
        m.logout()


# mbsync

def tree(folder):
    """{path without flags: hash} of every mail of a Maildir tree."""
    out = {}
    for base, _, names in os.walk(folder):
        if os.path.basename(base) in ("cur", "new"):
            for n in names:
                with open(os.path.join(base, n), "rb") as f:
                    out[os.path.relpath(os.path.join(base, n), folder)] = hashlib.sha1(f.read()).hexdigest()
    return out


def scenario_mbsync(server, user, folder):
    need("mbsync")
    local = os.path.join(folder, "mail")
    os.mkdir(local)
    conf = os.path.join(folder, "mbsyncrc")
    with open(conf, "w") as f:
        f.write(f"""IMAPAccount a
Host 127.0.0.1
Port {server.imap}
User {user}
Pass {PASSWORD}
AuthMechs LOGIN
SSLType None

IMAPStore far
Account a

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")

    def sync():
        return run(["mbsync", "-c", conf, "-V", "-a"])
    fill(server, user, 0, 200)
    with client(server, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok("SELECT INBOX")
        c.ok(f'COPY 1:30 "{NESTED_WIRE}"')
        c.ok("STORE 1:20 +FLAGS.SILENT (\\Seen)")
    sync()
    nested = os.path.join(local, "Archiv", "Grüße aus Köln")
    nested = nested if os.path.isdir(nested) else os.path.join(local, *NESTED_WIRE.split("/"))
    check(len(tree(os.path.join(local, "INBOX"))) == 200, "INBOX did not arrive")
    check(len(tree(nested)) == 30, "the nested folder did not arrive")
    # changes here: 5 new, 10 flagged, 7 deleted; and there: 6 new, 4 deleted, 8 answered
    inbox = os.path.join(local, "INBOX", "cur")
    for n in range(300, 305):
        with open(os.path.join(inbox, f"1700000000.{n}.here:2,S"), "wb") as f:
            f.write(mail(n).replace(b"\r\n", b"\n"))
    names = sorted(n for n in os.listdir(inbox) if ".here" not in n) + sorted(os.listdir(os.path.join(local, "INBOX", "new")))
    seen = [n for n in names if os.path.exists(os.path.join(inbox, n)) and ":2," in n]
    for n in seen[:10]:
        base, flags = n.split(":2,")
        os.rename(os.path.join(inbox, n), os.path.join(inbox, base + ":2," + "".join(sorted(set(flags + "F")))))
    for n in seen[10:17]:
        os.unlink(os.path.join(inbox, n))
    fill(server, user, 400, 6)
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("STORE 100:103 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        c.ok("STORE 110:117 +FLAGS.SILENT (\\Answered)")
        c.ok(f'MOVE 120:124 "{NESTED_WIRE}"')
    sync()
    sync()
    there = listing(server, user, "INBOX")
    check(len(there) == 200 + 5 + 6 - 7 - 4 - 5, f"{len(there)} messages there")
    check(len(tree(os.path.join(local, "INBOX"))) == len(there), "here and there differ")
    check(sum("\\Flagged" in f for f in there.values()) == 10, "flags from here")
    check(sum("\\Answered" in f for f in there.values()) == 8, "flags there")
    check(len(tree(nested)) == 35, "moved messages")
    before = tree(local)
    text = sync()
    check(tree(local) == before, "the last sync changed something")
    counts = re.findall(r"([+*#])(\d+)/(\d+)", text)
    check(all(b == "0" for _, _, b in counts), f"the last sync transferred something: {text[-400:]}")


def scenario_scram(server, user, folder):
    """SCRAM-SHA-256 by Cyrus SASL, with as many rounds as accounts get where nothing is set: it refuses to compute too many."""
    need("mbsync")
    if isinstance(server, Dovecot):
        raise Skip("it is about our rounds")
    with open(os.path.join(TOP, "src", "base", "config.tbl")) as f:
        rounds = re.search(r'^N\(directory, scram_iterations, NUMBER, "(\d+)"', f.read(), re.M).group(1)
    conf = os.path.join(folder, "mbsyncrc")
    own = Server(server.binary, settings=[f"auth.scram_iterations={rounds}"])
    try:
        own.start()
        own.cli("user", "add", user, "--password-stdin", stdin=PASSWORD.encode() + b"\n")
        with open(conf, "w") as f:
            f.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {own.imap}\nUser {user}\nPass {PASSWORD}\nAuthMechs SCRAM-SHA-256\nSSLType None\n\n"
                    f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {folder}/\nInbox {folder}/INBOX\n\n"
                    "Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n")
        fill(own, user, 0, 3)
        run(["mbsync", "-c", conf, "-V", "-a"], env={"HOME": folder})
        check(len(tree(os.path.join(folder, "INBOX"))) == 3, "INBOX did not arrive")
        if fault := own.ended():
            raise AssertionError(fault)
    finally:
        own.close()


# offlineimap

def scenario_offlineimap(server, user, folder):
    need("offlineimap")
    local = os.path.join(folder, "mail")
    conf = os.path.join(folder, "conf")
    with open(conf, "w") as f:
        f.write(f"""[general]
accounts = a
metadata = {folder}/meta
ui = basic
maxsyncaccounts = 1
[Account a]
localrepository = here
remoterepository = there
[Repository here]
type = Maildir
localfolders = {local}
sync_deletes = yes
[Repository there]
type = IMAP
remotehost = 127.0.0.1
remoteport = {server.imap}
remoteuser = {user}
remotepass = {PASSWORD}
ssl = no
starttls = no
usecompression = no
maxconnections = 1
expunge = yes
sync_deletes = yes
""")

    def sync():
        return run(["offlineimap", "-o", "-c", conf], env={"HOME": folder})
    fill(server, user, 0, 200)
    with client(server, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok("SELECT INBOX")
        c.ok(f'COPY 1:30 "{NESTED_WIRE}"')
    sync()
    sub = [d for d in os.listdir(local) if d.startswith("Archiv") and "Gr" in d]
    check(sub, f"no nested folder here: {os.listdir(local)}")
    check(len(tree(os.path.join(local, "INBOX"))) == 200 and len(tree(os.path.join(local, sub[0]))) == 30, "the first sync")
    new = os.path.join(local, "INBOX", "new")
    cur = os.path.join(local, "INBOX", "cur")
    names = sorted(os.listdir(new))
    for n in names[:10]:
        os.rename(os.path.join(new, n), os.path.join(cur, n.split(":2,")[0] + ":2,FS"))
    for n in names[10:15]:
        os.unlink(os.path.join(new, n))
    with open(os.path.join(new, "1700000001.1.here"), "wb") as f:
        f.write(mail(301))
    fill(server, user, 400, 6)
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("STORE 150:153 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        c.ok(f'MOVE 160:164 "{NESTED_WIRE}"')
    sync()
    sync()
    there = listing(server, user, "INBOX")
    check(len(there) == 200 - 5 + 1 + 6 - 4 - 5, f"{len(there)} messages there")
    check(sum("\\Flagged" in f for f in there.values()) == 10, "flags from here")
    check(len(tree(os.path.join(local, "INBOX"))) == len(there), "here and there differ")
    check(len(tree(os.path.join(local, sub[0]))) == 35, "moved messages")
    before = tree(local)
    text = sync()
    check(tree(local) == before, "the last sync changed something here")
    check(not re.search(r"Copy message|Deleting|Adding flags|ERROR", text), f"the last sync did something: {text[-600:]}")


# mutt

def terminal(args, env, timeout=40):
    """Runs a full-screen program on a terminal of its own; returns what it wrote."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(args[0], args, env)
    out, end = b"", time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            out += data
    else:
        os.kill(pid, 15)
        os.waitpid(pid, 0)
        raise AssertionError(f"{args[0]} did not end: {out[-1500:]!r}")
    os.close(fd)
    os.waitpid(pid, 0)
    return out


def scenario_mutt(server, user, folder, more="", program="mutt"):
    need(program)
    fill(server, user, 0, 60)
    with client(server, user) as c:
        c.ok('CREATE "Archiv/&ANY-l"')
    rc = os.path.join(folder, "muttrc")
    env = dict(os.environ, HOME=folder, TERM="vt100", LC_ALL="C.UTF-8", LINES="40", COLUMNS="120")

    def mutt(push):
        with open(rc, "w") as f:
            f.write(f"""set imap_user="{user}"
set imap_pass="{PASSWORD}"
set folder="imap://127.0.0.1:{server.imap}/"
set spoolfile="+INBOX"
set ssl_starttls=no ssl_force_tls=no
set confirmappend=no delete=yes move=no quit=yes mark_old=no wait_key=no
set header_cache="{folder}/cache" message_cachedir="{folder}/bodies"
set charset="utf-8" sort=mailbox-order use_envelope_from=no
set sleep_time=0 timeout=5
{more}
push '{push}'
""")
        return terminal([program, "-n", "-F", rc], env)
    out = mutt("<tag-pattern>~s Invoice<enter><tag-prefix><flag-message><sync-mailbox><quit>")
    there = listing(server, user, "INBOX")
    check(sum("\\Flagged" in f for f in there.values()) == 10, f"flagged by mutt: {out[-800:]!r}")
    out = mutt("<tag-pattern>~s Lunch<enter><tag-prefix><save-message><kill-line>=Archiv/Öl<enter><sync-mailbox><quit>")
    check(len(listing(server, user, "INBOX")) == 50, f"saved by mutt: {out[-1500:]!r}")
    out = mutt("<delete-pattern>~s report<enter><sync-mailbox><quit>")
    there = listing(server, user, "INBOX")
    check(len(there) == 40, f"{len(there)} messages left by mutt instead of 40: {out[-1500:]!r}")
    check(len(listing(server, user, "Archiv/&ANY-l")) == 10, "saved by mutt")
    out = mutt("<limit>~f s2@example.org<enter><display-message><exit><sync-mailbox><quit>")
    there = listing(server, user, "INBOX")
    check("\\Seen" in there["<n2@example.org>"], f"read by mutt: {out[-800:]!r}")
    fill(server, user, 500, 3)
    out = mutt("<quit>")
    check(len(listing(server, user, "INBOX")) == 43, "opened with a header cache")


def scenario_muttmodern(server, user, folder):
    """The same with all that mutt can: COMPRESS=DEFLATE, CONDSTORE and QRESYNC."""
    scenario_mutt(server, user, folder, "set imap_deflate=yes imap_condstore=yes imap_qresync=yes")


def scenario_neomutt(server, user, folder):
    scenario_mutt(server, user, folder, "set imap_condstore=yes imap_qresync=yes", "neomutt")


# Postfix

MASTER = """pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def scenario_postfix(server, user, folder):
    if os.getuid() != 0:
        raise Skip("Postfix needs root")
    if not os.path.exists("/usr/sbin/postfix"):
        raise Skip("Postfix is not installed")
    if not server.lmtp:
        raise Skip("this server has no LMTP")
    conf, queue, data = (os.path.join(folder, d) for d in ("etc", "queue", "lib"))
    for d in (conf, queue, data):
        os.mkdir(d)
        os.chmod(d, 0o755)
    shutil.chown(data, "postfix", "postfix")
    with open(os.path.join(conf, "main.cf"), "w") as f:
        f.write(f"""compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
config_directory = {conf}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.org
mydestination =
local_transport = error:no local mail
relay_domains = example.com
transport_maps = inline:{{ example.com=lmtp:inet:127.0.0.1:{server.lmtp} }}
alias_maps =
local_recipient_maps =
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
lmtp_connection_cache_on_demand = yes
default_process_limit = 10
""")
    with open(os.path.join(conf, "master.cf"), "w") as f:
        f.write(MASTER)
    env = {"MAIL_CONFIG": conf}
    run(["postfix", "-c", conf, "start"], env=env, timeout=60)
    try:
        for n in range(40):
            text = mail(n).replace(b"\r\n", b"\n") + (b".\n..dots\n" if n % 5 == 0 else b"")
            run(["sendmail", "-C", conf, "-f", "sender@example.org", f"{user}@example.com"], stdin=text, env=env)
        run(["sendmail", "-C", conf, "-f", "sender@example.org", "-i", "nobody-here@example.com"], stdin=mail(900), env=env)
        deadline = time.monotonic() + 60
        while len(listing(server, user, "INBOX")) < 41 - 1 and time.monotonic() < deadline:
            time.sleep(0.5)
        there = listing(server, user, "INBOX")
        log = ""
        while "status=bounced" not in log and time.monotonic() < deadline:
            with open(f"{folder}/log", errors="replace") as f:
                log = f.read()
            time.sleep(0.2)
        check(len(there) == 40, f"{len(there)} of 40 delivered\n{log[-3000:]}")
        check("status=bounced" in log and "nobody-here" in log, f"the unknown recipient was not refused:\n{log[-2000:]}")
        with client(server, user) as c:
            c.ok("EXAMINE INBOX")
            for items in c.fetch("1:*", "(RFC822.SIZE BODY.PEEK[])").values():
                body = items["BODY[]"]
                check(body.lower().startswith(b"return-path: <sender@example.org>\r\n"), f"no Return-Path: {body[:100]!r}")
                check(b"\n" not in body.replace(b"\r\n", b""), "a bare LF by LMTP")
    finally:
        subprocess.run(["postfix", "-c", conf, "stop"], env=dict(os.environ, **env), capture_output=True, timeout=60)
        subprocess.run(["postfix", "-c", conf, "abort"], env=dict(os.environ, **env), capture_output=True, timeout=60)
