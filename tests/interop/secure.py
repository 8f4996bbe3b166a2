# SPDX-License-Identifier: Apache-2.0
"""secure: clients over TLS from the first byte, each with a TLS library of its own way: the greeting comes with the server's Finished."""
import imaplib
import os
import poplib
import select
import shutil
import socket
import ssl
import subprocess

from interop.programs import check, fill, need, run, scenario_mutt
from lib.server import PASSWORD

READY = b"Mansio is ready"

JAVA = """import java.io.*;
import java.security.cert.X509Certificate;
import javax.net.ssl.*;

public class Hello {
	public static void main(String[] a) throws Exception {
		SSLContext x = SSLContext.getInstance("TLS");
		x.init(null, new TrustManager[]{new X509TrustManager() {
			public void checkClientTrusted(X509Certificate[] c, String s) {}
			public void checkServerTrusted(X509Certificate[] c, String s) {}
			public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
		}}, null);
		for (int i = 0; i < 3; i++) {
			SSLSocket s = (SSLSocket)x.getSocketFactory().createSocket("127.0.0.1", Integer.parseInt(a[0]));
			s.setSoTimeout(20000);
			if (i > 0)
				s.startHandshake();
			BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream()));
			System.out.println(in.readLine());
			s.getOutputStream().write("b LOGOUT\\r\\n".getBytes());
			in.readLine();
			System.out.println(in.readLine());
			s.close();
		}
	}
}
"""

NODE = """const tls = require('tls');
const s = tls.connect({host: '127.0.0.1', port: +process.argv[2], rejectUnauthorized: false});
let all = '';
s.setTimeout(20000, () => process.exit(1));
s.on('data', d => {
	if (all === '')
		s.write('b LOGOUT\\r\\n');
	all += d;
});
s.on('end', () => console.log(all));
"""


def certificate(server):
    return os.path.join(server.data, "tls-cert.pem")


def naive(port):
    """A client that waits for its socket alone, whatever its library has read ahead: the session ticket behind the greeting wakes it."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    tls = ssl._create_unverified_context().wrap_socket(sock)
    check(select.select([tls.fileno()], [], [], 10)[0], "nothing woke a client that waits for its socket")
    check(READY in tls.recv(4096), "no greeting")
    tls.close()


def openssl(port, *args, lines="b LOGOUT\n"):
    p = subprocess.Popen(["openssl", "s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{port}", *args],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        out = p.stdout.readline()
        return out + p.communicate(lines.encode(), timeout=20)[0]
    finally:
        p.kill()
        p.wait()


def scenario_secure(server, user, folder):
    """The bare libraries: Python's (OpenSSL), openssl itself in all its ways, Java's, Node's."""
    for _ in range(2):
        with imaplib.IMAP4_SSL("127.0.0.1", server.imaps, ssl_context=ssl._create_unverified_context()) as m:
            m.login(user, PASSWORD)
            check(m.select("INBOX")[0] == "OK", "SELECT")
    p = poplib.POP3_SSL("127.0.0.1", server.pop3s, context=ssl._create_unverified_context())
    p.user(user)
    p.pass_(PASSWORD)
    p.quit()
    naive(server.imaps)
    need("openssl")
    session = os.path.join(folder, "session")
    for args in ((), ("-tls1_2",), ("-no_ticket",), ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), ("-groups", "P-384"), ("-sess_out", session), ("-sess_in", session)):
        out = openssl(server.imaps, *args)
        check(READY in out and b"b OK" in out, f"openssl {args}: {out!r}")
    check(b"+OK" in openssl(server.pop3s, lines="QUIT\n"), "openssl and POP3")
    for tool, name, text in (("java", "Hello.java", JAVA), ("node", "hello.js", NODE)):
        if not shutil.which(tool):
            continue
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
        out = run([tool, os.path.join(folder, name), str(server.imaps)]).encode()
        n = 3 if tool == "java" else 1
        check(out.count(READY) == n and out.count(b"b OK") == n, f"{tool}: {out!r}")


def scenario_mbsyncs(server, user, folder):
    """mbsync over TLS, which waits for its socket when its library has nothing."""
    need("mbsync")
    fill(server, user, 0, 30)
    os.mkdir(os.path.join(folder, "mail"))
    conf = os.path.join(folder, "mbsyncrc")
    with open(conf, "w") as f:
        f.write(f"""IMAPAccount a
Host 127.0.0.1
Port {server.imaps}
User {user}
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {certificate(server)}

IMAPStore far
Account a

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX

Channel c
Far :far:
Near :near:
Create Near
SyncState {folder}/state
""")
    for _ in range(2):
        run(["mbsync", "-c", conf, "-a"])
    inbox = os.path.join(folder, "mail", "INBOX")
    check(sum(len(os.listdir(os.path.join(inbox, n))) for n in ("cur", "new")) == 30, "mails over TLS")


def scenario_mutts(server, user, folder):
    """mutt over TLS, whose library is GnuTLS."""
    scenario_mutt(server, user, folder, f"""set folder="imaps://127.0.0.1:{server.imaps}/"
set spoolfile="+INBOX"
set certificate_file="{certificate(server)}" ssl_verify_host=no""")
