# SPDX-License-Identifier: Apache-2.0
"""state: all that an account can see of its mail, as one text, so that two states can be compared."""
import hashlib
import re
import socket

MARK = b"zQ7x"
FETCH = "(FLAGS MODSEQ INTERNALDATE RFC822.SIZE EMAILID THREADID SAVEDATE BODY.PEEK[])"
STATUS = "STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE DELETED MAILBOXID)"
ENTRIES = "(/private/comment /shared/comment /private/vendor/test/x)"


class Lost(Exception):
    """The connection ended."""


class Raw:
    """A client without an opinion: bytes out, bytes in."""

    def __init__(self, port, timeout=20):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.number = 0
        self.until(b"\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.sock.close()

    def until(self, mark):
        """Everything up to and with the line in which mark stands; mark begins a line, or the buffer."""
        chunks, tail = [], self.buf
        while True:
            at = tail.find(mark)
            if at >= 0 and (end := tail.find(b"\r\n", at)) >= 0:
                self.buf = tail[end + 2:]
                return b"".join(chunks) + tail[:end + 2]
            data = self.sock.recv(1 << 20)
            if not data:
                raise Lost(f"the connection ended: {tail[-300:]!r}")
            tail += data

    def answer(self, line):
        """(status, text of the tagged line, untagged part)."""
        self.number += 1
        tag = MARK + b"%d " % self.number
        self.sock.sendall(tag + (line.encode() if isinstance(line, str) else line) + b"\r\n")
        got = self.until(tag)
        at = got.rindex(tag)
        word, _, text = got[at + len(tag):].partition(b" ")
        return word.decode(), text, got[:at]

    def ok(self, line):
        status, text, untagged = self.answer(line)
        if status != "OK":
            raise Lost(f"{line[:80]} answered {status} {text!r}")
        return untagged


def shorten(text):
    """Bodies as their hashes; what is not durable (RFC 3501 2.3.2: \\Recent) left out."""
    out, at = [], 0
    while (m := re.compile(rb"\{(\d+)\}\r\n").search(text, at)):
        n = int(m.group(1))
        out.append(text[at:m.start()])
        out.append(b"<%d %s>" % (n, hashlib.sha1(text[m.end():m.end() + n]).hexdigest()[:12].encode()))
        at = m.end() + n
    out.append(text[at:])
    text = b"".join(out)
    text = re.sub(rb" ?\\Recent", b"", text).replace(b"FLAGS ( ", b"FLAGS (")
    text = re.sub(rb" ?\\(Un)?[Mm]arked", b"", text)
    text = re.sub(rb"\* \d+ RECENT\r\n", b"", text)
    return text


def mailboxes_of(listing):
    """[(name as listed, UIDVALIDITY)]."""
    return re.findall(rb'\* STATUS ("(?:[^"\\]|\\.)*"|\S+) \(.*?UIDVALIDITY (\d+)', listing)


def exists(port, user):
    """Asks at the door for mail: a login with an unknown name costs the server as much as a right password does."""
    with Raw(port) as c:
        c.sock.sendall(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nQUIT\r\n" % user.encode())
        return b"\r\n550 5.1.1" not in c.until(b"\r\n221 ")


def dump(port, user, passwords):
    """The state as text; None: nobody can log in with any of the passwords. Raises Lost."""
    with Raw(port) as c:
        for password in passwords:
            status, text, _ = c.answer(f'LOGIN "{user}" "{password}"')
            if status == "OK":
                break
            if b"AUTHENTICATIONFAILED" not in text:
                raise Lost(f"LOGIN answered {status} {text!r}")
        else:
            return None
        out = [b"password " + password.encode() + b"\r\n"]
        c.ok("ENABLE QRESYNC")
        listing = c.ok(f'LIST "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE {STATUS})')
        out += [listing, c.ok('LSUB "" *'), c.ok(f'GETMETADATA "" {ENTRIES}')]
        for name, validity in mailboxes_of(listing):
            out.append(c.ok(b"GETMETADATA " + name + b" " + ENTRIES.encode()))
            # The whole history: flags, and what is gone (RFC 7162 3.2.5).
            out.append(c.ok(b"EXAMINE " + name + b" (QRESYNC (%s 1))" % validity))
            out.append(c.ok("UID FETCH 1:* " + FETCH))
        return shorten(b"".join(out)).decode(errors="replace").replace("\r\n", "\n")
