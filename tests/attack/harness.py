# SPDX-License-Identifier: Apache-2.0
"""harness: an attack is a function; while it runs the server's CPU and memory are measured and somebody else works beside it."""
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Timeout  # noqa: E402,F401
from lib.server import PASSWORD, Server  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
ATTACKS = []


class Failed(Exception):
    pass


def need(fact, what):
    if not fact:
        raise Failed(what)


def attack(what, cpu, mb, wall=20, settings=(), accounts=("alice", "bob"), wait=2.0, space=0, long=False):
    """Bounds: server CPU seconds, growth in megabytes, wall seconds, the longest wait of the bystander in seconds. A bound may be a pair:
    of the short form and of the full one. space: bytes of address space (RLIMIT_AS) that the server gets, 0: no limit. long: in the full form
    only."""
    def add(f):
        f.what, f.bounds, f.settings, f.accounts, f.space, f.long = what, (cpu, mb, wall, wait), settings, accounts, space, long
        ATTACKS.append(f)
        return f
    return add


class Raw:
    """A connection whose bytes nobody judges. The oracle is too slow for floods; the wire scripts have these answers too."""

    def __init__(self, port, user=None, small=False, timeout=30, greeting=True, address=None):
        self.sock = socket.socket()
        if address:     # another of this machine's loopback addresses
            self.sock.bind((address, 0))
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.n = 0
        self.tail = b""
        if greeting:
            self.line()
        if user:
            need(self.cmd(f'LOGIN "{user}" "{PASSWORD}"') == "OK", "cannot log in")

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        data = self.sock.recv(1 << 20)
        self.buf += data
        return data

    def line(self):
        """One line, b"" at the end of the connection."""
        while b"\n" not in self.buf:
            if not self.more():
                return b""
        line, _, self.buf = self.buf.partition(b"\n")
        return line

    def status(self, tag):
        """Reads away up to the tagged answer; NO, BAD, OK, BYE. What came stands in self.seen (its end)."""
        mark = re.compile(rb"(?:^|\n)" + re.escape(tag.encode()) + rb" (OK|NO|BAD)([^\r\n]*)\r\n")
        self.octets = 0
        while True:
            found = mark.search(self.buf)
            if found:
                self.octets += found.end()
                self.seen, self.text = self.buf[:found.end()], found.group(2)
                self.buf = self.buf[found.end():]
                return found.group(1).decode()
            if len(self.buf) > 1 << 20:
                self.octets += len(self.buf) - 65536
                self.buf = self.buf[-65536:]
            try:
                if not self.more():
                    return "BYE"
            except ConnectionError:
                return "BYE"

    def start(self, line):
        self.n += 1
        line = line.encode() if isinstance(line, str) else line
        try:
            self.send(b"x%d " % self.n + line + b"\r\n")
        except ConnectionError:
            pass
        return f"x{self.n}"

    def cmd(self, line):
        return self.status(self.start(line))

    def ok(self, line):
        st = self.cmd(line)
        need(st == "OK", f"{line[:80]!r} answered {st}")

    def append(self, text, mailbox="INBOX", flags=""):
        return self.cmd(f"APPEND {mailbox} {flags}".encode() + b"{%d+}\r\n" % len(text) + text)

    def ended(self, timeout=10):
        """True when the server closes within this time."""
        self.sock.settimeout(timeout)
        try:
            while self.more():
                self.buf = b""
            return True
        except socket.timeout:
            return False
        except ConnectionError:
            return True

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def pss(pid):
    """Kilobytes."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("Pss:"))


def cpu(pid):
    """Seconds of the whole process."""
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Memory(threading.Thread):
    """The highest PSS while an attack runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.over, self.top = pid, threading.Event(), pss(pid)

    def run(self):
        while not self.over.wait(0.05):
            try:
                self.top = max(self.top, pss(self.pid))
            except (OSError, StopIteration):
                return


class Bystander(threading.Thread):
    """bob, who works while the server is attacked: NOOP on a connection of his, and now and then a new login. His longest wait counts."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.worst, self.error = port, threading.Event(), 0.0, None

    def timed(self, what):
        began = time.monotonic()
        what()
        self.worst = max(self.worst, time.monotonic() - began)

    def fresh(self):
        with Raw(self.port, "bob") as c:
            c.ok("SELECT INBOX")

    def run(self):
        try:
            with Raw(self.port, "bob") as c:
                n = 0
                while not self.over.wait(0.05):
                    self.timed(lambda: c.ok("NOOP"))
                    n += 1
                    if n % 8 == 0:
                        self.timed(self.fresh)
        except (OSError, Failed) as e:
            self.error = f"bob was disturbed: {type(e).__name__} {e}"


class Field:
    """What an attack is given."""

    def __init__(self, server, full, slow):
        self.server, self.full, self.slow, self.notes = server, full, slow, []

    def size(self, short, full):
        return full if self.full else short

    def raw(self, user=None, **how):
        return Raw(self.server.imap, user, **how)

    def note(self, text):
        self.notes.append(text)

    def measured_from_here(self):
        """What came before was preparation."""
        self.server_cpu, self.began = cpu(self.server.pid), time.monotonic()
        self.memory.top = self.base = pss(self.server.pid)
        self.bystander.worst = 0.0


class Result:
    def __init__(self, f):
        self.f, self.faults, self.notes = f, [], []
        self.cpu = self.mb = self.wall = self.wait = 0.0


def run(f, binary, full, slow):
    r = Result(f)
    # What AddressSanitizer keeps of freed memory, 256 MB until told, is not the server's.
    server = Server(binary, f.accounts, settings=f.settings, env={"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=8"})
    if f.space:
        server.wrap = ["prlimit", f"--as={f.space}"]
    try:
        server.start()
        field, pid = Field(server, full, slow), server.pid
        with Raw(server.imap, "bob") as c:       # what the first session costs once is no growth
            c.ok("SELECT INBOX")
        field.memory, field.bystander = Memory(server.pid), Bystander(server.imap)
        field.memory.start()
        if "bob" in f.accounts:
            field.bystander.start()
        field.measured_from_here()
        try:
            f(field)
        except (Failed, Timeout, Closed, OSError) as e:
            r.faults.append(f"{type(e).__name__} {str(e)[:300]}")
        field.bystander.over.set()
        if field.bystander.is_alive():
            field.bystander.join(30)
        r.wall = time.monotonic() - field.began
        if server.alive() and server.pid != pid:
            r.faults.append("the process that served has ended: " + server.log_tail()[-1500:])
        judge(r, server, field, full, slow)
    finally:
        server.close()
    return r


def judge(r, server, field, full, slow):
    if not server.alive():
        r.faults.append("the server has ended: " + (server.crashed() or server.log_tail())[-1500:])
        return
    pid = server.pid
    r.cpu = cpu(pid) - field.server_cpu
    field.memory.over.set()
    r.mb = max(0, field.memory.top - field.base) / 1024
    r.wait, r.notes = field.bystander.worst, field.notes
    if field.bystander.error:
        r.faults.append(field.bystander.error)
    bounds = [b[1 if full else 0] if isinstance(b, tuple) else b for b in r.f.bounds]
    for name, value, bound, unit in zip(("CPU", "memory", "wall time", "bystander's wait"), (r.cpu, r.mb, r.wall, r.wait), bounds,
                                        ("s", "MB", "s", "s")):
        if value > bound * slow:
            r.faults.append(f"{name} {value:.2f} {unit}, the bound is {bound * slow:g}")
    if fault := server.ended():
        r.faults.append(fault[:3000])
    if server.cli("check", check=False).returncode:
        r.faults.append("mansio check finds damage")
