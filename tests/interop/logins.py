# SPDX-License-Identifier: Apache-2.0
"""logins: mechanisms by which programs log in, each by a client that is not ours: GNU SASL's command, and Cyrus SASL behind imtest and pop3test; and what
fail2ban reads of those that fail."""
import base64
import imaplib
import json
import os
import shutil
import socket
import ssl
import time
from collections import Counter

from interop.programs import Skip, check, need, run
from lib.server import PASSWORD, TOP, Server

HASHES = "directory.store.scram_hashes=sha-1 sha-256 sha-512"


def serve(server, user, *settings):
    """A server of the scenario's own, whose accounts have keys for each hash."""
    own = Server(server.binary, (), (HASHES, *settings))
    own.cli("--set", HASHES, "--set", "directory.store.scram_iterations=4096", "account", "add", user, "other", "--password-stdin", stdin=PASSWORD.encode() + b"\n")
    return own.start()


def scenario_gsasl(server, user, folder):
    """SCRAM with SHA-1 and SHA-256, in the clear and bound to the channel of TLS; the server's own proof is looked at."""
    need("gsasl")

    def good(own, mechanism, password=PASSWORD, tls=False, authzid=None):
        return "server trusted" in run(["gsasl", "--client", "--imap", "-m", mechanism, "-a", user, "-p", password, *(["-z", authzid] if authzid else []),
                                        *(["--starttls", "--x509-ca-file="] if tls else ["--no-starttls"]), "--connect", f"127.0.0.1:{own.imap}"], ok=False)
    own = serve(server, user)
    try:
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            tls = mechanism.endswith("-PLUS")
            check(good(own, mechanism, tls=tls), mechanism)
            check(good(own, mechanism, tls=tls, authzid=user), f"{mechanism} as oneself")
            check(not good(own, mechanism, "wrong", tls=tls), f"{mechanism} with a wrong password")
            check(not good(own, mechanism, tls=tls, authzid="other"), f"{mechanism} for another")
    finally:
        own.close()


def scenario_imtest(server, user, folder):
    """SCRAM with each hash over IMAP and POP3."""
    tests = {port: shutil.which(program, path=os.environ["PATH"] + ":/usr/lib/cyrus/bin") for port, program in (("imap", "imtest"), ("pop3", "pop3test"))}
    if None in tests.values():
        raise Skip("cyrus-clients is not installed")

    def good(own, door, mechanism, password=PASSWORD):
        return "\nAuthenticated." in run([tests[door], "-m", mechanism, "-a", user, "-u", user, "-w", password, "-p", str(getattr(own, door)), "127.0.0.1"], ok=False)
    own = serve(server, user)
    try:
        check(good(own, "imap", "PLAIN"), "PLAIN")
        if not good(own, "imap", "SCRAM-SHA-1"):
            raise Skip("Cyrus SASL has no SCRAM")
        for door in tests:
            for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
                check(good(own, door, mechanism), f"{mechanism} over {door}")
                check(not good(own, door, mechanism, "wrong"), f"{mechanism} over {door} with a wrong password")
    finally:
        own.close()


def guess(port, address, *lines):
    """Sends lines and reads what comes, until the server has answered all."""
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0)) as s:
        f = s.makefile("rb")
        f.readline()
        for line, ends in lines:
            s.sendall(line.encode() + b"\r\n")
            while not f.readline().startswith(ends):
                pass


def scenario_fail2ban(server, user, folder):
    """The filter that is shipped finds each failure, at each door, with its address; and no other line, nor what somebody wrote into a name."""
    need("fail2ban-regex")
    own = serve(server, user)
    plain = base64.b64encode(f"\0{user}\0wrong".encode()).decode()
    scram = base64.b64encode(f"n,,n={user},r=abcdefgh".encode()).decode()
    proof = base64.b64encode(b"c=biws,r=abcdefgh,p=AAAA").decode()
    forged = 'x\\" address=203.0.113.9 why=\\"wrong user or password'
    try:
        guess(own.imap, "127.0.0.21", (f"a LOGIN {user} wrong", b"a NO"))
        guess(own.imap, "127.0.0.22", ('a LOGIN nobody "wrong"', b"a NO"), (f'a LOGIN "{forged}" x', b"a NO"))
        guess(own.imap, "127.0.0.23", (f"a AUTHENTICATE PLAIN {plain}", b"a NO"), (f"b AUTHENTICATE SCRAM-SHA-256 {scram}", b"+"), (proof, b"b NO"))
        guess(own.pop3, "127.0.0.24", (f"USER {user}", b"+OK"), ("PASS wrong", b"-ERR"))
        guess(own.pop3, "127.0.0.25", (f"AUTH PLAIN {plain}", b"-ERR"))
        guess(own.imap, "127.0.0.26", *((f"a LOGIN {user} wrong", b"a NO") for _ in range(12)))
        guess(own.imap, "127.0.0.27", (f"a LOGIN {user} {PASSWORD}", b"a OK"))
        # What a log in the journal looks like: with the machine's name and the process's before the line.
        with open(own.log, encoding="utf-8") as f, open(os.path.join(folder, "journal"), "w", encoding="utf-8") as g:
            g.writelines(f"mail mansio[7]: {line}" for line in f)
        for log in (own.log, os.path.join(folder, "journal")):
            found = Counter(run(["fail2ban-regex", "-o", "ip", log, os.path.join(TOP, "contrib/fail2ban.conf")]).split())
            check(found == {"127.0.0.21": 1, "127.0.0.22": 2, "127.0.0.23": 2, "127.0.0.24": 1, "127.0.0.25": 1, "127.0.0.26": 12}, f"{log}: {found}")
    finally:
        own.close()


def certificate(folder, name, address=None, ca=None, extra=()):
    """A certificate (and key) of a client, by itself or by an authority of ours."""
    path = os.path.join(folder, name)
    san = [f"subjectAltName=email:{address}"] if address else []
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", path + ".key",
         "-out", path + ".pem", *(["-CA", ca + ".pem", "-CAkey", ca + ".key"] if ca else []), *(a for e in (*san, *extra) for a in ("-addext", e))])
    return path


def external(own, path, authzid=None, port=None, version=ssl.TLSVersion.TLSv1_3):
    """Who is in, "" for nobody, None where it is not offered."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, version
    if path:
        context.load_cert_chain(path + ".pem", path + ".key")
    with imaplib.IMAP4_SSL("127.0.0.1", port or own.imaps, ssl_context=context, timeout=30) as c:
        if "AUTH=EXTERNAL" not in c.capabilities:
            return None
        try:
            c.authenticate("EXTERNAL", lambda challenge: (authzid or "").encode())
        except imaplib.IMAP4.error:
            return ""
        return whose(c)


def whose(c):
    """Each account has a mailbox of its name."""
    return next(line.decode().rsplit(" ", 1)[1].strip('"')[4:] for line in c.list()[1] if b"own-" in line)


def scenario_external(server, user, folder):
    """Certificates by Python's ssl and imaplib and by curl: given to an account, or with its address and vouched for; and all that are neither."""
    need("openssl")
    ca, fake = certificate(folder, "ca"), certificate(folder, "fake")
    address = f"{user}@example.org"
    mine, other, nobody = certificate(folder, "mine"), certificate(folder, "other"), certificate(folder, "nobody")
    by_address = certificate(folder, "address", address, ca)
    bad = {"by another authority": certificate(folder, "forged", address, fake), "of another domain": certificate(folder, "domain", f"{user}@evil.example", ca),
           "for servers only": certificate(folder, "purpose", address, ca, ("extendedKeyUsage=serverAuth",)), "by itself": certificate(folder, "self", address),
           "without an address": certificate(folder, "without", None, ca)}
    own = Server(server.binary, (), ("listener.imaps.client_certificates=ask", f"listener.imaps.client_authorities={ca}.pem",
                                     "listener.pop3s.client_certificates=ask"))
    try:
        own.cli("account", "add", address, "other@example.org", "--password-stdin", "--scheme", "plain", stdin=PASSWORD.encode() + b"\n")
        own.cli("client-certificate", "add", address, mine + ".pem", "--label", "laptop")
        own.start()
        own.cli("client-certificate", "add", "other@example.org", other + ".pem")
        check(own.cli("client-certificate", "add", "other@example.org", mine + ".pem", check=False).returncode != 0, "one certificate for two")
        rows = json.loads(own.cli("client-certificate", "list", address, "--json").stdout)
        print_ = run(["openssl", "x509", "-in", mine + ".pem", "-noout", "-fingerprint", "-sha256"]).strip().split("=")[1]
        check(len(rows) == 1 and rows[0]["label"] == "laptop" and rows[0]["fingerprint"] == print_.replace(":", "").lower(), rows)
        for name in (address, "other@example.org"):
            with imaplib.IMAP4("127.0.0.1", own.imap) as c:
                c.login(name, PASSWORD)
                c.create("own-" + name)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            check(external(own, mine, None, version=version) == address and external(own, mine, address, version=version) == address, "by its fingerprint")
            check(external(own, by_address, None, version=version) == address and external(own, by_address, user.upper() + "@EXAMPLE.org", version=version) == address,
                  "by its address")
            check(external(own, other, None, version=version) == "other@example.org", "another's")
            check(external(own, mine, "other@example.org", version=version) == "" and external(own, other, address, version=version) == "", "for another")
            check(external(own, nobody, None, version=version) == "" and external(own, nobody, address, version=version) == "", "nobody's")
            check(external(own, None, address, version=version) is None, "without a certificate it is offered")
            for what, path in bad.items():
                check(external(own, path, None, version=version) == "" and external(own, path, address, version=version) == "", what)
        pop3 = ["curl", "-s", "-k", "--cert", mine + ".pem", "--key", mine + ".key", "--login-options", "AUTH=EXTERNAL", f"pop3s://127.0.0.1:{own.pop3s}/"]
        run([*pop3, "-u", f"{address}:"])
        check(run([*pop3, "-u", "other@example.org:", "-w", "%{exitcode}"], ok=False).strip() == "67", "curl logs in as another")
        run(["curl", "-s", "-k", "--cert", mine + ".pem", "--key", mine + ".key", "--login-options", "AUTH=EXTERNAL", "-u", f"{address}:", f"imaps://127.0.0.1:{own.imaps}/"])
        # What was taken away ends the sessions of its account.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(mine + ".pem", mine + ".key")
        c = imaplib.IMAP4_SSL("127.0.0.1", own.imaps, ssl_context=context, timeout=30)
        c.authenticate("EXTERNAL", lambda challenge: b"")
        own.cli("client-certificate", "remove", address, print_)
        deadline = time.monotonic() + 20
        try:
            while c.noop()[0] == "OK":
                check(time.monotonic() < deadline, "the session goes on")
                time.sleep(0.05)
        except (imaplib.IMAP4.abort, OSError):
            pass
        c.shutdown()
        check(external(own, mine, None) == "", "a certificate that was taken away")
    finally:
        own.close()
