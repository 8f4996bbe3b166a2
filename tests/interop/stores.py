# SPDX-License-Identifier: Apache-2.0
"""Stores as other programs make them, brought in by 'mansio import' and out again: the same mail, folders, flags, keywords, dates.

The programs are Debian's. Where they are not installed their packages are fetched and unpacked into a folder, which is laid over /usr in a mount
namespace of its own: nothing is installed, and no service starts.
"""
import base64
import glob
import imaplib
import mailbox
import os
import re
import shutil
import subprocess
import time

from lib import stored
from lib.server import PASSWORD, free_ports
from . import thunderbird
from .programs import Skip, need, terminal

WHEN = 1000000000


def mail(n, body="hello\n"):
    return f"From: a{n}@example.org\nTo: b@example.org\nSubject: message {n}\nMessage-ID: <{n}@example.org>\n\n{body}".encode()


MAILS = {1: mail(1), 2: mail(2, "x\n\nFrom here on, 10:30:00 2026\n>From there\n"), 3: mail(3, "ä\n"), 4: mail(4, "\n\nlast\n\n")}


def unpacked(tmp, packages):
    """The folder of the packages and of what they need, unpacked."""
    if os.getuid():
        raise Skip("needs root, for a mount namespace")
    debs, root = os.path.join(tmp, "debs"), os.path.join(tmp, "root")
    os.makedirs(os.path.join(debs, "partial"))
    os.makedirs(os.path.join(root, "usr"))
    r = subprocess.run(["apt-get", "-y", "--no-install-recommends", "--download-only", "-o", f"Dir::Cache::archives={debs}", "-o", "APT::Sandbox::User=root",
                        "install", *packages], capture_output=True, stdin=subprocess.DEVNULL)
    files = glob.glob(os.path.join(debs, "*.deb"))
    if r.returncode or not files:
        raise Skip(f"Debian does not give {' '.join(packages)} here")
    for file in files:
        subprocess.run(["dpkg", "-x", file, root], check=True)
    return root


def inside(root, script, **env):
    """Runs a shell script with the packages in place."""
    r = subprocess.run(["unshare", "-m", "sh", "-ec", 'mount -t overlay overlay -o "lowerdir=$ROOT/usr:/usr" /usr\n' + script],
                       env={**os.environ, "ROOT": root, **env}, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    if b"mount" in r.stderr and r.returncode == 32:
        raise Skip("overlays cannot be mounted here")
    assert r.returncode == 0, (script, r.stdout, r.stderr)
    return r.stdout.decode()


def account(server, name):
    server.cli("user", "add", name, "--password-stdin", "--scheme", "plain", stdin=PASSWORD.encode() + b"\n")


def everything(server, user):
    """{mailbox: [(flags, date, bytes)]} of all mailboxes with mail."""
    c = imaplib.IMAP4("127.0.0.1", server.imap)
    c.login(user, PASSWORD)
    out = {}
    for line in c.list()[1]:
        name = line.decode().split(' "/" ')[1].strip('"')
        out[name] = stored.messages(c, name)
    c.logout()
    return out


def brought(server, user, path, code=0, into=None):
    r = server.cli("import", "--user", user, *(["--into", into] if into else []), path, check=False)
    assert r.returncode == code, (r.returncode, r.stdout, r.stderr)
    return (r.stdout + r.stderr).decode()


def compare(got, want):
    """want: {mailbox: [(flags, number of the mail)]}; bodies byte for byte, dates at WHEN where they were given."""
    for name, messages in want.items():
        assert name in got, (name, sorted(got))
        have = [(set(f), b) for f, _, b in got[name]]
        wanted = [(flags, MAILS[n].replace(b"\n", b"\r\n")) for flags, n in messages]
        assert sorted(have, key=str) == sorted(wanted, key=str), (name, have, wanted)


def again(server, user, path, own):
    """Once more nothing comes; out and in to another account, everything is equal."""
    first = everything(server, user)
    assert "0 messages stored" in brought(server, user, path)
    for fmt in ("maildir", "mbox"):
        other = f"{user}-{fmt}"
        account(server, other)
        out = os.path.join(own, f"out-{fmt}")
        server.cli("export", "--user", user, "--format", fmt, out)
        brought(server, other, out)
        assert everything(server, other) == first or fmt == "maildir", (first, everything(server, other))
        bare = [{n: [(f, b) for f, _, b in ms] for n, ms in x.items()} for x in (everything(server, other), first)]
        assert bare[0] == bare[1], bare


# ---- Dovecot ----

DOVECOT = """
base_dir = {own}/run
state_dir = {own}/state
log_path = /dev/stderr
default_internal_user = mail
default_internal_group = mail
default_login_user = nobody
ssl = no
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def dovecot(root, own, location, commands):
    with open(os.path.join(own, "dovecot.conf"), "w") as f:
        f.write(DOVECOT.format(own=own))
    script = 'D() { HOME="$OWN" USER=mail setpriv --reuid mail --regid mail --clear-groups doveadm -c "$OWN/dovecot.conf" -o "mail_location=$LOC" "$@"; }\n'
    shutil.chown(own, "mail", "mail")
    return inside(root, script + commands, OWN=own, LOC=location)


def scenario_dovecot_files(server, user, own):
    """Dovecot's Maildir++ and LAYOUT=fs, its mbox; sdbox and mdbox are named, with the way to go, and that way goes."""
    root = unpacked(own, ["dovecot-imapd"])
    os.chmod(own, 0o755)
    for n, text in MAILS.items():
        with open(os.path.join(own, f"m{n}"), "wb") as f:
            f.write(text)
        os.chmod(os.path.join(own, f"m{n}"), 0o644)
    kinds = {"md": "maildir:~/md", "fs": "maildir:~/fs:LAYOUT=fs", "mbox": "mbox:~/mbox:INBOX=~/mbox/inbox", "sdbox": "sdbox:~/sdbox", "mdbox": "mdbox:~/mdbox"}
    want = {"INBOX": [({"\\Seen", "\\Flagged", "$Label1", "Urgent"}, 1), (set(), 2)], "Entw&APw-rfe": [({"\\Draft"}, 3)]}
    for kind, location in kinds.items():
        deep = "Work/Reports" if kind != "mbox" else "Work"
        dovecot(root, own, location, f"""
[ {kind} = mbox ] && mkdir -p "$OWN/mbox" && chown mail:mail "$OWN/mbox"
D mailbox create Entwürfe {'Work/Reports' if deep != 'Work' else 'Work'}
for n in 1 2; do D save -m INBOX < "$OWN/m$n"; done
D save -m Entwürfe < "$OWN/m3"
D save -m {deep} < "$OWN/m4"
D flags add '\\Seen \\Flagged $Label1 Urgent' mailbox INBOX subject 'message 1'
D flags add '\\Draft' mailbox Entwürfe all
D flags add '\\Answered Urgent' mailbox {deep} all
""")
        path = os.path.join(own, kind)
        who = f"{user}-{kind}"
        account(server, who)
        if kind in ("sdbox", "mdbox"):
            said = brought(server, who, path, code=1)
            assert "doveadm backup" in said, said
            dovecot(root, own, location, f'D backup "maildir:$OWN/{kind}-md"')
            path += "-md"
        brought(server, who, path)
        compare(everything(server, who), {**want, deep: [({"\\Answered", "Urgent"}, 4)]})
        again(server, who, path, os.path.join(own, kind + "-out") if os.mkdir(os.path.join(own, kind + "-out")) is None else own)
    # The mail program goes on with what was brought in: flags change, mail goes; only what is new comes.
    dovecot(root, own, kinds["mbox"], "D flags add '\\Seen' mailbox INBOX all\nD save -m INBOX < \"$OWN/m3\"\n")
    assert "1 messages stored" in brought(server, f"{user}-mbox", os.path.join(own, "mbox"))


def scenario_courier_files(server, user, own):
    """Courier's Maildir with folders and keywords."""
    root = unpacked(own, ["courier-base"])
    path = os.path.join(own, "Maildir")
    inside(root, f"""
export LD_LIBRARY_PATH=/usr/lib/courier-authlib
maildirmake.courier {path}; maildirmake.courier -f Work.Reports {path}; maildirmake.courier -f 'Entw&APw-rfe' {path}
""")
    for folder, n, flags in (("", 1, "FS"), ("", 2, ""), (".Work.Reports", 4, "R"), (".Entw&APw-rfe", 3, "D")):
        file = os.path.join(path, folder, "cur", f"{WHEN + n}.M{n}P1.host,S=5:2,{flags}")
        with open(file, "wb") as f:
            f.write(MAILS[n])
        os.utime(file, (WHEN, WHEN))
    inside(root, f"""
export LD_LIBRARY_PATH=/usr/lib/courier-authlib
maildirkw {path} {WHEN + 1}.M1P1.host,S=5 '$Label1' Urgent
maildirkw {path}/.Work.Reports {WHEN + 4}.M4P1.host,S=5 Urgent
""")
    brought(server, user, path)
    got = everything(server, user)
    compare(got, {"INBOX": [({"\\Seen", "\\Flagged", "$Label1", "Urgent"}, 1), (set(), 2)], "Entw&APw-rfe": [({"\\Draft"}, 3)],
                  "Work/Reports": [({"\\Answered", "Urgent"}, 4)]})
    assert all(d.startswith(" 9-Sep-2001 01:46:40") for _, d, _ in got["INBOX"]), got["INBOX"]
    again(server, user, path, own)


def scenario_mutt_files(server, user, own):
    """mboxes and Maildirs that mutt writes: it saves mail, flags it, and rewrites the file."""
    need("mutt")
    for kind in ("mbox", "Maildir"):
        box, source = os.path.join(own, kind), os.path.join(own, f"{kind}-source")
        src = mailbox.mbox(source)
        for n in MAILS:
            src.add(mailbox.mboxMessage(MAILS[n]))
        src.flush()
        # All are copied; then the first is flagged and read, the last deleted.
        for folder, push in ((source, f"<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{box}<enter><quit>"),
                             (box, "<first-entry><flag-message><next-undeleted><last-entry><delete-message><quit>")):
            terminal(["mutt", "-n", "-F", "/dev/null", "-e", f"set mbox_type={kind} quit=yes move=no delete=yes confirmcreate=no confirmappend=no beep=no "
                      "wait_key=no mail_check=0 sort=mailbox-order resolve=no folder=/ record=", "-e", f'push "{push}"', "-f", folder],
                     {**os.environ, "TERM": "xterm", "HOME": own})
        who = f"{user}-{kind.lower()}"
        account(server, who)
        brought(server, who, box, into="Box")
        got = everything(server, who)["Box"]
        assert len(got) == 3, (kind, [b for _, _, b in got])
        file = mailbox.mbox(box) if kind == "mbox" else mailbox.Maildir(box, create=False)
        # Which mail of a Maildir is the first one is mutt's to say: all came in one second.
        flagged = [m["Subject"] for m in file if "F" in m.get_flags()]
        assert [re.search(rb"Subject: (.*)\r", b).group(1).decode() for f, _, b in got if "\\Flagged" in f] == flagged and len(flagged) == 1, got
        assert kind != "mbox" or "\\Flagged" in got[0][0], got
        assert not any("\\Deleted" in f for f, _, _ in got), got
        theirs = sorted(m["Subject"] for m in file)
        assert sorted(re.search(rb"Subject: (.*)\r", b).group(1).decode() for _, _, b in got) == theirs
        assert kind != "mbox" or not any(b"\r\nStatus:" in b or b"Content-Length" in b for _, _, b in got), got
        assert kind != "mbox" or got[0][2] == MAILS[1].replace(b"\n", b"\r\n"), got[0]
        assert "0 messages stored" in brought(server, who, box, into="Box")


# ---- Cyrus ----

CYRUS = """configdirectory: {own}/conf
partition-default: {own}/spool
defaultpartition: default
cyrus_user: mail
admins: admin
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
allowplaintext: yes
unixhierarchysep: yes
altnamespace: yes
proc_path: {own}/run/proc
mboxname_lockpath: {own}/run/lock
lmtpsocket: {own}/socket/lmtp
idlesocket: {own}/socket/idle
"""
MBSYNC = """IMAPStore old
Host 127.0.0.1
Port {old}
User someone
Pass {password}
AuthMechs LOGIN
SSLType None

IMAPStore new
Host 127.0.0.1
Port {new}
User {user}
Pass {password}
AuthMechs LOGIN
SSLType None

Channel move
Far :old:
Near :new:
Patterns *
Create Both
Sync Pull
CopyArrivalDate yes
SyncState {own}/state/
"""


def cyrus_ready(port):
    for _ in range(100):
        try:
            return imaplib.IMAP4("127.0.0.1", port)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("Cyrus does not come up")


def fill_cyrus(port):
    c = cyrus_ready(port)
    c.login("admin", PASSWORD)
    for name in ("user/someone", "user/someone/Work", "user/someone/Work/Reports", "user/someone/Entw&APw-rfe"):
        assert c.create(name)[0] == "OK", name
    c.logout()
    c = imaplib.IMAP4("127.0.0.1", port)
    c.login("someone", PASSWORD)
    for name, flags, n in (("INBOX", "\\Seen \\Flagged", 1), ("INBOX", "", 2), ("Entw&APw-rfe", "\\Draft", 3), ("Work/Reports", "\\Answered", 4)):
        assert c.append(name, f"({flags})", imaplib.Time2Internaldate(WHEN), MAILS[n].replace(b"\n", b"\r\n"))[0] == "OK", name
    c.logout()


def scenario_cyrus_files(server, user, own):
    """Cyrus' spool is named, with the way to go; and that way, over IMAP, goes."""
    need("mbsync")
    root = unpacked(own, ["cyrus-imapd"])
    os.chmod(own, 0o755)
    port, = free_ports(1)
    for name in ("conf", "spool", "run", "socket", "state"):
        os.mkdir(os.path.join(own, name))
        shutil.chown(os.path.join(own, name), "mail", "mail")
    with open(os.path.join(own, "imapd.conf"), "w") as f:
        f.write(CYRUS.format(own=own))
    with open(os.path.join(own, "cyrus.conf"), "w") as f:
        f.write(f'START {{\n  recover cmd="ctl_cyrusdb -C {own}/imapd.conf -r"\n}}\nSERVICES {{\n'
                f'  imap cmd="imapd -C {own}/imapd.conf" listen="127.0.0.1:{port}" prefork=0\n}}\n')
    inside(root, "true")
    master = subprocess.Popen(["unshare", "-m", "sh", "-ec", 'mount -t overlay overlay -o "lowerdir=$ROOT/usr:/usr" /usr\n'
                               f"PATH=/usr/lib/cyrus/bin:$PATH exec /usr/lib/cyrus/bin/master -D -C {own}/imapd.conf -M {own}/cyrus.conf -p {own}/run/pid"],
                              env={**os.environ, "ROOT": root}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fill_cyrus(port)
        said = brought(server, user, os.path.join(own, "spool"), code=1)
        assert "over IMAP" in said and "docs/migration.md" in said, said
        with open(os.path.join(own, "mbsyncrc"), "w") as f:
            f.write(MBSYNC.format(old=port, new=server.imap, user=user, password=PASSWORD, own=own))
        subprocess.run(["mbsync", "-c", os.path.join(own, "mbsyncrc"), "move"], check=True, capture_output=True, timeout=60)
    finally:
        master.terminate()
        master.wait(timeout=20)
    # mbsync marks what it carries.
    got = {name: [(f, d, re.sub(rb"X-TUID: .*\r\n", b"", b)) for f, d, b in ms] for name, ms in everything(server, user).items()}
    compare(got, {"INBOX": [({"\\Seen", "\\Flagged"}, 1), (set(), 2)], "Entw&APw-rfe": [({"\\Draft"}, 3)], "Work/Reports": [({"\\Answered"}, 4)]})
    assert all(d.startswith(" 9-Sep-2001 01:46:40") for _, d, _ in got["INBOX"]), got["INBOX"]


# ---- Thunderbird ----

LOCAL = """
const local = MailServices.accounts.localFoldersServer.rootFolder;
const child = (f, name) => { f.QueryInterface(Ci.nsIMsgLocalMailFolder).createLocalSubfolder(name); return f.getChildNamed(name); };
const put = async (f, text, flags) => {
  const file = Services.dirsvc.get('TmpD', Ci.nsIFile); file.append('m.eml'); file.createUnique(0, 0o600);
  await IOUtils.write(file.path, Uint8Array.from(atob(text), c => c.charCodeAt(0)));
  const l = listener(); MailServices.copy.copyFileMessage(file, f, null, false, flags, '', l, null); await l.promise; file.remove(false);
};
"""


def scenario_thunderbird_files(server, user, own):
    """Thunderbird's Local Folders: folders in folders, flags, tags; what it has deleted and not compacted stays away."""
    prefix, env = [], {}
    if shutil.which("thunderbird") is None:
        env["ROOT"] = unpacked(own, ["thunderbird"])
        inside(env["ROOT"], "true")
        prefix = ["unshare", "-m", "sh", "-ec", 'mount -t overlay overlay -o "lowerdir=$ROOT/usr:/usr" /usr\nexec "$@"', "sh"]
    texts = {str(n): base64.b64encode(text.replace(b"\n", b"\r\n")).decode() for n, text in MAILS.items()}
    with thunderbird.running(server, user, own, prefix, env) as m:
        m.run("await until('the window', () => Services.wm.getMostRecentWindow('mail:3pane'));")
        m.run(LOCAL + """const t = arguments[0], work = child(local, 'Work'), old = child(work, 'Entwürfe'), empty = child(local, 'Empty');
            await put(work, t[1], 0); await put(work, t[2], 0); await put(work, t[3], 0); await put(old, t[4], 1);
            await until('headers', () => [...work.messages].length == 3);
            const by = n => [...work.messages].find(h => h.messageId == n + '@example.org');
            work.markMessagesRead([by(1)], true); work.markMessagesFlagged([by(1)], true); work.addKeywordsToMessages([by(1)], '$label1 urgent');
            work.addMessageDispositionState(by(2), Ci.nsIMsgFolder.nsMsgDispositionState_Replied);
            work.deleteMessages([by(3)], null, true, false, null, false); await wait(2000);""", texts)
        m("Marionette:Quit", {"flags": ["eAttemptQuit"]})
        time.sleep(2)
    path = os.path.join(own, "profile", "Mail", "Local Folders")
    said = brought(server, user, path)
    got = everything(server, user)
    for name, messages in got.items():      # what Thunderbird keeps about accounts is not the mail's
        got[name] = [(f, d, re.sub(rb"^(?:X-Account-Key|X-UIDL): .*\r\n", b"", b, flags=re.M)) for f, d, b in messages]
    compare(got, {"Work": [({"\\Seen", "\\Flagged", "$label1", "urgent"}, 1), ({"\\Answered"}, 2)], "Work/Entw&APw-rfe": [({"\\Seen"}, 4)], "Empty": []})
    assert "stayed away" in said or b"message 3" not in open(os.path.join(path, "Work"), "rb").read(), said
    again(server, user, path, own)
