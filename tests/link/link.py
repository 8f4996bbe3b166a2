# SPDX-License-Identifier: Apache-2.0
"""link: a network namespace of its own, in which 127.0.0.1 is reached over a slow link (line.c) and from 127.0.0.3 without it.

    why = unavailable()         "" or the reason why there is none here
    enter()                     runs this very command once more, inside the namespace; returns there
    with Link(rtt_ms=80) as link:
        link.read()             forgets what was counted until now
        ...                     whatever connects to 127.0.0.1
        link.read()             a list of Use, one a connection

Nothing outside the namespace is touched, and no packet leaves it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BESIDE = "127.0.0.3"            # who connects from here does not use the link
ENTERED = "MANSIO_TEST_LINK"
ROOT = ["unshare", "--net"]     # a peer's processes change their user, which one user's namespace does not let them
USER = ["unshare", "--user", "--map-root-user", "--net"]
DEVICE = "link0"


def way():
    """The command before a command that gives it a network of its own, or None."""
    for words in (ROOT, USER):
        if subprocess.run([*words, "ip", "tuntap", "add", DEVICE, "mode", "tun"], capture_output=True, check=False).returncode == 0:
            return words
    return None


def unavailable():
    for program in ("unshare", "ip", "cc"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    return "" if os.environ.get(ENTERED) or way() else "no network namespace with a TUN device may be made"


def enter():
    if not os.environ.get(ENTERED):
        os.environ[ENTERED] = "1"
        os.execvp("unshare", [*way(), sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


class Use:
    """What a connection cost, or several together."""

    def __init__(self, row=None):
        row = row or {}
        self.port, self.flights, self.connections = row.get("port", 0), row.get("flights", 0), 1 if row else 0
        both = [row[d] for d in ("up", "down") if row]
        self.up, self.down = (side["bytes"] for side in both) if both else (0, 0)
        self.packets = sum(side["with_data"] for side in both)
        self.all_packets = sum(side["packets"] for side in both)
        self.again, self.lost = (sum(side[k] for side in both) for k in ("again", "lost"))

    @property
    def bytes(self):
        return self.up + self.down

    def __add__(self, other):
        out = Use()
        for key in ("flights", "connections", "up", "down", "packets", "all_packets", "again", "lost"):
            setattr(out, key, getattr(self, key) + getattr(other, key))
        return out

    def __radd__(self, _):
        return self

    def json(self):
        return {k: getattr(self, k) for k in ("connections", "flights", "bytes", "up", "down", "packets", "all_packets", "again", "lost")}


class Link:
    def __init__(self, rtt_ms=80, mbit=20, loss_percent=0.1, buffer=1 << 18, seed=1):
        self.words = [DEVICE, round(rtt_ms * 1000), round(mbit * 1e6), buffer, round(loss_percent * 1e4), seed]
        self.seed, self.process, self.folder = seed, None, None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="mansio-link-")
        program = os.path.join(self.folder, "line")
        subprocess.run(["cc", "-std=gnu17", "-O2", "-o", program, os.path.join(HERE, "line.c")], check=True)
        self.process = subprocess.Popen([program, *map(str, self.words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise OSError("the line does not start")
        self.route()
        return self

    @staticmethod
    def route():
        for name, value in (("conf/all/rp_filter", 0), (f"conf/{DEVICE}/rp_filter", 0), (f"conf/{DEVICE}/route_localnet", 1),
                            (f"conf/{DEVICE}/accept_local", 1), ("tcp_no_metrics_save", 1)):
            with open(f"/proc/sys/net/ipv4/{name}", "w") as f:
                f.write(str(value))
        # A later rule takes what the link gives back; who connects from BESIDE goes, and is answered, by the loopback device.
        for words in ("link set lo up", f"link set {DEVICE} up mtu 1500",
                      # where there is none but 127.0.0.1, getaddrinfo() with AI_ADDRCONFIG finds nothing
                      f"address add 192.0.2.1/32 dev {DEVICE}", f"route add 127.0.0.1 dev {DEVICE} src 127.0.0.1 table 100",
                      f"rule add pref 4 from {BESIDE} lookup local", "rule add pref 5 iif lo to 127.0.0.1 lookup 100",
                      "rule add pref 10 lookup local", "rule del pref 0"):
            subprocess.run(["ip", *words.split()], check=True)

    def read(self, seed=None):
        """What each connection since the last call cost; from here on SEED decides which packets are lost."""
        self.process.stdin.write(f"read {self.seed if seed is None else seed}\n")
        self.process.stdin.flush()
        return [Use(row) for row in json.loads(self.process.stdout.readline())]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        for words in ("add pref 0 lookup local", "del pref 4", "del pref 5", "del pref 10"):
            subprocess.run(["ip", "rule", *words.split()], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)
