# SPDX-License-Identifier: Apache-2.0
"""imapclient: IMAP and LMTP clients for tests. All that the server sends passes through the grammar oracle."""
import os
import select
import socket
import ssl
import sys
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from oracle import Session  # noqa: E402


class Timeout(Exception):
    pass


class Closed(Exception):
    pass


class Fault(Exception):
    """The oracle found something, or an answer was not what the test needs."""


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Link:
    """A TCP or TLS connection with buffered reading and deadlines."""

    def __init__(self, host, port, tls=False, timeout=15):
        self.timeout = timeout
        self.packer = self.unpacker = None
        # With tests/link: the tests' own connections go beside the slow link.
        beside = os.environ.get("MANSIO_TEST_BESIDE")
        self.sock = socket.create_connection((host, port), timeout, (beside, 0) if beside and host == "127.0.0.1" else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls_context().wrap_socket(self.sock, server_hostname="localhost")

    def starttls(self):
        self.sock = tls_context().wrap_socket(self.sock, server_hostname="localhost")

    def deflate(self):
        """COMPRESS=DEFLATE (RFC 4978): from here on packed both ways, until the server closes its stream (RFC 8437 4.1)."""
        self.packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)

    def unpack(self, data):
        text = self.unpacker.decompress(data)
        if self.unpacker.eof:
            text += self.unpacker.unused_data
            self.packer = self.unpacker = None
        return text

    def send(self, data):
        if self.packer:
            data = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as e:
            raise Closed(str(e)) from e
        except socket.timeout as e:
            raise Timeout("the server does not read") from e

    def recv(self, timeout):
        """Some bytes; b"" at the end of the connection; raises Timeout."""
        self.sock.settimeout(max(timeout, 0.0001))
        try:
            data = self.sock.recv(262144)
            while data and self.unpacker:
                text = self.unpack(data)
                if text:
                    return text
                data = self.sock.recv(262144)
            return data
        except (socket.timeout, ssl.SSLWantReadError) as e:
            raise Timeout("nothing came") from e
        except (ConnectionResetError, BrokenPipeError, OSError):
            return b""

    def readable(self):
        pending = getattr(self.sock, "pending", lambda: 0)()
        return bool(pending) or bool(select.select([self.sock], [], [], 0)[0])

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass


class Answer:
    """A tagged answer and the untagged responses before it."""

    def __init__(self, tagged, untagged):
        self.tagged, self.untagged = tagged, untagged
        self.status = tagged.name if tagged else "BYE"
        self.code = tagged.code if tagged else None
        self.text = tagged.text if tagged else ""

    def all(self, name):
        return [r for r in self.untagged if r.name == name]

    def one(self, name):
        found = self.all(name)
        return found[-1] if found else None

    def ucode(self, name):
        for r in self.untagged:
            if r.code and r.code[0] == name:
                return r.code[1]
        return None


class Client:
    """with Client(port) as c: c.login("alice", "secret"); c.ok("SELECT INBOX")."""

    def __init__(self, port, host="127.0.0.1", tls=False, timeout=15, strict=True, greeting=True, allow=(), trace=None):
        self.oracle = Session(strict=strict, tls=tls, allow=allow)
        self.link = Link(host, port, tls, timeout)
        self.timeout = timeout
        self.trace = trace
        self.queue = []
        self.ended = False
        self.number = 0
        if greeting:
            self.greeting = self.response()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.close()
        if kind is None:
            self.check()

    def check(self):
        if self.oracle.faults:
            raise Fault("; ".join(self.oracle.faults[:5]))

    def close(self):
        self.link.close()

    def send(self, data):
        self.oracle.sent(data)
        if self.trace:
            self.trace("C", data)
        self.link.send(data)

    def starttls(self):
        self.link.starttls()
        self.oracle.tls_started()

    def fill(self, timeout):
        """Reads once; False at the end of the connection."""
        data = self.link.recv(timeout)
        if not data:
            if not self.ended:
                self.ended = True
                self.oracle.eof()
            return False
        if self.trace:
            self.trace("S", data)
        self.queue += self.oracle.received(data)
        return True

    def response(self, timeout=None):
        """The next response; raises Timeout or Closed."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while not self.queue:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout("no response")
            if self.ended or not self.fill(left):
                raise Closed("the server closed the connection")
        return self.queue.pop(0)

    def tag(self):
        self.number += 1
        return f"a{self.number}"

    def finish(self, tag, timeout=None):
        """Reads up to the answer with this tag."""
        untagged = []
        while True:
            try:
                r = self.response(timeout)
            except Closed:
                if any(u.name == "BYE" for u in untagged):
                    return Answer(None, untagged)
                raise
            if r.kind == "tagged" and r.tag == tag:
                return Answer(r, untagged)
            untagged.append(r)

    def start(self, line, *literals, sync=False):
        """Sends a command; every {} in line is replaced by a literal. Returns its tag."""
        tag = self.tag()
        parts = (line if isinstance(line, bytes) else line.encode()).split(b"{}")
        out = tag.encode() + b" " + parts[0]
        for text, part in zip(literals, parts[1:]):
            if sync:
                self.send(out + b"{%d}\r\n" % len(text))
                self.continuation()
                out = b""
            else:
                out += b"{%d+}\r\n" % len(text)
            out += text + part
        self.send(out + b"\r\n")
        return tag

    def continuation(self):
        r = self.response()
        if r.kind != "continue":
            raise Fault(f"expected a continuation, got {r.raw[:200]!r}")
        return r

    def cmd(self, line, *literals, sync=False, timeout=None):
        return self.finish(self.start(line, *literals, sync=sync), timeout)

    def ok(self, line, *literals, sync=False, timeout=None):
        a = self.cmd(line, *literals, sync=sync, timeout=timeout)
        if a.status != "OK":
            raise Fault(f"{line[:100]!r} answered {a.status} {a.code} {a.text}")
        return a

    def login(self, user, password="secret"):
        return self.ok(f'LOGIN "{user}" "{password}"')

    def append(self, mailbox, text, flags="", date="", sync=False, binary=False):
        args = f'APPEND "{mailbox}"' + (f" ({flags})" if flags else "") + (f' "{date}"' if date else "")
        return self.ok(args + (" ~{}" if binary else " {}"), text, sync=sync)

    def fetch(self, what, items, uid=True):
        """{uid or number: items}."""
        a = self.ok(("UID FETCH " if uid else "FETCH ") + what + " " + items)
        return {(r.data["UID"] if uid else r.num): r.data for r in a.all("FETCH")}

    def search(self, keys, uid=True):
        a = self.ok(("UID SEARCH " if uid else "SEARCH ") + keys)
        return a.one("SEARCH").data["numbers"]

    def logout(self):
        a = self.cmd("LOGOUT")
        self.close()
        return a


class LineClient:
    """Of a protocol whose answers are lines; has link, timeout, trace and buf."""

    def next_line(self, timeout=None):
        """Without its CRLF."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while b"\n" not in self.buf:
            data = self.link.recv(deadline - time.monotonic())
            if not data:
                raise Closed("the server closed the connection")
            if self.trace:
                self.trace("S", data)
            self.buf += data
        line, _, self.buf = self.buf.partition(b"\n")
        if not line.endswith(b"\r"):
            raise Fault(f"{type(self).__name__}: a line ends in a bare LF")
        return line[:-1]

    def close(self):
        self.link.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.close()


class Lmtp(LineClient):
    """An LMTP client. Replies are (code, [text, ...])."""

    def __init__(self, port, host="127.0.0.1", timeout=15, greeting=True, trace=None, lhlo=None):
        self.link = Link(host, port, False, timeout)
        self.timeout = timeout
        self.buf = b""
        self.trace = trace
        self.utf8 = False  # a transaction with SMTPUTF8: replies may hold UTF-8 (RFC 6531 3.7.4.2)
        if greeting:
            self.greeting = self.reply()
        if lhlo:
            self.must("LHLO " + lhlo, 250)

    def send(self, data):
        if self.trace:
            self.trace("C", data)
        if data[:5].upper() == b"MAIL ":
            self.utf8 = b" SMTPUTF8" in data.upper()
        self.link.send(data)

    def text_ok(self, text):
        if text.isascii():
            return True
        try:
            return self.utf8 and bool(text.decode())
        except UnicodeDecodeError:
            return False

    def line(self, timeout=None):
        line = self.next_line(timeout)
        if len(line) < 4 or not line[:3].isdigit() or line[3:4] not in b" -" or not line[4:].strip() or not self.text_ok(line):
            raise Fault(f"LMTP: ill-formed reply {line!r}")
        if len(line) > 510:
            raise Fault("LMTP: a reply line over 512 octets")
        return int(line[:3]), line[3:4] == b"-", line[4:].decode()

    def reply(self, timeout=None):
        texts = []
        while True:
            code, more, text = self.line(timeout)
            texts.append(text)
            if not more:
                return code, texts

    def must(self, line, want):
        self.send(line.encode() + b"\r\n")
        code, texts = self.reply()
        if code != want:
            raise Fault(f"LMTP: {line} answered {code} {texts}")
        return texts

    def data(self, text):
        """After DATA's 354: sends the text dot-stuffed, and the dot."""
        text = dot_stuff(text)
        self.send(text + b".\r\n")

    def deliver(self, sender, recipients, text):
        """One transaction; returns a list with one (code, texts) for each recipient."""
        self.must(f"MAIL FROM:<{sender}>", 250)
        accepted = []
        for r in recipients:
            self.send(f"RCPT TO:<{r}>\r\n".encode())
            accepted.append(self.reply())
        if not any(code == 250 for code, _ in accepted):
            self.must("RSET", 250)
            return accepted
        self.must("DATA", 354)
        self.data(text)
        return [self.reply() if code == 250 else (code, texts) for code, texts in accepted]


def dot_stuff(text):
    if text.startswith(b"."):
        text = b"." + text
    text = text.replace(b"\n.", b"\n..")
    return text if text.endswith(b"\r\n") or not text else text + b"\r\n"
