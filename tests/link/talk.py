# SPDX-License-Identifier: Apache-2.0
"""talk: an IMAP client that does what a careful mail program does, and nothing that costs a round trip more than the server makes it."""
import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import zlib

from lib.server import PASSWORD

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


class Talk:
    """A connection: TLS "tls", "starttls" or "". Capabilities that come by themselves are not asked for."""

    def __init__(self, server, tls="tls", beside=None, timeout=60):
        self.buffer, self.n, self.packer, self.unpacker, self.capabilities = b"", 0, None, None, set()
        self.sock = socket.create_connection(("127.0.0.1", server.imaps if tls == "tls" else server.imap), timeout, (beside, 0) if beside else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls == "tls":
            self.sock = CONTEXT.wrap_socket(self.sock)
        self.greeting = self.line()
        self.learn(self.greeting)
        if tls == "starttls":
            self.command("STARTTLS")
            self.sock = CONTEXT.wrap_socket(self.sock)
            self.capabilities = set()       # RFC 9051 6.2.1: forgotten
        if not self.capabilities:
            self.command("CAPABILITY")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def learn(self, line):
        found = re.search(rb"(?:\[| )CAPABILITY ([^\]\r]*)", line)
        if found:
            self.capabilities = set(found.group(1).upper().split())

    def send(self, data):
        self.sock.sendall(self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH) if self.packer else data)

    def more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise OSError("the server closed the connection")
        self.buffer += self.unpacker.decompress(data) if self.unpacker else data

    def line(self):
        """A line, with the literals in it."""
        at = 0
        while True:
            end = self.buffer.find(b"\r\n", at)
            while end < 0:
                self.more()
                end = self.buffer.find(b"\r\n", at)
            literal = re.search(rb"\{(\d+)\}$", self.buffer[max(at, end - 24):end])
            at = end + 2 + (int(literal.group(1)) if literal else 0)
            if not literal:
                out, self.buffer = self.buffer[:at], self.buffer[at:]
                return out
            while len(self.buffer) < at:
                self.more()

    def tag(self):
        self.n += 1
        return b"a%d" % self.n

    def until(self, tag, first=None):
        """The untagged lines before the answer to TAG, which is OK; FIRST is called when the first has come."""
        lines = []
        while True:
            line = self.line()
            self.learn(line)
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise OSError(line.decode(errors="replace").strip())
                return lines
            if first and not lines:
                first()
            lines.append(line)

    def command(self, text, first=None):
        tag = self.tag()
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.until(tag, first)

    def pipelined(self, texts):
        """All at once; returns when the last is answered."""
        tags = [self.tag() for _ in texts]
        self.send(b"".join(tag + b" " + text + b"\r\n" for tag, text in zip(tags, texts)))
        for tag in tags:
            self.until(tag)

    def login(self, user, scram=False):
        self.capabilities = set()
        if scram:
            self.scram(user)
        else:
            self.command(f"LOGIN {user} {PASSWORD}")
        if not self.capabilities:
            self.command("CAPABILITY")

    def plain(self, user):
        """AUTHENTICATE PLAIN with an initial response."""
        self.capabilities = set()
        self.command(b"AUTHENTICATE PLAIN " + base64.b64encode(f"\0{user}\0{PASSWORD}".encode()))
        if not self.capabilities:
            self.command("CAPABILITY")

    def scram(self, user):
        """AUTHENTICATE SCRAM-SHA-256 with an initial response (RFC 7677, RFC 4959)."""
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare, tag = f"n={user},r={nonce}", self.tag()
        self.send(tag + b" AUTHENTICATE SCRAM-SHA-256 " + base64.b64encode(b"n,," + bare.encode()) + b"\r\n")
        first = self.challenge(tag)
        field = dict(part.split("=", 1) for part in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(field["s"]), int(field["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={field['r']}"
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{first},{final}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed))).decode()
        self.send(base64.b64encode(f"{final},p={proof}".encode()) + b"\r\n")
        line = self.line()
        if line.startswith(b"+"):           # the server's signature as a challenge, which is answered with nothing
            self.send(b"\r\n")
            self.until(tag)
        else:
            self.learn(line)
            if not line.startswith(tag + b" OK"):
                raise OSError(line.decode(errors="replace").strip())

    def challenge(self, tag):
        line = self.line()
        if not line.startswith(b"+ "):
            raise OSError(f"{tag}: {line}")
        return base64.b64decode(line[2:].strip()).decode()

    def compress(self):
        self.command("COMPRESS DEFLATE")
        self.packer, self.unpacker = zlib.compressobj(6, zlib.DEFLATED, -15), zlib.decompressobj(-15)

    def wait_for(self, word):
        while word not in (line := self.line()):
            pass
        return line

    def append(self, mailbox, mails):
        """Pipelined, with literals that are not asked for (RFC 7888)."""
        self.pipelined([b"APPEND %s {%d+}\r\n%s" % (mailbox, len(m), m) for m in mails])

