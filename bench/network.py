# SPDX-License-Identifier: Apache-2.0
"""network: what is felt over a link that is slow and loses (tests/link): flights, bytes, packets and time of each server in turn."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import report
import report_network
import setup
from servers import PASSWORD, Before, Cyrus, Dovecot, Mansio, install_dovecot, unpack_cyrus

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))
from link import link as links  # noqa: E402
from link.talk import Talk  # noqa: E402

RTT_MS, MBIT, LOSS = 80, 20, 0.1
SCREEN = ("(UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST "
          "DISPOSITION-NOTIFICATION-TO X-PRIORITY)])")


def prepare(args):
    """What needs the network, or the true root, before the namespace is entered."""
    args.cyrus = os.path.abspath(args.cyrus or os.path.join(args.folder, "mansio-bench-cyrus"))
    setup.build_mansio(args.build)
    setup.real_mails()
    if not args.quick and not args.alone:
        for get in (install_dovecot, lambda: unpack_cyrus(args.cyrus)):
            try:
                get()
            except (OSError, subprocess.SubprocessError) as e:
                print(f"a peer cannot be had: {e}", file=sys.stderr)


def some_servers(args, folder):
    """Those that can be had, with SCRAM and COMPRESS on offer, not yet started."""
    pair, users = setup.certificate(folder), ["u0", "u1", "u2"]
    out = [Mansio(folder, users, pair, binary=setup.build_mansio(args.build))]
    if args.before:
        out.insert(0, Before(folder, users, pair, binary=os.path.abspath(args.before)))
    if args.quick or args.alone:
        return out
    for make in (lambda: Dovecot(folder, users, pair), lambda: Cyrus(folder, users, pair, unpacked=args.cyrus)):
        try:
            server = make()
            server.compress, server.mechanisms = True, server.mechanisms + " SCRAM-SHA-256"
            server.configure()
            out.append(server)
        except (OSError, RuntimeError, subprocess.SubprocessError, IndexError) as e:
            print(f"a peer cannot be had: {e}", file=sys.stderr)
    return out


def result_of(network, began):
    return {"rtt_ms": RTT_MS, "mbit": MBIT, "loss_percent": LOSS, "messages": len(network.mails), "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
            "seconds": round(time.time() - began), "revision": report.revision(), "machine": report.machine(),
            "servers": {s.name: {"title": s.title, "version": s.version} for s in network.servers}, "rows": network.rows}


def main(args):
    if why := links.unavailable():
        print(f"skipped: {why}")
        return 77
    if not os.environ.get(links.ENTERED):
        prepare(args)
        links.enter()
    args.cyrus = os.path.abspath(args.cyrus or os.path.join(args.folder, "mansio-bench-cyrus"))
    folder = tempfile.mkdtemp(prefix="mansio-link-", dir=args.folder)
    os.chmod(folder, 0o755)
    network = Network(some_servers(args, folder), folder, setup.real_mails()[:200 if args.quick else 3000], args.quick, args.only)
    began = time.time()
    try:
        network.run()
        result = result_of(network, began)
        if args.json:
            with open(args.json, "w") as f:
                json.dump(result, f, indent=1)
        if args.write:
            report_network.write(result, os.path.join(os.path.dirname(HERE), "docs"), args.as_before)
    finally:
        for server in network.servers:
            server.close()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if any("failed" in r["servers"].get("mansio", {}) for r in network.rows) else 0


class Network:
    def __init__(self, servers, folder, mails, quick=False, only=None):
        self.servers, self.folder, self.quick, self.only = servers, folder, quick, only
        self.times = 1 if quick else 3
        self.mails, self.rows = mails, []
        self.small = [m for m in mails if 700 < len(m) < 3000][:200] or mails[:200]
        self.link = None

    # -- filling, beside the link --

    def fill(self, server):
        for user in ("u0", "u1", "u2"):
            with self.beside(server, user) as t:
                for at in range(0, len(self.mails), 50):
                    t.append(b"INBOX", self.mails[at:at + 50])
                t.command("CREATE Filed")

    @staticmethod
    def beside(server, user, select=False):
        t = Talk(server, "", links.BESIDE)
        t.login(user)
        if select:
            t.command("SELECT INBOX")
        return t

    # -- one measurement --

    def row(self, name, one, times=None):
        """ONE(server, measure) calls measure(act) around what counts; ACT may return its own time. Medians of some runs, each with its own losses."""
        if self.only and not any(w.lower() in name.lower() for w in self.only):
            return
        row = {"name": name, "servers": {}}
        for server in self.servers:
            try:
                runs = [self.once(server, one, seed) for seed in range(1, (times or self.times) + 1)]
                row["servers"][server.name] = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
            except Exception as e:      # whatever it is, it costs this cell only  # pylint: disable=broad-exception-caught
                row["servers"][server.name] = {"failed": str(e)[:200] or type(e).__name__}
        self.rows.append(row)
        print(f"{name}: " + "; ".join(f"{s.title} {text(row['servers'][s.name])}" for s in self.servers), flush=True)

    def once(self, server, one, seed):
        result = []

        def measure(act):
            time.sleep(3 * RTT_MS / 1000)       # what is still under way of what went before
            self.link.read(seed)
            cpu, began = server.group.cpu_us(), time.monotonic()
            own = act()
            took = time.monotonic() - began if own is None else own
            time.sleep(3 * RTT_MS / 1000)
            use = sum(self.link.read())
            if not use:
                raise OSError("nothing went over the link")
            result.append({**use.json(), "ms": round(1000 * took, 1), "cpu_ms": round((server.group.cpu_us() - cpu) / 1000, 1)})
        one(server, measure)
        return result[0]

    def run(self):
        with links.Link(RTT_MS, MBIT, LOSS) as self.link:
            for server in self.servers:
                server.start()
                self.fill(server)
            for part in (self.logins, self.reading, self.synchronising, self.push, self.changing):
                part()

    # -- scenarios --

    def logins(self):
        def login(tls, scram=False, user="u0"):
            def one(server, measure):
                opened = []

                def act():
                    opened.append(t := Talk(server, tls))
                    t.login(user, scram)
                measure(act)
                opened[0].sock.close()
            return one

        def greeting(server, measure):
            opened = []
            measure(lambda: opened.append(Talk(server, "tls")))
            opened[0].sock.close()
        self.row("connect over TLS, until the greeting and the capabilities", greeting)
        self.row("connect and LOGIN, plain", login(""))
        self.row("connect and LOGIN, TLS", login("tls"))
        self.row("connect and LOGIN, STARTTLS", login("starttls"))
        self.row("connect and SCRAM-SHA-256, TLS", login("tls", scram=True))

    def logged_in(self, act, select=True, compress=False, user="u0"):
        """A row of what ACT(connection) does after the login over TLS."""
        def one(server, measure):
            with Talk(server, "tls") as t:
                t.login(user)
                if compress:
                    t.compress()
                if select:
                    t.command("SELECT INBOX")
                measure(lambda: act(t))
        return one

    def reading(self):
        n = len(self.mails)
        page = f"FETCH {max(1, n - 49)}:{n} {SCREEN}"
        self.row("SELECT", self.logged_in(lambda t: t.command("SELECT INBOX") and None, select=False))

        def screen(t):
            t.command("SELECT INBOX")
            t.command(page)
        self.row("first screen of 50 after the login", self.logged_in(screen, select=False))
        self.row("the same with COMPRESS", self.logged_in(screen, select=False, compress=True))
        self.row(f"{n:,} bodies", self.logged_in(lambda t: t.command("FETCH 1:* (UID BODY.PEEK[])") and None))
        self.row(f"{n:,} bodies with COMPRESS", self.logged_in(lambda t: t.command("FETCH 1:* (UID BODY.PEEK[])") and None, compress=True))

        def burst(t):
            came, began = [], time.monotonic()
            t.command("FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)", lambda: came.append(time.monotonic() - began))
            return came[0]
        self.row(f"first line of a list of {n:,} (time until it came)", self.logged_in(burst))

    def synchronising(self):
        if not shutil.which("mbsync"):
            print("mbsync is not installed: its rows are left out", file=sys.stderr)
            return
        for name, compress in (("", False), (" with COMPRESS", True)):
            self.row(f"mbsync, first run{name}", lambda s, m, c=compress: self.mbsync(s, m, c, True), times=1)
            self.row(f"mbsync, second run{name}", lambda s, m, c=compress: self.mbsync(s, m, c, False))
        self.row("mbsync, second run, SCRAM-SHA-256", lambda s, m: self.mbsync(s, m, False, False, "SCRAM-SHA-256"))

    def mbsync(self, server, measure, compress, first, mechanism="PLAIN"):
        here = os.path.join(self.folder, f"mbsync-{server.name}-{int(compress)}")
        conf = os.path.join(here, "conf")
        if first:
            os.makedirs(os.path.join(here, "mail"))
        with open(conf, "w") as f:
            f.write(f"""IMAPAccount a
Host localhost
Port {server.imaps}
User u2
Pass {PASSWORD}
SSLType IMAPS
SystemCertificates no
CertificateFile {server.certificate}
AuthMechs {mechanism}
{"" if compress else "DisableExtension COMPRESS=DEFLATE"}

IMAPStore far
Account a

MaildirStore near
Path {here}/mail/
Inbox {here}/mail/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
SyncState *
""")
        home = dict(os.environ, HOME=here)

        def act():
            done = subprocess.run(["mbsync", "-c", conf, "-q", "-a"], capture_output=True, text=True, env=home, timeout=300, check=False)
            if done.returncode:
                raise OSError(done.stderr.strip()[-200:])
        measure(act)
        got = sum(len(names) for place, _, names in os.walk(os.path.join(here, "mail")) if os.path.basename(place) in ("cur", "new"))
        if got != len(self.mails):
            raise OSError(f"{got} of {len(self.mails)} mails came")

    def push(self):
        def one(server, measure):
            with Talk(server, "tls") as t, self.beside(server, "u1") as other:
                t.login("u1")
                t.command("SELECT INBOX")
                t.send(b"i IDLE\r\n")
                t.wait_for(b"+ ")
                time.sleep(0.3)

                def act():
                    other.append(b"INBOX", self.small[:1])
                    began = time.monotonic()
                    t.wait_for(b" EXISTS")
                    return time.monotonic() - began
                measure(act)
        self.row("IDLE: a new message is told", one)

    def changing(self):
        """Each run takes the next messages."""
        def on_the_first(act):
            def one(server, measure):
                with Talk(server, "tls") as t:
                    t.login("u1")
                    t.command("SELECT INBOX")
                    found = t.command("UID SEARCH UNSEEN UNDELETED")
                    uids = [u for line in found if line.startswith(b"* SEARCH") for u in line.split()[2:]][:len(self.small)]
                    measure(lambda: act(t, uids))
            return one
        n = len(self.small)

        def appends(server, measure):
            with Talk(server, "tls") as t:
                t.login("u1")
                measure(lambda: t.append(b"Filed", self.small))

        def seen(t, uids):
            t.pipelined([b"UID STORE %s +FLAGS (\\Seen)" % u for u in uids])

        def move(t, uids):
            t.command(b"UID MOVE %s Filed" % b",".join(uids))

        def expunge(server, measure):
            with Talk(server, "tls") as t:
                t.login("u1")
                t.command("SELECT INBOX")
                t.command(f"STORE 1:{n} +FLAGS.SILENT (\\Deleted)")
                measure(lambda: t.command("EXPUNGE") and None)
        self.row(f"{n} messages are marked read, pipelined", on_the_first(seen))
        self.row(f"{n} APPENDs, pipelined", appends)
        self.row(f"{n} messages are moved", on_the_first(move))
        self.row(f"{n} messages are expunged", expunge)


def text(cell):
    if "failed" in cell:
        return f"failed ({cell['failed']})"
    return f"{cell['flights']:.0f} fl {cell['bytes'] / 1000:.1f} kB {cell['packets']:.0f} p {cell['ms']:.0f} ms"
