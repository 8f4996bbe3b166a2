# SPDX-License-Identifier: Apache-2.0
"""syncing: interimap between two servers, imapfilter, fetchmail and getmail."""
import imaplib
import os
import pwd
import re
import shutil
import time

from interop.programs import NESTED_WIRE, Skip, check, client, fill, listing, mail, need, run
from lib.server import PASSWORD, Dovecot, Server


def flags_only(there):
    return {k: v - {"\\Recent"} for k, v in there.items()}


def ids(c, numbers):
    rows = [r.data for r in c.ok(f"FETCH {numbers} BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]").all("FETCH")]
    return [v.decode().split(":", 1)[1].strip() for items in rows for k, v in items.items() if k.startswith("BODY[")]


# interimap: QRESYNC both ways

def scenario_interimap(server, user, folder):
    """Changes, deletions and flags on both servers meet; the last synchronisation does nothing (RFC 7162 6)."""
    need("interimap")
    with Server(server.binary, [user]) as other:
        interimap_between(server, other, user, folder)
        fault = other.ended()
        check(not fault, f"the second one: {fault}")


def interimap_conf(server, other, user, folder):
    conf = os.path.join(folder, "interimap.conf")
    with open(conf, "w") as f:
        f.write(f"database = {folder}/state.db\nlist-select-opts =\nlist-mailbox = *\n")
        for name, s, more in (("local", server, "compress = YES"), ("remote", other, "compress = NO")):
            f.write(f"\n[{name}]\ntype = imap\nhost = 127.0.0.1\nport = {s.imap}\nSTARTTLS = NO\nauth = login plain\n"
                    f"username = {user}\npassword = {PASSWORD}\n{more}\n")
    os.chmod(conf, 0o600)
    return conf


def interimap_between(here, there, user, folder):
    conf = interimap_conf(here, there, user, folder)

    def sync():
        return run(["interimap", "--config", conf, "--debug"], env={"HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder})

    def same(mailbox, count=None):
        a, b = (flags_only(listing(s, user, mailbox)) for s in (here, there))
        check(a == b, f"{mailbox} differs: {[(k, a.get(k), b.get(k)) for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)][:6]}")
        check(count is None or len(a) == count, f"{mailbox}: {len(a)} messages instead of {count}")
        return a
    fill(here, user, 0, 150)
    fill(there, user, 200, 50)
    with client(here, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok("SELECT INBOX")
        c.ok(f'COPY 1:30 "{NESTED_WIRE}"')
        c.ok("STORE 1:20 +FLAGS.SILENT (\\Seen $Label1)")
    with client(there, user) as c:
        c.ok("CREATE There")
        c.ok("SELECT INBOX")
        c.ok("COPY 11:20 There")
    sync()
    first = same("INBOX", 200)
    check(sum("$Label1" in f for f in first.values()) == 20, "keywords did not arrive")
    same(NESTED_WIRE, 30)
    same("There", 10)
    # changes on both sides: 5 go here, 7 there, 3 on both; flags on both; moves on both; new ones on both
    with client(here, user) as c, client(there, user) as d:
        for x in (c, d):
            x.ok("SELECT INBOX")
        gone = sorted(first)[:12]
        for x, names in ((c, gone[:8]), (d, gone[5:])):
            for n in names:
                uid = x.ok(f'UID SEARCH HEADER Message-ID "{n}"').one("SEARCH").data["numbers"][0]
                x.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
            x.ok("EXPUNGE")
        c.ok("STORE 20:29 +FLAGS.SILENT (\\Flagged)")
        d.ok("STORE 60:69 +FLAGS.SILENT (\\Answered $Forwarded)")
        c.ok("STORE 75 FLAGS.SILENT (\\Draft)")
        moved = [ids(c, "120:124"), ids(d, "1:4")]
        moved = sum(moved, [])
        c.ok(f'MOVE 120:124 "{NESTED_WIRE}"')
        d.ok("MOVE 1:4 There")
    fill(here, user, 400, 6)
    fill(there, user, 500, 7)
    sync()
    now = set(listing(here, user, "INBOX"))
    check(not set(gone) & now, f"deleted and there again: {set(gone) & now}")
    check(not set(moved) & now, f"moved and there again: {set(moved) & now}")
    after = same("INBOX", 200 - 12 - 5 - 4 + 13)
    for flag, count in (("\\Flagged", 10), ("\\Answered", 10), ("$Forwarded", 10)):
        check(count - 4 <= sum(flag in f for f in after.values()) <= count, f"{flag} is on {sum(flag in f for f in after.values())}")
    same(NESTED_WIRE, 35)
    same("There", 14)
    sync()      # it hears of the messages that it stored itself
    text = sync()
    commands = re.findall(r"^(?:local|remote).*?[>C]: \S+ (?:UID )?(STORE|EXPUNGE|APPEND|COPY|MOVE)\b", text, re.M)
    check(not commands, f"the last synchronisation changed something: {commands}")
    # a folder deleted and one renamed by interimap itself
    run(["interimap", "--config", conf, "--rename", "There", "Elsewhere"], env={"HOME": folder, "XDG_DATA_HOME": folder})
    sync()
    same("Elsewhere", 14)
    run(["interimap", "--config", conf, "--delete", "Elsewhere"], env={"HOME": folder, "XDG_DATA_HOME": folder})
    with client(here, user) as c, client(there, user) as d:
        check(all(x.cmd("EXAMINE Elsewhere").status == "NO" for x in (c, d)), "--delete left the folder")
    run(["interimap", "--config", conf, "--repair"], env={"HOME": folder, "XDG_DATA_HOME": folder})
    check(same("INBOX") == after, "--repair changed something")


def scenario_migrate(server, user, folder):
    """docs/migration.md: from Dovecot to here by mbsync, while mail still comes; then once more; nothing twice, dates and flags kept."""
    need("mbsync")
    need("dovecot")
    if not server.strict:
        raise Skip("this server is Dovecot itself")
    with Dovecot([user]) as old:
        migrate(old, server, user, folder)


def migrate(old, new, user, folder):
    conf = os.path.join(folder, "mbsyncrc")
    with open(conf, "w") as f:
        for name, s in (("old", old), ("new", new)):
            f.write(f"""IMAPStore {name}
Host 127.0.0.1
Port {s.imap}
User {user}
Pass {PASSWORD}
AuthMechs LOGIN
SSLType None

""")
        f.write(f"Channel move\nFar :old:\nNear :new:\nPatterns *\nCreate Both\nSync Pull\nCopyArrivalDate yes\nSyncState {folder}/state/\n")
    os.mkdir(os.path.join(folder, "state"))

    def dates(s, mailbox, user=user):
        m = imaplib.IMAP4("127.0.0.1", s.imap)
        m.login(user, PASSWORD)
        m.select(f'"{mailbox}"', readonly=True)
        rows = [r for r in m.fetch("1:*", "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1] if isinstance(r, tuple)]
        m.logout()
        return {head: time.mktime(imaplib.Internaldate2tuple(date)) for date, head in rows}
    with client(old, user) as c:
        c.cmd("CREATE Archiv")
        c.ok(f'CREATE "{NESTED_WIRE}"')
        for n in range(80):
            c.ok(f'APPEND {"INBOX" if n % 2 else chr(34) + NESTED_WIRE + chr(34)} (\\Seen) "{1 + n % 28:2}-Mar-2020 10:00:00 +0100" {{}}', mail(n))
        c.ok("SELECT INBOX")
        c.ok("STORE 1:5 +FLAGS.SILENT (\\Flagged \\Answered $Label1)")
    run(["mbsync", "-c", conf, "move"])
    with client(old, user) as c:
        c.ok(f'APPEND INBOX {{}}', mail(90))
    run(["mbsync", "-c", conf, "move"])
    for mailbox, count in (("INBOX", 41), (NESTED_WIRE, 40)):
        # mbsync knows no keywords but $Forwarded
        there, here = ({k: v - {"$Label1"} for k, v in listing(x, user, mailbox).items()} for x in (old, new))
        check(len(here) == count and here == there, f"{mailbox}: {len(here)} of {len(there)}, or flags differ")
        a, b = dates(old, mailbox), dates(new, mailbox)
        check(a == b, f"{mailbox}: dates differ: {[(k, a[k], b.get(k)) for k in a if a[k] != b.get(k)][:3]}")
    # by files: doveadm makes a Maildir of whatever format
    server_files = os.path.join(folder, "files")
    os.mkdir(server_files)
    shutil.chown(server_files, "mail")
    run(["doveadm", "-c", os.path.join(old.folder, "conf"), "backup", "-u", user, "maildir:" + os.path.join(server_files, "Maildir")])
    new.add_accounts([user + "2"])
    for _ in range(2):
        new.cli("import", "--user", user + "2", "--quiet", os.path.join(server_files, "Maildir"))
    for mailbox in ("INBOX", NESTED_WIRE):
        check(listing(new, user + "2", mailbox) == listing(old, user, mailbox), f"{mailbox} by files differs")
        check(dates(new, mailbox, user + "2") == dates(old, mailbox), f"{mailbox} by files: the dates differ")


# imapfilter

FILTER = """options.timeout = 30
options.subscribe = true
options.create = true
options.expunge = true
options.starttls = false
a = IMAP {{ server = "127.0.0.1", port = {port}, username = "{user}", password = "{password}" }}
print("capabilities " .. (a.INBOX:check_status() or 0))
invoices = a.INBOX:contain_subject("Invoice") * a.INBOX:is_unseen()
print("invoices " .. #invoices)
invoices:mark_flagged()
invoices:move_messages(a["Filed/Invoices"])
lunch = a.INBOX:contain_subject("Lunch") + a.INBOX:contain_body("Line 7 of mail 1")
print("lunch " .. #lunch)
lunch:copy_messages(a.Lunch)
lunch:mark_seen()
lunch:add_flags({{ "$Label1", "\\\\Answered" }})
old = a.INBOX:contain_from("s1@example.org") + a.INBOX:contain_from("s13@example.org")
old:delete_messages()
big = a.INBOX:is_larger(900) - a.INBOX:is_seen()
print("big " .. #big)
umlauts = a.INBOX:match_subject("Gr")
text = a.INBOX[umlauts[1] and umlauts[1][2] or 3]:fetch_message()
print("text " .. #text)
all = a.INBOX:select_all()
print("left " .. #all)
boxes, folders = a:list_all("")
print("folders " .. #folders .. " boxes " .. #boxes)
a:create_mailbox("Temp"); a:subscribe_mailbox("Temp"); a:rename_mailbox("Temp", "Temp2"); a:unsubscribe_mailbox("Temp"); a:delete_mailbox("Temp2")
"""


def scenario_imapfilter(server, user, folder):
    need("imapfilter")
    fill(server, user, 0, 120)
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("STORE 4 +FLAGS.SILENT (\\Seen)")          # an invoice that has been read stays
    conf = os.path.join(folder, "config.lua")
    with open(conf, "w") as f:
        f.write(FILTER.format(port=server.imap, user=user, password=PASSWORD))
    text = run(["imapfilter", "-c", conf, "-t", "/dev/null"], env={"HOME": folder})
    numbers = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)", text, re.M)}
    check(numbers.get("invoices") == 19, f"invoices: {text[-800:]}")
    there = listing(server, user, "INBOX")
    filed = listing(server, user, "Filed/Invoices")
    check(len(filed) == 19 and all("\\Flagged" in f for f in filed.values()), f"{len(filed)} filed")
    check(len(listing(server, user, "Lunch")) == numbers["lunch"] >= 20, f"lunch: {text[-800:]}")
    check(sum("$Label1" in f for f in there.values()) == sum("\\Answered" in f for f in there.values()) >= 19, "flags by imapfilter")
    check(len(there) == numbers["left"] == 120 - 19 - 2, f"{len(there)} left, {text[-300:]}")
    check(numbers["text"] > 200, f"the text: {text[-300:]}")
    with client(server, user) as c:
        names = {r.data["name"] for r in c.ok('LIST "" *').all("LIST")}
        check(not names & {b"Temp", b"Temp2"}, f"folders left: {names}")


# fetchmail and getmail: take the mail away

def scenario_fetchmail(server, user, folder):
    """Over STARTTLS, into a program, some kept and seen by UID; then taken away."""
    need("fetchmail")
    fill(server, user, 0, 40)
    rc, box = os.path.join(folder, "fetchmailrc"), os.path.join(folder, "mbox")

    def fetch(more, ok=True):
        with open(rc, "w") as f:
            f.write(f'poll 127.0.0.1 protocol imap port {server.imap} user "{user}" password "{PASSWORD}" '
                    f'mda "cat >> {box}" {more}\n')
        os.chmod(rc, 0o600)
        return run(["fetchmail", "-f", rc, "-i", os.path.join(folder, "ids"), "--pidfile", os.path.join(folder, "pid")],
                   env={"HOME": folder, "FETCHMAILHOME": folder}, ok=ok)
    tls = "sslproto TLS1.2+ no sslcertck" if server.imaps else "sslproto ''"
    fetch("keep fetchlimit 10 " + tls, ok=False)       # it ends with 13: more is there
    there = listing(server, user, "INBOX")
    check(len(there) == 40 and sum("\\Seen" in f for f in there.values()) == 10, "ten read and kept")
    fetch("no keep fetchall expunge 7 sslproto ''")
    check(not listing(server, user, "INBOX"), "fetchmail left some")
    with open(box, "rb") as f:
        text = f.read()
    check(len(re.findall(rb"^Message-ID: ", text, re.M)) == 50, "fetchmail brought another number")
    check(all(mail(n).split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n") in text for n in range(40)), "a text is not whole")


def scenario_getmail(server, user, folder):
    need("getmail")
    fill(server, user, 0, 30)
    with client(server, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok("SELECT INBOX")
        c.ok(f'COPY 1:5 "{NESTED_WIRE}"')
    box = os.path.join(folder, "mail")
    for d in ("", "cur", "new", "tmp"):
        os.mkdir(os.path.join(box, d))
        if os.getuid() == 0:
            shutil.chown(os.path.join(box, d), "nobody")    # getmail does not deliver as root
    rc = os.path.join(folder, "getmailrc")
    with open(rc, "w") as f:
        f.write(f"""[retriever]
type = SimpleIMAPRetriever
server = 127.0.0.1
port = {server.imap}
username = {user}
password = {PASSWORD}
mailboxes = ("INBOX", "Archiv/Grüße aus Köln")
[destination]
type = Maildir
path = {box}/
user = {pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "nobody"}
[options]
delete = true
delivered_to = false
received = false
""")

    def get():
        return run(["getmail", "--getmaildir", folder, "--rcfile", rc], env={"HOME": folder, "LC_ALL": "C.UTF-8"})
    get()
    check(len(os.listdir(os.path.join(box, "new"))) == 35, f"getmail brought {len(os.listdir(os.path.join(box, 'new')))}")
    check(not listing(server, user, "INBOX") and not listing(server, user, NESTED_WIRE), "getmail left some")
    text = get()
    check(len(os.listdir(os.path.join(box, "new"))) == 35, f"twice: {text[-500:]}")
