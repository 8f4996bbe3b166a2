# SPDX-License-Identifier: Apache-2.0
"""Import and export: whoever moves his mail must be able to trust what is said. Tests for tests/cli/run."""
import json
import imaplib
import mailbox
import os
import re
import shutil
import signal
import subprocess
import time

from lib import stored
from lib.cases import LeftOut
from lib.imapclient import Client
from lib.pop3client import Pop3

MDAY = 1000000000
FROM = b"From a@example.org Sun Sep  9 01:46:40 2001\n"


def mail(n, body="hello"):
    return (f"From: a{n}@example.org\nTo: b@example.org\nSubject: message {n}\n"
            f"Message-ID: <{n}@example.org>\nDate: Sat, 21 Nov 2026 10:00:{n % 60:02} +0000\n\n{body} {n}\n").encode()


def crlf(text):
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def put(path, name, text, when=MDAY):
    os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
    with open(os.path.join(path, name), "wb") as f:
        f.write(text)
    os.utime(os.path.join(path, name), (when, when))


def names(server, account):
    """{name: messages}"""
    out = {}
    for line in server.cli("mailbox", "list", account).stdout.decode().splitlines():
        m = re.match(r"(.*?) +(\d+) messages ", line)
        out[m.group(1)] = int(m.group(2))
    return out


def fetch(server, account, name):
    """[(flags, internal date, bytes)] in order of UID."""
    c = imaplib.IMAP4("127.0.0.1", server.imap)
    c.login(account, "secret")
    out = stored.messages(c, name)
    c.logout()
    return out


def imported(server, account, *args, code=0, said=None):
    r = server.cli("import", "--user", account, *args, check=False)
    assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
    for word in said or []:
        assert word in (r.stdout + r.stderr).decode(), (word, r.stdout, r.stderr)
    return r.stdout.decode()


def test_import_mailbox_decides(server, tmp):
    """What is in the mailbox decides: deleted mail comes back, what is there by whatever way is not brought twice."""
    md = os.path.join(tmp, "md")
    for n in range(1, 4):
        put(md, f"cur/100000000{n}.M{n}.h:2,S", mail(n))
    server.start()
    # One is there already, with other line ends at its end, a flag and a Status line that a mail program noted.
    with Client(server.imap) as c:
        c.login("alice")
        c.append("INBOX", b"Status: RO\r\n" + crlf(mail(2)) + b"\r\n")
    assert "2 messages stored" in imported(server, "alice", md, said=["1 were there already"])
    assert "0 messages stored" in imported(server, "alice", md, said=["3 were there already"])
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("SELECT INBOX")
        c.cmd("STORE 1:2 +FLAGS (\\Deleted)")
        c.cmd("EXPUNGE")
    # Of these no import had brought the first, which was there already then.
    assert "1 messages stored" in imported(server, "alice", "--only-new", md, said=["2 were there already"])
    assert names(server, "alice")["INBOX"] == 2
    imported(server, "alice", md)
    assert names(server, "alice")["INBOX"] == 3
    # --only-new leaves what an earlier import brought where it is: gone.
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("SELECT INBOX")
        c.cmd("STORE 1:* +FLAGS (\\Deleted)")
        c.cmd("EXPUNGE")
    put(md, "new/1000000009.M9.h", mail(9))
    assert "1 messages stored" in imported(server, "alice", "--only-new", md)
    assert names(server, "alice")["INBOX"] == 1
    imported(server, "alice", md)
    assert names(server, "alice")["INBOX"] == 4
    # The same mail in another mailbox is another.
    imported(server, "alice", "--into", "Other", md)
    assert names(server, "alice")["Other"] == 4
    server.cli("check")


def test_import_beside_delivery(server, tmp):
    """Two imports of the same at once, and mail that comes meanwhile: nothing twice."""
    md = os.path.join(tmp, "md")
    for n in range(600):
        put(md, f"cur/{1000000000 + n}.M{n}.h:2,", mail(n, "x" * 500))
    server.start()
    command = [server.binary, "--data", server.data, "import", "--user", "alice", md]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=server.env) for _ in range(3)]
    outs = [p.communicate(timeout=120)[0] for p in running]
    assert all(p.returncode == 0 for p in running), outs
    got = fetch(server, "alice", "INBOX")
    assert len(got) == 600 and len({m[2] for m in got}) == 600, len(got)
    server.cli("check")


def test_restore_one_folder(server, tmp):
    """docs/migration.md: one folder of one user from a backup, beside what is left of it; here the backup is a data folder of its own."""
    server.start()
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("CREATE Work/Reports")
        for n in range(1, 6):
            c.append("Work/Reports", crlf(mail(n)), flags="\\Seen $Label1" if n % 2 else "")
        c.append("INBOX", crlf(mail(9)))
    backup = os.path.join(tmp, "backup.db")
    server.cli("backup", backup)
    was = fetch(server, "alice", "Work/Reports")
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("SELECT Work/Reports")
        c.cmd("STORE 2:4 +FLAGS (\\Deleted)")
        c.cmd("EXPUNGE")
    old = os.path.join(tmp, "old")
    os.mkdir(old, 0o700)
    shutil.copy(backup, os.path.join(old, "mansio.db"))
    out = os.path.join(tmp, "restored")
    r = subprocess.run([server.binary, "--data", old, "export", "--user", "alice", "--mailbox", "Work/Reports", out], capture_output=True)
    assert r.returncode == 0, r
    imported(server, "alice", out, said=["3 messages stored", "2 were there already"])
    got = fetch(server, "alice", "Work/Reports")
    assert sorted(got, key=lambda m: m[2]) == sorted(was, key=lambda m: m[2]), (was, got)
    assert names(server, "alice")["INBOX"] == 1
    imported(server, "alice", out, said=["0 messages stored"])


def test_import_not_understood(server, tmp):
    """What is not understood is named, with the way to go, and the exit status tells."""
    server.start()
    sources = {
        "sdbox": (["mailboxes/INBOX/dbox-Mails/u.1", "mailboxes/INBOX/dbox-Mails/dovecot.index.log"], "doveadm backup"),
        "mdbox": (["storage/m.1", "storage/dovecot.map.index.log", "mailboxes/INBOX/dbox-Mails/dovecot.index.log"], "doveadm backup"),
        "cyrus": (["user/alice/cyrus.header", "user/alice/cyrus.index", "user/alice/1."], "over IMAP"),
        "mh": (["1", "2", ".mh_sequences"], "packf"),
        "mh-plain": (["inbox/1", "inbox/2"], "packf"),
        "text": (["notes.pdf"], "neither an mbox nor"),
        "empty": ([], "holds no mail"),
        "nested-empty": (["a/b/c/.keep"], "holds no mail"),
        "index-only": (["Inbox.msf"], "holds no mail"),
    }
    for name, (files, way) in sources.items():
        path = os.path.join(tmp, name)
        os.makedirs(path)
        for file in files:
            put(path, file, b"Subject: x\n\nx\n" if file[-1].isdigit() else b"\0\1\2")
        imported(server, "alice", path, code=1, said=[way])
    put(tmp, "kept/a.eml", mail(1))
    put(tmp, "kept/.hidden/deep/cur/1.M1.h:2,", mail(2))
    imported(server, "carol", os.path.join(tmp, "kept"), code=1, said=["is hidden, and holds mail", "1 messages stored"])
    put(tmp, "plain.txt", b"From Monday at 10:30 we meet\nat ten\n")
    imported(server, "alice", os.path.join(tmp, "plain.txt"), code=1, said=["neither an mbox nor"])
    assert sum(names(server, "alice").values()) == 0
    # What is understood beside it comes.
    put(tmp, "mixed/good.eml", mail(1))
    put(tmp, "mixed/other.pdf", b"%PDF")
    imported(server, "alice", os.path.join(tmp, "mixed"), code=1, said=["other.pdf", "1 messages stored"])


def test_import_trees(server, tmp):
    """T140: folders of folders, as Dovecot, Courier, Thunderbird and file copies leave them."""
    server.start()
    fs = os.path.join(tmp, "fs")            # LAYOUT=fs, with dots in names and Maildirs within Maildirs, copied without empty folders
    put(fs, "cur/1.M1.h:2,S", mail(1))
    put(fs, "Work/cur/2.M2.h;2,FS", mail(2))
    put(fs, "Work/Reports/new/3.M3.h", mail(3))
    put(fs, "Work/a.b/cur/4.M4.h!2,R", mail(4))
    put(fs, ".Dotted.Deep/cur/5.M5.h:2,", mail(5))
    put(fs, "Entw&APw-rfe/cur/6.M6.h:2,", mail(6))
    put(fs, ".x\\2ey/new/7.M7.h", mail(7))
    put(fs, "only/folders/here/cur/8.M8.h:2,", mail(8))
    put(fs, "sieve/cur/9.M9.h:2,", mail(9))
    put(fs, "dovecot-uidlist", b"3 V1 N2\n")
    put(fs, "subscriptions", b"Work\n")
    imported(server, "alice", fs)
    got = names(server, "alice")
    for name in ("INBOX", "Work", "Work/Reports", "Work/a.b", "Dotted/Deep", "Entwürfe", "x.y", "only/folders/here", "sieve"):
        assert got.get(name) == 1, (name, got)
    assert fetch(server, "alice", "Work")[0][0] == {"\\Flagged", "\\Seen"} and fetch(server, "alice", "Work/a.b")[0][0] == {"\\Answered"}
    assert all("subscribed" in line for line in server.cli("mailbox", "list", "alice").stdout.decode().splitlines() if line.startswith(("Work", "only", "Dotted")))

    courier = os.path.join(tmp, "courier")
    put(courier, "cur/1.M1.h,S=5:2,S", mail(1))
    put(courier, "cur/2.M2.h:2,", mail(2))
    put(courier, "cur/3.M3.h:2,", mail(3))
    put(courier, "courierimapkeywords/:list", b"$Label1\nUrgent\n\n1.M1.h,S=5:0 1\n2.M2.h:1\n")
    put(courier, "courierimapkeywords/2.M2.h", b"Newer\n")
    put(courier, "courierimapkeywords/.17.3.M3.h", b"Third\n")
    put(courier, "maildirsize", b"0S\n")
    imported(server, "bob", courier)
    assert [m[0] for m in fetch(server, "bob", "INBOX")] == [{"\\Seen", "$Label1", "Urgent"}, {"Newer"}, {"Third"}]

    tb = os.path.join(tmp, "Local Folders")

    def bird(n, status, keys=b"", body=b""):
        return (b"From - Sun Sep  9 01:46:40 2001\nX-Mozilla-Status: " + status + b"\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: " +
                keys.ljust(80) + b"\n" + mail(n) + body + b"\n")
    put(tb, "Inbox", bird(1, b"0001", b"$label1") + bird(2, b"0009") + bird(3, b"1006"))
    put(tb, "Inbox.msf", b"index")
    put(tb, "Work", b"")
    put(tb, "Work.msf", b"index")
    put(tb, "Work.sbd/Old", bird(4, b"0000"))
    put(tb, "Work.sbd/Old.sbd/Older", bird(5, b"0000"))
    put(tb, "msgFilterRules.dat", b"version=9")
    imported(server, "carol", tb, said=["1 that Thunderbird has deleted"])
    got = names(server, "carol")
    assert got["INBOX"] == 2 and got["Work"] == 0 and got["Work/Old"] == 1 and got["Work/Old/Older"] == 1, got
    inbox = fetch(server, "carol", "INBOX")
    assert inbox[0][0] == {"\\Seen", "$label1"} and inbox[1][0] == {"\\Answered", "\\Flagged", "$Forwarded"}, inbox
    assert [m[2] for m in inbox] == [crlf(mail(1)), crlf(mail(3))]

    kmail = os.path.join(tmp, "kmail")      # what lies below inbox is hidden beside it
    put(kmail, "inbox/cur/1.M1.h:2,", mail(1))
    put(kmail, ".inbox.directory/Sub/cur/2.M2.h:2,", mail(2))
    put(kmail, ".inbox.directory/.Sub.directory/Deep/new/3.M3.h", mail(3))
    put(kmail, ".git/objects/cur/4.M4.h:2,", mail(4))
    imported(server, "carol", "--into", "K", kmail)
    got = names(server, "carol")
    assert {n: c for n, c in got.items() if n.startswith("K/")} == {"K/inbox": 1, "K/inbox/Sub": 1, "K/inbox/Sub/Deep": 1}, got
    put(tmp, "one/saved.eml", FROM + mail(11))
    imported(server, "carol", "--into", "One", os.path.join(tmp, "one"))
    assert [m[2] for m in fetch(server, "carol", "One")] == [crlf(mail(11))]


def test_import_mbox_changed(server, tmp):
    """T141: a mail program's notes change between two imports: nothing comes twice; a sender's own notes delete nothing."""
    box = mailbox.mbox(os.path.join(tmp, "box"))
    for n in range(1, 4):
        box.add(mailbox.mboxMessage(mail(n)))
    box.add(mailbox.mboxMessage(b"Subject: mine\nX-Status: D\nStatus: RO\nX-Keywords: Evil\nTo: x\n\nx\n"))
    box.flush()
    server.start()
    imported(server, "alice", "--into", "Box", os.path.join(tmp, "box"), said=["4 messages stored"])
    for n, m in list(box.items())[:3]:
        m.set_flags("ROF")
        box[n] = m
    box.flush()
    imported(server, "alice", "--into", "Box", os.path.join(tmp, "box"), said=["0 messages stored", "4 were there already"])
    imported(server, "bob", "--into", "Box", os.path.join(tmp, "box"))
    got = fetch(server, "bob", "Box")
    assert [m[0] for m in got] == [{"\\Seen", "\\Flagged"}] * 3 + [set()], got
    assert got[0][2] == crlf(mail(1)) and b"X-Status: D" in got[3][2]


def uidls(server, account):
    p = Pop3(server.pop3)
    p.login(account)
    out = [line.split()[1].decode() for line in p.ok("UIDL")]
    assert [p.ok(f"UIDL {n}").split()[2].decode() for n in range(1, len(out) + 1)] == out
    p.ok("QUIT")
    return out


def test_import_uidls(server, tmp):
    """What Dovecot, Courier and who keeps his mail in an mbox called messages over POP3 they are called here, too; each is one message's."""
    md = os.path.join(tmp, "dovecot")
    for n in range(1, 6):
        put(md, f"cur/100000000{n}.M{n}.h:2,S", mail(n))
    server.start()
    c = imaplib.IMAP4("127.0.0.1", server.imap)
    c.login("alice", "secret")
    validity = int(re.search(rb"UIDVALIDITY (\d+)", c.status("INBOX", "(UIDVALIDITY)")[1][0]).group(1))
    c.logout()
    # One without a field, one with, one that looks as if it were of this mailbox, two that are one.
    put(md, "dovecot-uidlist", b"3 V1300000000 N9 Gabc\n1 :1000000001.M1.h\n2 Pmine W3 :1000000002.M2.h:2,S\n3 P%d.4 :1000000003.M3.h\n"
        b"4 Ptwice :1000000004.M4.h\n5 Ptwice :1000000005.M5.h\n" % validity)
    put(md, ".Sub/cur/1000000001.M1.h:2,", mail(9))
    put(md, ".Sub/dovecot-uidlist", b"3 V1300000000 N9 Gabc\n1 Psub :1000000001.M1.h\n")
    imported(server, "alice", md)
    want = ["000000014d7c6d00", "mine", f"{validity}.3", "twice", f"{validity}.5"]
    assert uidls(server, "alice") == want, uidls(server, "alice")
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("SELECT INBOX")
        c.cmd("COPY 2 INBOX")
        c.cmd("COPY 1 Sub")
    server.stop()
    server.start()
    assert uidls(server, "alice") == want + [f"{validity}.6"]
    courier = os.path.join(tmp, "courier")
    for n in range(1, 4):
        put(courier, f"new/{n}.M{n}.h", mail(n))
    put(courier, "courierpop3dsizelist", b"/3 9 1300000000\n1.M1.h:2,S 100 7:1300000000:0\n2.M2.h 100 8:0:0\n")
    imported(server, "bob", courier)
    got = uidls(server, "bob")
    assert got[:2] == ["UID7-1300000000", "UID8"] and re.fullmatch(r"\d+\.3", got[2]), got
    put(tmp, "spool", FROM + b"Subject: 1\nX-UIDL: the sender's\nX-UIDL: ab!cd\nStatus: RO\n\none\n\n" + FROM + b"Subject: 2\n\ntwo\n\n")
    imported(server, "carol", os.path.join(tmp, "spool"))
    got = uidls(server, "carol")
    assert got[0] == "ab!cd" and re.fullmatch(r"\d+\.2", got[1]), got
    server.cli("check")


def test_rounds(server, tmp):
    """Out and in, again and again: the same mail, the same flags, keywords, dates and names; nothing grows."""
    server.start()
    text = crlf(mail(1)) + b">From a\r\n>>From b\r\nFrom c Sun Sep  9 01:46:40 2001\r\n\r\nFrom d Sun Sep  9 01:46:40 2001\r\n"
    long_name = "ä" * 120
    with Client(server.imap) as c:
        c.login("alice")
        c.cmd("ENABLE IMAP4rev2")
        for name in ("Work/Reports", "a.b", "R&D", "Entwürfe/für dich", long_name, "x/" * 20 + "y", "Empty"):
            assert c.cmd(f'CREATE "{name}"').status == "OK", name
        c.append("INBOX", text, flags="\\Seen \\Draft $Forwarded " + " ".join(f"k{n}" for n in range(20)), date="01-Feb-1969 10:00:00 +0130")
        c.append("R&D", b"Status: RO\r\nX-Status: D\r\nSubject: the sender's\r\n\r\nno line end")
        for name in ("Work/Reports", "a.b", "Entwürfe/für dich", long_name, "x/" * 20 + "y"):
            c.append(name, crlf(mail(2)), flags="\\Answered", date="01-Feb-2020 10:00:00 -0730")
    before = names(server, "alice")
    for fmt, user in (("maildir", "bob"), ("mbox", "carol")):
        outs = []
        for turn, (account, into) in enumerate((("alice", user), (user, user), (user, user))):
            out = os.path.join(tmp, f"{fmt}{turn}")
            r = server.cli("export", "--user", account, "--format", fmt, out)
            outs.append({os.path.relpath(os.path.join(d, f), out): open(os.path.join(d, f), "rb").read() for d, _, fs in os.walk(out) for f in fs})
            said = imported(server, into, out)
            if turn:
                assert "0 messages stored" in said, said
        assert outs[0] == outs[1] == outs[2], [sorted(o) for o in outs]
        assert b"too long for a file" in r.stderr
        assert names(server, user) == before, (before, names(server, user))
        for name in ("INBOX", "Work/Reports", "a.b"):
            one, two = fetch(server, "alice", name), fetch(server, user, name)
            if fmt == "maildir":    # the time of a file has no zone
                one, two = [(m[0], m[2]) for m in one], [(m[0], m[2]) for m in two]
            assert one == two, (one, two)
    server.cli("check")


def test_export_says(server, tmp):
    """Keywords beyond what a format has are said; one mailbox that cannot be written leaves the others alone."""
    server.start()
    with Client(server.imap) as c:
        c.login("alice")
        for n in range(3):
            c.append("INBOX", crlf(mail(n)), flags=" ".join(f"k{i}" for i in range(n * 30, n * 30 + 30)))
    r = server.cli("export", "--user", "alice", os.path.join(tmp, "md"), check=False)
    assert r.returncode == 1 and b"3 messages went without some of their keywords" in r.stderr, r
    server.cli("export", "--user", "alice", "--format", "mbox", os.path.join(tmp, "mbox"))
    imported(server, "bob", os.path.join(tmp, "mbox"))
    assert [len(m[0]) for m in fetch(server, "bob", "INBOX")] == [30, 30, 30]


def test_import_foreign_bytes(server, tmp):
    """S25, T142: bytes as keywords that no client could have sent; one message beyond a limit leaves the others alone."""
    md = os.path.join(tmp, "md")
    put(md, "cur/1.M1.h:2,Sabcdefg", mail(1))
    put(md, "cur/2.M2.h:2,S", mail(2))
    put(md, "dovecot-keywords", b"0 a) UID 99 BODY[TEXT] {3}\n1 x\ry\n2 n\0l\n3 \\Seen\n4 good\n5 " + b"k" * 300 + b"\n6 \xc3\xa4\n")
    box = b"From a Sun Sep  9 01:46:40 2001\nX-Mozilla-Status: 0001\nX-Mozilla-Keys: ok bad) {3} 100%\n" + mail(3) + b"\n"
    put(tmp, "box", box)
    server.start()
    imported(server, "alice", md, code=1, said=["1.M1.h:2,Sabcdefg: comes without 6 keywords", "2 messages stored"])
    assert [m[0] for m in fetch(server, "alice", "INBOX")] == [{"\\Seen", "good"}, {"\\Seen"}]
    # Said again, as long as the source has them.
    imported(server, "alice", md, code=1, said=["1.M1.h:2,Sabcdefg: comes without 6 keywords", "0 messages stored", "2 were there already"])
    imported(server, "alice", "--into", "Box", os.path.join(tmp, "box"), code=1, said=["message 1: comes without"])
    assert fetch(server, "alice", "Box")[0][0] == {"\\Seen", "ok"}
    # More keywords than a mailbox can have, over several messages; and than a message can.
    many = b"".join(FROM + b"X-Mozilla-Status: 0000\nX-Mozilla-Keys: " + b" ".join(b"w%d" % (n * 250 + i) for i in range(250)) + b"\n" + mail(n) + b"\n"
                    for n in range(22))
    put(tmp, "many", many + FROM + mail(99))
    said = imported(server, "bob", "--into", "Many", os.path.join(tmp, "many"), code=1, said=["the mailbox has as many as it can have"])
    assert "23 messages stored" in said, said
    imported(server, "bob", "--into", "Many", os.path.join(tmp, "many"), said=["0 messages stored"])
    put(tmp, "wide", FROM + b"X-Mozilla-Status: 0000\nX-Mozilla-Keys: " + b" ".join(b"w%d" % i for i in range(5100)) + b"\n" + mail(1) + b"\n" + FROM + mail(2))
    imported(server, "bob", "--into", "Wide", os.path.join(tmp, "wide"), code=1, said=["message 1: comes without 4844 of its keywords"])
    assert names(server, "bob")["Wide"] == 2
    server.cli("check")


def test_import_truncated(server, tmp):
    """S26: a file that is cut short while it is read ends nothing."""
    path = os.path.join(tmp, "big")
    with open(path, "wb") as f:
        for n in range(4000):
            f.write(FROM + mail(n, "y" * 3000) + b"\n")
    server.start()
    p = subprocess.Popen([server.binary, "--data", server.data, "import", "--user", "alice", "--into", "Big", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=server.env)
    end = time.time() + 20
    while time.time() < end and names(server, "alice").get("Big", 0) == 0:
        time.sleep(0.02)
    os.truncate(path, 100000)
    out, err = p.communicate(timeout=60)
    whole = b"4000 messages stored" in out
    assert p.returncode == (0 if whole else 1) and (whole or b"became shorter while it was read" in err), (p.returncode, out, err)
    server.cli("check")
    if whole:
        raise LeftOut("the import was quicker than the cut")


def test_import_renamed(server, tmp):
    """A mail program marks all messages of a Maildir while they are read: each is found under its new name, and the folder is not listed anew for each."""
    md, many = os.path.join(tmp, "md"), 4000
    put(md, "cur/1000000000.M0.h:2,", mail(0, "x" * 60000000))
    for n in range(1, many):
        put(md, f"cur/1{n:09}.M{n}.h:2,", mail(n))
    server.start()
    p = subprocess.Popen([server.binary, "--data", server.data, "import", "--user", "alice", "--into", "Marked", md],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=server.env)
    # The first is open: the folder has been listed.
    end = time.time() + 20
    while time.time() < end and not any("M0.h" in link for pid in [p.pid, *children(p.pid)] for link in links(pid)):
        pass
    p.send_signal(signal.SIGSTOP)
    for n in range(1, many):
        was = os.path.join(md, f"cur/1{n:09}.M{n}.h:2,")
        if n == 7:
            os.unlink(was)
        else:
            os.rename(was, was + ("S" if n % 2 else "F"))
    p.send_signal(signal.SIGCONT)
    out, err = p.stdout.read(), p.stderr.read()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 0 and f"{many - 1} messages stored".encode() in out, (p.returncode, out, err)
    marked = [b for b in json.loads(server.cli("mailbox", "list", "--json", "alice").stdout) if b["name"] == "Marked"]
    assert marked[0]["messages"] == many - 1 and marked[0]["unseen"] == many // 2, marked
    assert used.ru_utime + used.ru_stime < 6, used


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def links(pid):
    """What a process has open."""
    out = []
    if not os.path.exists(f"/proc/{pid}/fd"):
        return out
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            out.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return out


def test_export_stopped(server, tmp):
    """S26: a command line that is stopped holds no snapshot: the log of the store is cut while it stands."""
    server.start()
    with Client(server.imap) as c:
        c.login("alice")
        for n in range(40):
            c.append("INBOX", crlf(mail(n, "z" * 400000)))
        p = subprocess.Popen([server.binary, "--data", server.data, "export", "--user", "alice", os.path.join(tmp, "out")], env=server.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.time() + 20
        while time.time() < end and not any(f.startswith("1") for d, _, fs in os.walk(os.path.join(tmp, "out")) for f in fs):
            time.sleep(0.005)
        p.send_signal(signal.SIGSTOP)
        try:
            time.sleep(0.3)
            wal = os.path.join(server.data, "mansio.db-wal")
            sizes = []
            for n in range(120):        # the log stays at some 23 MB; with a snapshot held it takes all of this, 50 MB
                c.append("INBOX", crlf(mail(1000 + n, os.urandom(300000).hex())))
                sizes.append(os.path.getsize(wal))
            assert max(sizes) < 36 << 20, f"the log grew to {max(sizes) >> 20} MB while an export stood still"
        finally:
            p.send_signal(signal.SIGCONT)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 0, err


def test_stop_while_busy(server, tmp):
    """SIGTERM does not wait for a check or a backup that runs."""
    server.start()
    with Client(server.imap) as c:
        c.login("alice")
        for n in range(60):
            c.append("INBOX", crlf(mail(n, os.urandom(1000000).hex())))
    for verb in (["check"], ["backup", os.path.join(tmp, "copy.db")]):
        p = subprocess.Popen([server.binary, "--data", server.data, *verb], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=server.env)
        time.sleep(0.15)
        began = time.time()
        assert server.stop() == 0
        took = time.time() - began
        out, err = p.communicate(timeout=60)
        print(f"    {verb[0]}: stopped after {took:.2f} s, {p.returncode}")
        assert took < 5, (verb, took)
        copy = os.path.join(tmp, "copy.db")
        if p.returncode and os.path.exists(copy):       # it was made just before the server ended, which then could not say so: whole it must be
            r = subprocess.run([server.binary, "--data", copy, "check"], capture_output=True, env=server.env)
            assert r.returncode == 0, ("half a backup is left", r.stdout, r.stderr)
        server.start()
