# SPDX-License-Identifier: Apache-2.0
"""logins: mechanisms by which programs log in, each by a client that is not ours: GNU SASL's command, and Cyrus SASL behind imtest and pop3test."""
import os
import shutil

from interop.programs import Skip, check, need, run
from lib.server import PASSWORD, Server

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
