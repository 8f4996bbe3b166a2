# SPDX-License-Identifier: Apache-2.0
"""popping: programs that fetch mail by POP3."""
import hashlib
import os
import poplib
import re
import shutil
import ssl

from lib.server import PASSWORD
from interop.programs import Skip, check, fill, listing, mail, need, run


def ask(server, program=None):
    if not getattr(server, "knows_pop3", False):
        raise Skip("this server has no POP3")
    if program:
        need(program)


def is_there(texts, numbers):
    """Is each mail there, once and whole?"""
    for n in numbers:
        check(sum(mail(n).strip() in x.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for x in texts) == 1, f"mail {n} is not there once")


def scenario_poplib(server, user, folder):
    """Python's: STLS, UIDLs that stay, TOP, deletions."""
    ask(server)
    fill(server, user, 0, 60)
    p = poplib.POP3("127.0.0.1", server.pop3, timeout=60)
    check("STLS" in p.capa(), "CAPA")
    p.stls(ssl._create_unverified_context())
    p.user(user)
    p.pass_(PASSWORD)
    check(p.stat()[0] == 60, "STAT")
    ids = p.uidl()[1]
    is_there([b"\n".join(p.retr(n + 1)[1]) for n in range(60)], range(60))
    check(p.top(3, 0)[1] == mail(2).split(b"\r\n\r\n")[0].split(b"\r\n") + [b""], "TOP")
    for n in range(1, 61, 2):
        p.dele(n)
    p.quit()
    p = poplib.POP3_SSL("127.0.0.1", server.pop3s, timeout=60, context=ssl._create_unverified_context())
    p.user(user)
    p.pass_(PASSWORD)
    check([x.split()[1] for x in p.uidl()[1]] == [x.split()[1] for x in ids[1::2]], "a UIDL has changed")
    p.quit()
    check(len(listing(server, user, "INBOX")) == 30 and all("\\Seen" in f for f in listing(server, user, "INBOX").values()), "what is left")


def scenario_curl_pop3(server, user, folder):
    ask(server, "curl")
    fill(server, user, 0, 3)

    def curl(*args):
        return run(["curl", "-s", "-S", "-k", "-u", f"{user}:{PASSWORD}", *args])
    plain, tls = f"pop3://127.0.0.1:{server.pop3}/", f"pop3s://127.0.0.1:{server.pop3s}/"
    check(len(curl(plain).split("\n")) >= 3, "LIST")
    check(hashlib.sha256(curl("--ssl-reqd", plain + "2").replace("\r\n", "\n").strip().encode()).digest() ==
          hashlib.sha256(mail(1).decode().replace("\r\n", "\n").strip().encode()).digest(), "RETR over STLS")
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        if mechanism.startswith("SCRAM") and "gsasl" not in run(["curl", "--version"]).lower():
            continue
        check("Subject:" in curl("--login-options", f"AUTH={mechanism}", tls + "1"), mechanism)
    curl("-X", "DELE 1", "-I", tls)
    check(len(listing(server, user, "INBOX")) == 2, "DELE")


def scenario_fetchmail_pop3(server, user, folder):
    """Some kept and known by their UIDL the next time; then taken away."""
    ask(server, "fetchmail")
    fill(server, user, 0, 30)
    rc, box = os.path.join(folder, "fetchmailrc"), os.path.join(folder, "mbox")

    def fetch(more):
        with open(rc, "w", encoding="utf-8") as f:
            f.write(f'poll 127.0.0.1 protocol pop3 port {server.pop3} uidl user "{user}" password "{PASSWORD}" mda "cat >> {box}" {more}\n')
        os.chmod(rc, 0o600)
        run(["fetchmail", "-f", rc, "-i", os.path.join(folder, "ids"), "--pidfile", os.path.join(folder, "pid")],
            env={"HOME": folder, "FETCHMAILHOME": folder})
    fetch("keep sslproto TLS1.2+ no sslcertck")
    fill(server, user, 30, 10)
    fetch("keep sslproto TLS1.2+ no sslcertck")
    with open(box, "rb") as f:
        check(len(re.findall(rb"^Message-ID: ", f.read(), re.M)) == 40, "fetchmail brought another number")
    fetch("no keep fetchall sslproto ''")
    check(not listing(server, user, "INBOX"), "fetchmail left some")


def scenario_getmail_pop3(server, user, folder):
    ask(server, "getmail")
    fill(server, user, 0, 25)
    box = os.path.join(folder, "mail")
    for d in ("", "cur", "new", "tmp"):
        os.mkdir(os.path.join(box, d))
        if os.getuid() == 0:
            shutil.chown(os.path.join(box, d), "nobody")    # getmail does not deliver as root
    rc = os.path.join(folder, "getmailrc")
    with open(rc, "w", encoding="utf-8") as f:
        f.write(f"""[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = {server.pop3}
username = {user}
password = {PASSWORD}
[destination]
type = Maildir
path = {box}/
{"user = nobody" if os.getuid() == 0 else ""}
[options]
read_all = false
delete = false
""")
    for _ in range(2):     # the second time it knows them by their UIDLs
        run(["getmail", "--getmaildir", folder, "--rcfile", rc], env={"HOME": folder})
    texts = []
    for name in os.listdir(os.path.join(box, "new")):
        with open(os.path.join(box, "new", name), "rb") as f:
            texts.append(f.read())
    check(len(texts) == 25, f"getmail brought {len(texts)}")
    is_there(texts, range(25))


def scenario_mpop(server, user, folder):
    """Over STLS, pipelined, SCRAM; takes away."""
    ask(server, "mpop")
    fill(server, user, 0, 25)
    rc, box = os.path.join(folder, "mpoprc"), os.path.join(folder, "mbox")
    with open(rc, "w", encoding="utf-8") as f:
        f.write(f"""account default
host 127.0.0.1
port {server.pop3}
user {user}
password {PASSWORD}
auth on
tls on
tls_starttls on
tls_certcheck off
delivery mbox {box}
uidls_file {folder}/uidls
keep off
""")
    os.chmod(rc, 0o600)
    run(["mpop", "-C", rc], env={"HOME": folder})
    with open(box, "rb") as f:
        is_there([f.read()], range(25))
    check(not listing(server, user, "INBOX"), "mpop left some")
