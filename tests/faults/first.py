# SPDX-License-Identifier: Apache-2.0
"""first: everything fails at the very first start, while the store, the certificate and the first account are made. Either it goes on, or
it says why and ends with an error; with the fault gone the next start serves."""
import os
import re
import resource
import shutil
import signal
import subprocess
import time

from faults import namespace
from faults.calls import PLANS
from lib.imapclient import Client, Closed, Fault, Timeout
from lib.server import PASSWORD, Server

TEXT = b"Subject: first\r\n\r\none\r\n"
# What is said: a cause, not only that something went wrong.
SAID = re.compile(r"^mansio: (.*: \w.*|.*needs \d+.*)|the store cannot go on: \w", re.M)
ENDS = 20       # seconds for an orderly end


class First:
    """One folder in which nothing is yet."""

    def __init__(self, args, folder, what, env=None, wrap=()):
        self.what, self.errors = what, []
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        self.disk = os.path.join(folder, "disk")
        os.mkdir(self.disk)
        self.server = Server(args.mansio, (), ["server.threads=4"], folder=folder, env=env, wrap=wrap)
        self.server.data = os.path.join(self.disk, "a", "data")
        self.known = False      # the account was made

    def serve(self):
        """True: it served."""
        try:
            self.server.start()
        except RuntimeError:
            self.refused(self.server.process.poll(), self.server.log_tail(200))
            return False
        self.known = self.add()
        self.server.process.send_signal(signal.SIGTERM)
        try:
            self.server.process.wait(ENDS)
        except subprocess.TimeoutExpired:
            self.errors.append(f"it does not end: {self.server.log_tail()}")
        return True

    def add(self):
        """user add: to the server that runs, or else it makes the store. True: done."""
        r = self.server.cli("user", "add", "joe", "--password-stdin", "--scheme", "plain", stdin=PASSWORD.encode() + b"\n", check=False)
        if r.returncode:
            self.refused(r.returncode, (r.stderr + r.stdout).decode(errors="replace"))
        return r.returncode == 0

    def refused(self, code, text):
        if code is None:
            self.errors.append(f"it neither serves nor ends: {text[-500:]}")
        elif code < 0 or code > 3:
            self.errors.append(f"it ended with {code}: {text[-500:]}")
        elif code == 0 or not SAID.search(text):
            self.errors.append(f"it ended with {code} and gave no cause: {text[-500:]}")

    def afterwards(self):
        """Without the fault: all is as if nothing had been."""
        self.server.kill()
        self.server.wrap = []
        self.server.env.pop("MANSIO_FAULTVFS", None)
        if self.server.crashed():
            self.errors.append(self.server.crashed()[:500])
        try:
            self.server.start()
            r = self.server.cli("user", "list")
            if self.known and b"joe" not in r.stdout:
                self.errors.append("the account that was made is gone")
            if b"joe" not in r.stdout and not self.add():
                self.errors.append("no account can be made")
            with Client(self.server.imap, timeout=20) as c:
                c.login("joe", PASSWORD)
                c.ok("APPEND INBOX {}", TEXT)
                c.ok("SELECT INBOX")
                if c.fetch("1:*", "BODY[]")[1]["BODY[]"] != TEXT:
                    self.errors.append("another text than was stored")
            with Client(self.server.imaps, tls=True, timeout=20) as c:
                c.login("joe", PASSWORD)
            self.server.cli("check")
            if self.server.stop():
                self.errors.append("it ended badly: " + self.server.log_tail())
        except (RuntimeError, OSError, Fault, Closed, Timeout) as e:
            self.errors.append(f"afterwards: {type(e).__name__}: {e}")
        self.server.kill()
        return [f"{self.what}: {e}" for e in self.errors]


def calls(args, folder, errors):
    hits = 0
    for verb in ("serve", "user add"):
        for plan in PLANS if args.long else ["write:enospc", "sync:eio", "open:eio"] + ["name:eio"] * (verb == "serve"):
            nth, hit = 1, True
            while hit and len(errors) < 20:
                op, *how = plan.split(":")
                text = ":".join([op, str(nth), *how])
                f = First(args, folder, f"{verb}, {text}", env={"MANSIO_FAULTVFS": text})
                hit = one_call(f, verb)
                errors += f.afterwards()
                hits += hit
                nth += 1 if args.long or op == "sync" else nth
    return hits


def one_call(f, verb):
    """False: the fault did not come."""
    if verb == "serve":
        f.serve()
        return "fault: " in f.server.log_tail(1000)
    r = f.server.cli("user", "add", "joe", "--password-stdin", "--scheme", "plain", stdin=PASSWORD.encode() + b"\n", check=False)
    text = (r.stderr + r.stdout).decode(errors="replace")
    f.known = r.returncode == 0
    if r.returncode:
        f.refused(r.returncode, text)
    return "fault: " in text


def descriptors(args, folder, errors):
    limits = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24, 32, 63, 64, 80] if args.long else [5, 8, 9, 14, 63, 64]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    for n in limits:
        f = First(args, folder, f"{n} descriptors", wrap=["prlimit", f"--nofile={n}"])
        if f.serve() != (n >= 64):
            f.errors.append("it served, or did not")
        errors += f.afterwards()
        f = First(args, folder, f"user add with {n} descriptors", wrap=["prlimit", f"--nofile={n}"])
        f.known = f.add()
        errors += f.afterwards()
    return 2 * len(limits)


def disks(args, folder, errors):
    """Disks that are too small, have too few names, or are read-only; then they are not."""
    sizes = range(4, 600, 12) if args.long else (4, 8, 16, 64, 200)
    bad = [f"size={n}k" for n in sizes] + [f"size=64m,nr_inodes={n}" for n in range(1, 10 if args.long else 5)] + ["ro,size=64m"]
    for options in bad:
        f = First(args, folder, f"a disk with {options}")
        with namespace.Disk(f.disk, options) as disk:
            served = f.serve()
            if not served:
                f.known = f.add()
            f.server.kill()
            if options[:2] == "ro" and served:
                f.errors.append("it served from a read-only disk")
            disk.change("rw,size=64m,nr_inodes=1000")
            errors += f.afterwards()
    return len(bad)


def run(args, folder, errors):
    here = os.path.join(folder, "run")
    if namespace.here():
        n = disks(args, here, errors)
        print(f"first: {n} bad disks", flush=True)
        return n
    began = time.monotonic()
    hits = calls(args, here, errors)
    print(f"first: {hits} failing calls ({time.monotonic() - began:.0f} s)", flush=True)
    hits += descriptors(args, here, errors)
    if namespace.there():
        namespace.again(args, "first", errors)
    else:
        print("first: bad disks skipped, no namespaces for an ordinary user here")
    return hits
