# SPDX-License-Identifier: Apache-2.0
"""hour: what an operator does in his first hour, in a Debian of its own where he is root. Run by tests/newcomer/run."""
import imaplib
import json
import os
import re
import smtplib
import socket
import ssl
import subprocess
import time

DOC = "/mansio/README.md"
CONF = "/etc/mansio/mansio.conf"
TLS = ssl._create_unverified_context()  # noqa: SLF001
server = None


def step(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def sh(command, ok=True, stdin=None):
    r = subprocess.run(["bash", "-c", command], input=stdin, capture_output=True, text=True, timeout=300)
    assert not ok or r.returncode == 0, f"{command}: {r.returncode}\n{r.stdout[-1500:]}{r.stderr[-1500:]}"
    return r


def wait(what, test, seconds=60):
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end, f"{what}: not within {seconds} s\n{sh('tail -n 30 /var/log/mail.log /var/log/mansio.log', ok=False).stdout}"
        time.sleep(0.2)


def blocks():
    """The indented blocks of the README, as an operator would copy them."""
    return re.findall(r"(?:^    .*\n)+", open(DOC, encoding="utf-8").read(), re.M)


def postfix_lines(block):
    return [x.strip() for x in block.splitlines() if re.match(r"    \w+ = ", x)]


def start():
    global server
    log = open("/var/log/mansio.log", "ab")
    # As the unit does: the user mansio, with the right to low ports.
    server = subprocess.Popen(["setpriv", "--reuid", "mansio", "--regid", "mansio", "--init-groups", "--inh-caps=-all,+net_bind_service",
                               "--ambient-caps=-all,+net_bind_service", "--bounding-set=-all,+net_bind_service", "--no-new-privs",
                               "mansio", "serve", "--quiet", "--data", "/var/lib/mansio"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    log.close()

    def up():
        assert server.poll() is None, open("/var/log/mansio.log").read()[-2000:]
        try:
            socket.create_connection(("127.0.0.1", 993), timeout=1).close()
            return True
        except OSError:
            return False
    wait("the server", up)


def stop():
    server.terminate()
    assert server.wait(30) == 0


def mansio_log():
    return open("/var/log/mansio.log").read()


def certificate(serial):
    folder = "/etc/letsencrypt/live/mail.example.org"
    os.makedirs(folder, exist_ok=True)
    sh(f"openssl req -x509 -newkey rsa:2048 -nodes -days 90 -set_serial {serial} -subj /CN=mail.example.org "
       f"-keyout {folder}/privkey.pem -out {folder}/fullchain.pem")
    sh(f"RENEWED_LINEAGE={folder} /etc/letsencrypt/renewal-hooks/deploy/mansio")


def served_serial():
    pem = ssl.get_server_certificate(("127.0.0.1", 993))
    return int(sh("openssl x509 -noout -serial", stdin=pem).stdout.strip().split("=")[1], 16)


def count(account, folder):
    boxes = json.loads(sh(f"mansio mailbox list --json {account}").stdout)
    return {b["name"]: b["messages"] for b in boxes}.get(folder)


def login(account, tls=True):
    c = imaplib.IMAP4_SSL("127.0.0.1", ssl_context=TLS) if tls else imaplib.IMAP4("127.0.0.1")
    if not tls:
        c.starttls(TLS)
    c.login(account, account[:3] + "-secret")
    return c


# ---- the steps, in their order ----

def installed():
    step("what is installed")
    for path in ("bin/mansio", "lib/systemd/system/mansio.service", "share/mansio/certbot-hook", "share/doc/mansio/mansio.conf.sample",
                 "share/doc/mansio/docs/capabilities.md", "share/doc/mansio/docs/migration.md", "share/man/man1/mansio.1",
                 "share/man/man5/mansio.conf.5", "share/man/man7/mansio-log.7", "share/bash-completion/completions/mansio"):
        assert os.path.exists("/usr/local/" + path), path
    assert os.access("/usr/local/share/mansio/certbot-hook", os.X_OK)
    assert "ExecStart=/usr/local/bin/mansio " in open("/usr/local/lib/systemd/system/mansio.service").read()
    for page in ("1 mansio", "5 mansio.conf", "7 mansio-log"):
        assert len(sh(f"man {page}").stdout) > 1000
    sample = open("/usr/local/share/doc/mansio/mansio.conf.sample").read()
    os.makedirs("/etc/mansio", exist_ok=True)
    for text in (sample, re.sub(r"^    #(\w+ = )", r"    \1", sample, flags=re.M)):
        open(CONF, "w").write(text)
        assert sh("mansio config --changed").stdout == ""
    # By the lines of the unit.
    unit = open("/usr/local/lib/systemd/system/mansio.service").read()
    for command in re.findall(r"^#   (useradd .*mansio|install -d -o mansio -m 700 \S+)", unit, re.M):
        if not command.startswith("useradd") or sh("id mansio", ok=False).returncode:
            sh(command)
    sh("install -d -o mansio -g mansio -m 700 /var/lib/mansio /var/backups/mansio")


def users():
    step("two users; the store is one, whoever asks")
    for name in ("alice@example.org", "bob@example.org"):
        sh(f"mansio user add {name} --password-stdin", stdin=name[:3] + "-secret\n")
    mine = sh("mansio user list").stdout
    assert mine == sh("su -s /bin/sh mansio -c 'mansio user list'").stdout and "bob@example.org" in mine
    assert not os.path.exists("/var/lib/mansio/.local")


def first_start():
    step("a certificate from certbot, the settings, the first start")
    os.makedirs("/etc/letsencrypt/renewal-hooks/deploy", exist_ok=True)
    sh("install -m 755 /usr/local/share/mansio/certbot-hook /etc/letsencrypt/renewal-hooks/deploy/mansio")
    certificate(1001)
    open(CONF, "w").write('tls {\n    certificate = "/etc/mansio/fullchain.pem"\n    key = "/etc/mansio/privkey.pem"\n}\n'
                          'lmtp {\n    listen = {"127.0.0.1:24"}\n}\nserver {\n    name = mail.example.org\n}\n')
    assert sh("mansio config").stderr == ""
    start()
    assert f" started version=0.1.0 config={CONF} " in mansio_log() and served_serial() == 1001


def postfix():
    step("Postfix, by the README")
    block = next(b for b in blocks() if "reject_unverified_recipient" in b and "virtual_mailbox_domains" in b)
    lines = postfix_lines(block)
    assert len(lines) >= 10, block
    for line in lines:
        sh("postconf -e '" + line.replace("'", "") + "'")
    # This machine's own programs may send anywhere; the world here comes from 192.0.2.1.
    for line in ("mynetworks = 127.0.0.0/8", "myhostname = mail.example.org", "mydestination = localhost", "inet_protocols = ipv4", "maillog_file = /var/log/mail.log",
                 "smtpd_tls_cert_file = /etc/mansio/fullchain.pem", "smtpd_tls_key_file = /etc/mansio/privkey.pem", "smtpd_tls_security_level = may"):
        sh(f"postconf -e '{line}'")
    sh("newaliases; postfix check; postfix start")
    wait("Postfix", lambda: sh("postfix status", ok=False).returncode == 0)


def stranger():
    s = smtplib.SMTP("192.0.2.1", 25, source_address=("192.0.2.1", 0), timeout=60)
    s.ehlo("stranger.example.net")
    return s


def refused():
    step("unknown recipients are refused at RCPT, known ones taken, both from the cache the second time; too large mail is refused")
    for _ in range(2):
        s = stranger()
        s.mail("spammer@example.net")
        code, text = s.rcpt("nobody@example.org")
        assert code == 550 and b"No such user here" in text, (code, text)
        code, text = s.rcpt("alice@example.org")
        assert code == 250, (code, text)
        s.quit()
    log = open("/var/log/mail.log").read()
    assert log.count("status=undeliverable") == 1 and log.count("status=deliverable") == 1, log[-3000:]
    s = stranger()
    code, text = s.mail("friend@example.net", ["SIZE=68000000"])
    assert code == 552, (code, text)
    s.quit()
    assert 'recipient_refused recipient="nobody@example.org"' in mansio_log()


def delivered():
    step("a mail from the world arrives; nothing is sent back to anybody")
    s = stranger()
    s.sendmail("friend@example.net", ["alice@example.org"], b"Subject: hello\r\nMessage-ID: <1@example.net>\r\n\r\nfrom the world\r\n")
    s.quit()
    wait("the mail", lambda: count("alice@example.org", "INBOX") == 1)
    ident = re.search(r' delivered id=(\S+) recipient="alice@example.org" account="alice@example.org" mailbox="INBOX"', mansio_log()).group(1)
    c = login("alice@example.org")
    c.select("INBOX")
    text = c.fetch("1", "(BODY[])")[1][0][1]
    assert b" id " + ident.encode() in text and b"from the world" in text
    c.logout()
    wait("an empty queue", lambda: "Mail queue is empty" in sh("mailq").stdout)


def submission():
    step("people log in to Postfix with Mansio's accounts, by saslauthd -a rimap")
    block = next(b for b in blocks() if "pwcheck_method" in b)
    options = re.search(r'MECHANISMS="(\w+)" MECH_OPTIONS="(\S+)" OPTIONS="(.*?)"', block)
    run = re.search(r"-m (\S+)", options.group(3)).group(1)
    os.makedirs(run, exist_ok=True)
    sh("adduser --quiet postfix sasl; install -d /etc/postfix/sasl")
    open("/etc/postfix/sasl/smtpd.conf", "w").write("pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n")
    for line in postfix_lines(block):
        sh("postconf -e '" + line + "'")
    sh(f"chgrp sasl {run}; saslauthd -a {options.group(1)} -O {options.group(2)} {options.group(3)}; postfix reload")
    time.sleep(1)

    def try_login(password):
        s = stranger()
        assert "auth" not in s.esmtp_features, "passwords are offered without TLS"
        s.starttls(context=TLS)
        s.ehlo()
        try:
            s.login("bob@example.org", password)
            s.mail("bob@example.org")
            return s.rcpt("somebody@example.com")[0]
        except smtplib.SMTPAuthenticationError as e:
            return e.smtp_code
        finally:
            s.close()
    assert try_login("bob-secret") == 250
    assert try_login("wrong") == 535
    assert 'login account="bob@example.org" address=127.0.0.1 listener=imap ' in mansio_log()


def thunderbird():
    step("a session as Thunderbird's: STARTTLS, folders, headers, a mail read, one sent filed, IDLE that hears of a new one")
    c = login("alice@example.org", tls=False)
    for command, args in (("ID", ('("name" "Thunderbird" "version" "115.8")',)), ("NAMESPACE", ()), ("ENABLE", ("UTF8=ACCEPT",))):
        assert c.xatom(command, *args)[0] == "OK", command
    assert any(b"\\Sent" in x for x in c.list()[1])
    assert c._simple_command("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE SUBSCRIBED)")[0] == "OK"
    assert c.select("INBOX")[0] == "OK"
    assert c.uid("FETCH", "1:*", "(FLAGS)")[0] == "OK"
    assert c.uid("FETCH", "1", "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References "
                 "Newsgroups In-Reply-To Content-Type Reply-To)])")[0] == "OK"
    assert b"from the world" in c.uid("FETCH", "1", "(UID RFC822.SIZE BODY[])")[1][0][1]
    assert c.append("Sent", r"(\Seen)", None, b"Subject: my answer\r\n\r\nhello\r\n")[0] == "OK"
    c.send(b"x1 IDLE\r\n")
    assert c.readline().startswith(b"+")
    s = stranger()
    s.sendmail("friend@example.net", ["alice@example.org"], b"Subject: again\r\n\r\nmore\r\n")
    s.quit()
    c.sock.settimeout(60)
    line = c.readline()
    while b"EXISTS" not in line:
        line = c.readline()
    c.send(b"DONE\r\n")
    while not c.readline().startswith(b"x1 OK"):
        pass
    c.logout()
    wait("its line in the log", lambda: re.search(r'logout account="alice@example.org" .*client="Thunderbird 115.8" .*why="Logging out"', mansio_log()))


def phone():
    step("a session as a phone's: ID first, CONDSTORE, what changed, a move to another folder, gone without a word")
    c = imaplib.IMAP4_SSL("127.0.0.1", ssl_context=TLS)
    imaplib.Commands["ID"] = ("NONAUTH", "AUTH", "SELECTED")  # RFC 2971: in any state
    assert c.xatom("ID", '("name" "iPhone Mail" "version" "21A329" "os" "iOS" "os-version" "17.0")')[0] == "OK"
    c.login("alice@example.org", "ali-secret")
    assert c._simple_command("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE)")[0] == "OK"
    assert c._simple_command("SELECT", "INBOX", "(CONDSTORE)")[0] == "OK"
    c.state = "SELECTED"
    assert c.uid("FETCH", "1:*", "(UID FLAGS)", "(CHANGEDSINCE 1)")[0] == "OK"
    assert c.uid("FETCH", "2", "(INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER] BODYSTRUCTURE)")[0] == "OK"
    assert c.uid("STORE", "2", "+FLAGS.SILENT", r"(\Seen)")[0] == "OK"
    assert c.uid("MOVE", "2", "Archive")[0] == "OK"
    c.shutdown()
    wait("its line in the log", lambda: re.search(r'logout .*client="iPhone Mail 21A329" .*why="the connection was closed"', mansio_log()))
    assert count("alice@example.org", "Archive") == 1


def moved_in():
    step("old mail is brought in")
    for folder in ("", ".Work"):
        for sub in ("cur", "new", "tmp"):
            os.makedirs(f"/root/Maildir/{folder}/{sub}", exist_ok=True)
    for n in range(20):
        with open(f"/root/Maildir/.Work/cur/10000{n:02}.M{n}.host:2,S", "w") as f:
            f.write(f"From: a@example.org\nSubject: work {n}\nMessage-ID: <w{n}@example.org>\n\ntext {n}\n")
    sh("mansio import --user bob@example.org ~/Maildir")
    assert count("bob@example.org", "Work") == 20


def brought_back():
    step("a backup; a folder is lost; it comes back, by the README")
    sh("mansio backup /var/backups/mansio/monday.db")
    c = login("bob@example.org")
    assert c.delete("Work")[0] == "OK"
    c.logout()
    assert not count("bob@example.org", "Work")
    block = next(b for b in blocks() if "--into Restored" in b)
    for line in block.splitlines():
        sh(line.strip().replace("alice", "bob@example.org"))
    assert count("bob@example.org", "Restored") == 20 or count("bob@example.org", "Restored/Work") == 20, sh("mansio mailbox list bob@example.org").stdout
    sh("mansio check; mansio --data /var/backups/mansio/monday.db check")


def renewed():
    step("the certificate is renewed while a session goes on")
    c = login("alice@example.org")
    certificate(2002)
    os.kill(server.pid, 1)
    wait("the new certificate", lambda: served_serial() == 2002)
    assert c.noop()[0] == "OK"
    c.logout()
    assert " reloaded taken: certificate (SHA-256 " in mansio_log() and " warning certificate" not in mansio_log()
    assert sh("stat -c '%U %a' /etc/mansio/privkey.pem").stdout == "mansio 400\n"


def mistyped():
    step("a typing error in each setting is told, with file and line, and keeps the server from starting")
    stop()
    good = open(CONF).read()
    names = [row["name"] for row in json.loads(sh("mansio config --json").stdout)]
    for name in names:
        section, key = name.split(".")
        open(CONF, "w").write(f"{section} {{\n\n    {key}x = \"1\"\n}}\n")
        for verb in ("serve", "config", "user list"):
            r = sh(f"timeout 20 mansio {verb}", ok=False)
            assert r.returncode == 2 and f"{CONF}:3: there is no setting {name}x; did you mean " in r.stderr, (name, r)
    for text, line in ((good.rstrip()[:-1], 8), (good.replace('privkey.pem"', "privkey.pem"), 3), (good.replace("listen =", "listen"), 6)):
        open(CONF, "w").write(text)
        r = sh("timeout 20 mansio serve", ok=False)
        assert r.returncode == 2 and f"{CONF}:{line}: " in r.stderr, (line, r)
    open(CONF, "w").write(good)
    os.chmod(CONF, 0o600)
    r = sh("su -s /bin/sh mansio -c 'timeout 20 mansio serve --data /var/lib/mansio'", ok=False)
    assert r.returncode == 2 and f"the configuration file {CONF} cannot be read: Permission denied" in r.stderr, r
    os.chmod(CONF, 0o644)
    start()
    stop()


try:
    for part in (installed, users, first_start, postfix, refused, delivered, submission, thunderbird, phone, moved_in, brought_back, renewed, mistyped):
        part()
    print("the newcomer's hour: 13 steps")
finally:
    sh("postfix stop", ok=False)
    if server is not None and server.poll() is None:
        server.kill()
