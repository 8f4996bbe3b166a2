#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers: STARTTLS, COMPRESS, UNAUTHENTICATE, LOGIN and AUTHENTICATE in all orders (S1, S16), against a model of what has to come.

Each order is played in four ways: command by command; in one write, each command in the layer in which it belongs; the same cut anywhere; and
in one write in the layer that was there at the first, where a change of layer in the middle must end the connection at that point with a BYE.

usage: tests/attack/layers.py [--mansio PROGRAM] [--length 2] [--seed 1]
"""
import argparse
import base64
import itertools
import os
import random
import re
import socket
import ssl
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import tls_context  # noqa: E402
from lib.server import PASSWORD, Server, default_binary  # noqa: E402

LINES = {
    "S": "STARTTLS", "C": "COMPRESS DEFLATE", "U": "UNAUTHENTICATE", "L": f"LOGIN alice {PASSWORD}", "N": "NOOP",
    "A": "AUTHENTICATE PLAIN " + base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode(),
}
BEFORE = ("", "L", "LC", "S", "SL", "SLC", "LCU", "LCULC")
TLS = tls_context()
ONCE = re.compile(rb"(?:^|\n)(?:x\d+ (OK|NO|BAD)|\* (BYE))[^\r\n]*\r\n")


class Fault(Exception):
    pass


class Model:
    """What a server has to answer, and which layers it is in."""

    def __init__(self):
        self.tls = self.auth = self.packed = False

    def step(self, c):
        """The answer; then what has changed: "tls", "pack", "unpack" or nothing."""
        if c == "N":
            return "OK", ""
        if c in "LA":
            was, self.auth = self.auth, True
            return ("BAD" if was else "OK"), ""
        if c == "S":
            if self.auth or self.tls:
                return "BAD", ""
            self.tls = True
            return "OK", "tls"
        if not self.auth or (c == "C" and self.packed):
            return "BAD", ""
        if c == "C":
            self.packed = True
            return "OK", "pack"
        was, self.packed, self.auth = self.packed, False, False
        return "OK", "unpack" if was else ""


class Peer:
    """A client's end: a socket, perhaps TLS, perhaps deflate."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.n, self.packer, self.unpacker = b"", 0, None, None
        self.queue = b""
        self.answer()

    def line(self, c, end=True):
        """end: a flush of deflate's behind it."""
        self.n += 1
        data = f"x{self.n} {LINES[c]}\r\n".encode()
        if self.packer:
            data = self.packer.compress(data) + (self.packer.flush(zlib.Z_SYNC_FLUSH) if end else b"")
        self.queue += data

    def flush(self, cut=None):
        data, self.queue = self.queue, b""
        try:
            while data:
                n = cut.randint(1, 24) if cut else len(data)
                self.sock.sendall(data[:n])
                data = data[n:]
        except OSError:
            pass  # it has closed already: the answers tell

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            return False
        self.take(data)
        return True

    def take(self, data):
        if self.unpacker:
            self.got += self.unpacker.decompress(data)
            if self.unpacker.eof:
                self.got += self.unpacker.unused_data
                self.unpacker = None
        else:
            self.got += data

    def answer(self):
        """OK, NO, BAD, BYE, or "" at the end."""
        if self.n == 0:
            while b"\n" not in self.got:
                if not self.more():
                    raise Fault("no greeting")
            self.got = b""
            return "OK"
        while True:
            found = ONCE.search(self.got)
            if found:
                self.got = self.got[found.end():]
                return (found.group(1) or found.group(2)).decode()
            try:
                if not self.more():
                    return ""
            except (ConnectionError, ssl.SSLError):
                return ""
            except zlib.error as e:
                raise Fault(f"what came is no deflate stream: {e}") from e

    def change(self, what):
        """The server's answer to a change was read: what came behind it is in the new layer."""
        if what == "tls":
            self.sock = TLS.wrap_socket(self.sock, server_hostname="localhost")
        elif what == "pack":
            rest, self.got = self.got, b""
            self.unpacker = zlib.decompressobj(-15)
            if rest:
                self.take(rest)

    def sending(self, what):
        """The client's own direction changes right behind the command."""
        if what == "pack":
            self.packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        elif what == "unpack":
            self.packer = None


def expect(peer, order, i, want):
    got = peer.answer()
    if got != want:
        raise Fault(f"command {i + 1} ({LINES[order[i]].split()[0]}): expected {want or 'the end'}, got {got or 'the end'}")


def begin(port, before):
    peer, model = Peer(port), Model()
    for i, c in enumerate(before):
        want, what = model.step(c)
        peer.line(c)
        peer.flush()
        peer.sending(what)
        expect(peer, before, i, want)
        peer.change(what)
    return peer, model


def play(port, before, order, way, rng):
    peer, model = begin(port, before)
    told = []  # sent, to be answered

    def answers():
        for i, want, what in told:
            expect(peer, order, i, want)
            peer.change(what)
        told.clear()

    try:
        for i, c in enumerate(order):
            want, what = model.step(c)
            peer.line(c, way != "wrong")
            if way == "wrong" and what and i + 1 < len(order):
                overrun(peer, order, i, want, what, told)
                return
            told.append((i, want, what))
            if peer.packer and what == "unpack" and way == "wrong":
                peer.queue += peer.packer.flush(zlib.Z_SYNC_FLUSH)
            peer.sending(what)
            if way == "steps" or what == "tls":
                peer.flush(rng if way == "cut" else None)
                answers()
        if peer.packer and way == "wrong":
            peer.queue += peer.packer.flush(zlib.Z_SYNC_FLUSH)
        peer.flush(rng if way == "cut" else None)
        answers()
    finally:
        peer.sock.close()


def overrun(peer, order, i, want, what, told):
    """All the rest comes in the layer that order[i] ends."""
    for c in order[i + 1:]:
        peer.line(c, False)
    if peer.packer:
        peer.queue += peer.packer.flush(zlib.Z_SYNC_FLUSH)
    peer.flush()
    for k, w, _ in told:
        expect(peer, order, k, w)
    if what == "pack":  # it is taken for packed bytes, and is none
        expect(peer, order, i, want)
        peer.got = b""
        while peer.answer():
            pass
        return
    expect(peer, order, i, "BYE")
    expect(peer, order, i, "")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--mansio", default=None)
    ap.add_argument("--length", type=int, default=2)
    ap.add_argument("--seed", type=int, default=1)
    o = ap.parse_args()
    rng, n = random.Random(o.seed), 0
    with Server(o.mansio or default_binary(), ["alice"]) as server:
        for before in BEFORE:
            for order in itertools.product("SCULAN", repeat=o.length):
                for way in ("steps", "piped", "cut", "wrong"):
                    try:
                        play(server.imap, before, order, way, rng)
                    except (Fault, OSError) as e:
                        print(f"FAIL {way} {'-'.join(before + ''.join(order))}: {type(e).__name__} {e}\n{server.log_tail(6)}")
                        return 1
                    n += 1
        if fault := server.ended():
            print(f"FAIL {fault}")
            return 1
    print(f"{n} connections, all orders of {o.length} behind {len(BEFORE)} beginnings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
