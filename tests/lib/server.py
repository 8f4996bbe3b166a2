# SPDX-License-Identifier: Apache-2.0
"""server: starts a server for a test on loopback ports, and ends what it started, by its pid."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PASSWORD = "secret"


def free_ports(n):
    socks = [socket.socket() for _ in range(n)]
    try:
        for s in socks:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in socks]
    finally:
        for s in socks:
            s.close()


def default_binary():
    for path in (os.environ.get("MANSIO"), os.path.join(TOP, "build/src/cli/mansio")):
        if path and os.path.exists(path):
            return path
    raise SystemExit("no mansio program: give --mansio, set MANSIO, or build in ./build")


def children(pid):
    """The processes that a process has started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(child) for child in f.read().split()]
    except OSError:
        return []


def workers(pid):
    """Those of a supervisor that serve; none where there is no supervisor."""
    out = []
    for child in children(pid):
        try:
            with open(f"/proc/{child}/comm") as f:
                if f.read().strip() == "mansio-worker":
                    out.append(child)
        except OSError:
            pass
    return out


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class Server:
    """Mansio on a fresh data folder."""

    strict = True

    def __init__(self, binary=None, accounts=(), settings=(), folder=None, keep=False, env=None, wrap=()):
        self.binary = os.path.abspath(binary or default_binary())
        self.folder = folder or tempfile.mkdtemp(prefix="mansio-test-")
        self.own = folder is None and not keep
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        self.config = os.path.join(self.folder, "mansio.conf")  # used where it is there
        self.settings = list(settings)
        self.wrap = list(wrap)
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        self.env.setdefault("MANSIO_DISTRUST", "1")  # kept answers are compared (src/db/answers_priv.h), where faults are compiled in
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        self.process, self.began = None, False
        self.knows_pop3 = True  # a program from before does not
        self.told = False  # of slow steps
        self.imap, self.imaps, self.lmtp, self.pop3, self.pop3s = free_ports(5)
        self.add_accounts(accounts)

    def cli(self, *args, stdin=b"", check=True, timeout=120):
        r = subprocess.run([*self.wrap, self.binary, "--data", self.data, *args], input=stdin, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=self.env, timeout=timeout)
        if check and r.returncode:
            raise RuntimeError(f"mansio {' '.join(args[:6])}: exit {r.returncode}: {(r.stderr + r.stdout).decode(errors='replace')[-2000:]}")
        return r

    def add_accounts(self, names):
        names = list(names)
        for i in range(0, len(names), 200):
            self.cli("--set", "auth.scram_iterations=4096", "user", "add", *names[i:i + 200], "--password-stdin", "--scheme", "plain", stdin=PASSWORD.encode() + b"\n")

    def command(self):
        out = [*self.wrap, self.binary, "serve", "--data", self.data]
        if os.path.exists(self.config):
            out += ["--config", self.config]
        values = {"imap.listen": f"127.0.0.1:{self.imap}", "imaps.listen": f"127.0.0.1:{self.imaps}",
                  "lmtp.listen": f"127.0.0.1:{self.lmtp}", "auth.plaintext": "loopback", "auth.delay": "0s",
                  "auth.scram_iterations": "4096"}
        if self.knows_pop3:
            values |= {"listener.pop3.address": f"127.0.0.1:{self.pop3}", "listener.pop3s.address": f"127.0.0.1:{self.pop3s}"}
        for s in self.settings:
            key, _, value = s.partition("=")
            values[key] = value.replace("{imap}", str(self.imap)).replace("{imaps}", str(self.imaps))
        for key, value in values.items():
            out += ["--set", f"{key}={value}"]
        return out

    def start(self, timeout=30):
        """Another test may have taken a port since it was found free: then with others, unless somebody has been told of these."""
        for _ in range(4):
            try:
                return self.start_once(timeout)
            except RuntimeError:
                if self.began or "somebody does already" not in self.log_tail():
                    raise
                self.imap, self.imaps, self.lmtp, self.pop3, self.pop3s = free_ports(5)
                os.unlink(self.log)
        return self.start_once(timeout)

    def begin(self):
        """Started, and not waited for."""
        if self.alive():
            raise RuntimeError("the server runs already: nobody would end it")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)

    def start_once(self, timeout):
        self.begin()
        deadline = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                self.greeted()
                socket.create_connection(("127.0.0.1", self.lmtp), timeout=1).close()
                self.began = True
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the server does not listen:\n{self.log_tail()}") from None
                time.sleep(0.02)

    def greeted(self):
        """A supervisor's sockets let clients wait for the worker: one that is greeted has found it."""
        with socket.create_connection(("127.0.0.1", self.imap), timeout=1) as s:
            try:
                s.recv(1)
            except socket.timeout:
                if " started " not in self.log_tail(1000):
                    raise

    def log_tail(self, n=30):
        try:
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-n:])
        except OSError:
            return ""

    def reload(self, timeout=10):
        """SIGHUP; returns what the log says of it."""
        def seen():
            with open(self.log, errors="replace") as f:
                return [line for line in f if " reloaded " in line]
        before = len(seen())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + timeout
        while len(seen()) == before:
            if time.monotonic() > deadline:
                raise RuntimeError("the log says nothing of a reload")
            time.sleep(0.01)
        return self.log_tail(2)

    @property
    def pid(self):
        """The process that serves: the worker's, or where there is no supervisor the one that was started."""
        return (workers(self.process.pid) or [self.process.pid])[0]

    def kill(self):
        """All of it, at once."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)   # it starts none that is not counted
            ours = children(self.process.pid)
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            deadline = time.monotonic() + 10
            while not all(gone(pid) for pid in ours):   # the kernel ends them with their supervisor
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{ours} outlive their supervisor")
                time.sleep(0.001)
        self.process = None

    def kill_worker(self, number=signal.SIGKILL):
        """The worker alone; its supervisor starts another, and clients wait for that."""
        ours = workers(self.process.pid)
        if ours:
            os.kill(ours[0], number)
        return ours[0] if ours else None

    def crash_worker(self, number=signal.SIGKILL):
        """The same; returns when it is dead: who connects from then on waits for the next."""
        pid = self.kill_worker(number)
        deadline = time.monotonic() + 10
        while not gone(pid):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the worker {pid} does not end")
            time.sleep(0.001)
        return pid

    def stop(self, timeout=20):
        """SIGTERM; returns the exit status. A server that does not end is killed, and that is an error."""
        if not self.process:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the server did not end within {timeout} s of SIGTERM:\n{self.log_tail()}") from None
        self.process = None
        return code

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ended(self):
        """Stops it. What is wrong with that, by its exit status and its log; "" if nothing."""
        code, fault = self.stop(), self.crashed()
        return f"the server ended with {code}: {fault or self.log_tail()}" if code or fault else ""

    def slow_steps(self):
        """The lines of the watchdog in the log: steps that did not look at the clock."""
        try:
            with open(self.log, errors="replace") as f:
                return [line for line in f if " warning slow_step " in line]
        except OSError:
            return []

    def slow(self):
        """What to say of slow steps; "" if there were none."""
        found = self.slow_steps()
        return f"{len(found)} slow steps:\n" + "".join(found[:20]) if found else ""

    def crashed(self):
        """What the log says about sanitizer reports, failed assertions or slow steps; "" if nothing."""
        tail = self.log_tail(4000)
        for mark in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                     "assertion", "BUG:", " error broken "):
            at = tail.find(mark)
            if at >= 0:
                return tail[max(0, at - 200):at + 3000]
        slow = self.slow()
        self.told = self.told or bool(slow)
        return slow

    def close(self):
        try:
            if self.alive():
                self.stop()
        finally:
            self.kill()
            slow = "" if self.told else self.slow()
            if self.own:
                shutil.rmtree(self.folder, ignore_errors=True)
        if slow:  # nobody has asked
            raise RuntimeError(slow)

    def __enter__(self):
        return self.start()

    def __exit__(self, *rest):
        self.close()


class Dovecot(Server):
    """Debian's Dovecot, to try the instruments against another server."""

    strict = False

    def __init__(self, accounts=(), **_):
        self.folder = tempfile.mkdtemp(prefix="dovecot-test-")
        os.chmod(self.folder, 0o755)
        self.own, self.process, self.settings, self.told = True, None, [], True
        self.log = os.path.join(self.folder, "log")
        self.imap, = free_ports(1)
        self.imaps = self.lmtp = None    # Debian has no dovecot-lmtpd here
        self.users = os.path.join(self.folder, "users")
        self.add_accounts(accounts)
        uid = "dovecot-test"
        try:
            subprocess.run(["id", uid], check=True, capture_output=True)
        except subprocess.CalledProcessError:
            uid = "mail"
        config = f"""
protocols = imap
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.log}
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = dovecot
first_valid_uid = 1
auth_username_chars =
mail_uid = {uid}
mail_gid = {uid}
mail_home = {self.folder}/mail/%u
mail_location = sdbox:{self.folder}/mail/%u
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {self.users}
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={self.folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
mail_plugins =
mail_max_userip_connections = 100
"""
        os.makedirs(os.path.join(self.folder, "mail"))
        shutil.chown(os.path.join(self.folder, "mail"), uid, uid)
        with open(os.path.join(self.folder, "conf"), "w") as f:
            f.write(config)

    def add_accounts(self, names):
        with open(self.users, "a") as f:
            for name in names:
                f.write(f"{name}:{{PLAIN}}{PASSWORD}::::::\n")
        os.chmod(self.users, 0o644)

    def start(self, timeout=20):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", os.path.join(self.folder, "conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        deadline = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"dovecot ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.imap), timeout=1).close()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"dovecot does not listen:\n{self.log_tail()}") from None
                time.sleep(0.02)
