# SPDX-License-Identifier: Apache-2.0
"""lex: cutting the server's bytes into responses, and a cursor over one response (RFC 3501 and 9051, section 9)."""
import re


class Bad(Exception):
    """An ill-formed response: what is wrong, and where in the response."""

    def __init__(self, message, at=None):
        super().__init__(message)
        self.message = message
        self.at = at


LITERAL_END = re.compile(rb"(~?)\{(\d+)(\+?)\}$")
# Lines whose end is free text: a {5} there is not a literal.
FREE_TEXT = re.compile(rb"(?:\+|\* (?:OK|NO|BAD|BYE|PREAUTH)|[^ *+][^ ]* (?:OK|NO|BAD))(?: |$)", re.I)


class Splitter:
    """Cuts a byte stream into whole responses: lines with their literals, each with its last CRLF."""

    def __init__(self):
        self.buf = bytearray()
        self.scan = 0       # up to here the buffer has been looked at
        self.line = 0       # where the current physical line begins
        self.faults = []

    def feed(self, data):
        self.buf += data
        out = []
        while True:
            response = self._next()
            if response is None:
                return out
            out.append(response)

    def _next(self):
        while True:
            if self.scan > len(self.buf):
                return None             # inside a literal
            nl = self.buf.find(b"\n", self.scan)
            if nl < 0:
                return None
            if nl == 0 or self.buf[nl - 1] != 0x0D:
                self.faults.append("a line ends in a bare LF")
                line = bytes(self.buf[self.line:nl])
            else:
                line = bytes(self.buf[self.line:nl - 1])
            if b"\r" in line:
                self.faults.append("a bare CR in a line")
            m = LITERAL_END.search(line)
            if m and not FREE_TEXT.match(bytes(self.buf[:64])) and not self._in_quotes(line[:m.start()]):
                self.scan = nl + 1 + int(m.group(2))
                self.line = self.scan
                continue
            response = bytes(self.buf[:nl + 1])
            del self.buf[:nl + 1]
            self.scan = self.line = 0
            return response

    @staticmethod
    def _in_quotes(text):
        quoted = i = 0
        while i < len(text):
            c = text[i]
            if c == 0x5C and quoted:
                i += 1
            elif c == 0x22:
                quoted = not quoted
            i += 1
        return quoted

    def rest(self):
        """What is left when the connection has ended: must be empty."""
        return bytes(self.buf)


ATOM_SPECIALS = b'(){ %*"\\]'
ATOM = bytes(c for c in range(0x21, 0x7F) if c not in ATOM_SPECIALS)
ASTRING = ATOM + b"]"
RE_ATOM = re.compile(rb"[" + re.escape(ATOM) + rb"]+")
RE_ASTRING = re.compile(rb"[" + re.escape(ASTRING) + rb"]+")
RE_TAG = re.compile(rb"[" + re.escape(ASTRING.replace(b"+", b"")) + rb"]+")
RE_NUMBER = re.compile(rb"\d+")
RE_WORD = re.compile(rb"[A-Za-z0-9.\-_=+:&/]+")
RE_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)
RE_LITERAL = re.compile(rb"(~?)\{(\d+)(\+?)\}\r\n")
RE_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
RE_DATE_TIME = re.compile(
    rb'"([ 0-3]\d)-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
MAX32 = 4294967295
MAX63 = 9223372036854775807


class Cursor:
    """Reads one response from left to right; every method raises Bad."""

    def __init__(self, data, utf8=False, language=False):
        self.b = data
        self.i = 0
        self.utf8 = utf8
        self.language = language

    def bad(self, message):
        raise Bad(f"{message} at octet {self.i}: {self.b[max(0, self.i - 30):self.i]!r} >>> "
                  f"{self.b[self.i:self.i + 40]!r}", self.i)

    def at_end(self):
        return self.i >= len(self.b)

    def peek(self, text):
        return self.b.startswith(text, self.i)

    def peek_word(self, word):
        n = len(word)
        return self.b[self.i:self.i + n].upper() == word

    def skip(self, text):
        if self.b.startswith(text, self.i):
            self.i += len(text)
            return True
        return False

    def need(self, text, what=None):
        if not self.skip(text):
            self.bad(f"expected {what or repr(text.decode())}")

    def sp(self):
        if not self.skip(b" "):
            self.bad("expected one space")
        if self.peek(b" "):
            self.bad("more than one space")

    def end(self):
        if self.peek(b" "):
            self.bad("a space at the end of the line")
        if self.b[self.i:] != b"\r\n":
            self.bad("expected CRLF")
        self.i = len(self.b)

    def keyword(self, *words):
        """One of these words, in any case; returns it in upper case."""
        m = RE_WORD.match(self.b, self.i)
        got = m.group(0).upper() if m else b""
        for word in words:
            if got == word:
                self.i += len(word)
                return word
        self.bad("expected one of " + ", ".join(w.decode() for w in words))

    def word(self):
        m = RE_WORD.match(self.b, self.i)
        if not m:
            self.bad("expected a keyword")
        self.i = m.end()
        return m.group(0).upper()

    def number(self, limit=MAX32, nz=False):
        m = RE_NUMBER.match(self.b, self.i)
        if not m:
            self.bad("expected a number")
        text = m.group(0)
        if len(text) > 1 and text[0] == 0x30:
            self.bad("a number with a leading zero")
        value = int(text)
        if value > limit:
            self.bad(f"a number above {limit}")
        if nz and value == 0:
            self.bad("0 where the grammar wants a non-zero number")
        self.i = m.end()
        return value

    def nz_number(self):
        return self.number(MAX32, True)

    def number64(self):
        return self.number(MAX63)

    def nz_number64(self):
        return self.number(MAX63, True)

    def atom(self):
        m = RE_ATOM.match(self.b, self.i)
        if not m:
            self.bad("expected an atom")
        self.i = m.end()
        return m.group(0)

    def quoted(self):
        m = RE_QUOTED.match(self.b, self.i)
        if not m:
            self.bad("expected a quoted string")
        body = m.group(1)
        if b"\r" in body or b"\n" in body:
            self.bad("CR or LF in a quoted string")
        if b"\0" in body:
            self.bad("NUL in a quoted string")
        if b"\\" in body:
            out = bytearray()
            i = 0
            while i < len(body):
                if body[i] == 0x5C:
                    i += 1
                    if body[i] not in b'"\\':
                        self.bad("a backslash before something else than quote or backslash in a quoted string")
                out.append(body[i])
                i += 1
            body = bytes(out)
        self.check_8bit(body, "quoted string")
        self.i = m.end()
        return body

    def check_8bit(self, body, where):
        if body.isascii():
            return
        if not self.utf8:
            self.bad(f"8-bit octets in a {where} (T58)")
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            self.bad(f"invalid UTF-8 in a {where}")

    def literal(self, binary=False):
        m = RE_LITERAL.match(self.b, self.i)
        if not m:
            self.bad("expected a literal")
        if m.group(3):
            self.bad("a non-synchronising literal from the server")
        if m.group(1) and not binary:
            self.bad("literal8 where the grammar does not allow it")
        if len(m.group(2)) > 1 and m.group(2)[:1] == b"0":
            self.bad("a literal's size has a leading zero")
        size = int(m.group(2))
        body = self.b[m.end():m.end() + size]
        if len(body) != size:
            self.bad("a literal is cut off")
        if not m.group(1) and b"\0" in body:
            self.bad("NUL in a literal")
        self.i = m.end() + size
        return body

    def string(self):
        if self.peek(b'"'):
            return self.quoted()
        if self.peek(b"{") or self.peek(b"~{"):
            return self.literal()
        self.bad("expected a string")

    def nil(self):
        if self.b[self.i:self.i + 3].upper() == b"NIL":
            self.i += 3
            return True
        return False

    def nstring(self):
        if self.nil():
            return None
        if self.peek(b'"'):
            return self.quoted()
        if self.peek(b"{") or self.peek(b"~{"):
            return self.literal()
        self.bad("expected a string or NIL")

    def nstring8(self):
        return self.literal(True) if self.peek(b"~{") else self.nstring()

    def astring(self):
        if self.peek(b'"') or self.peek(b"{"):
            return self.string()
        m = RE_ASTRING.match(self.b, self.i)
        if not m:
            self.bad("expected an astring")
        self.i = m.end()
        return m.group(0)

    def mailbox(self, written=False):
        """A mailbox name as the server prints it: INBOX in capitals (T22), never the atom NIL (T24), modified UTF-7. written: as the client wrote
        it, which the server only repeats (OLDNAME, RFC 9051 6.3.9.7)."""
        is_atom = not (self.peek(b'"') or self.peek(b"{"))
        start = self.i
        name = self.astring()
        if is_atom and name.upper() == b"NIL":
            self.i = start
            self.bad("a mailbox named NIL is not quoted (T24)")
        if not written and name.upper() == b"INBOX" and name != b"INBOX":
            self.bad(f"INBOX printed as {name!r} (T22)")
        if not self.utf8:
            fault = mutf7_fault(name)
            if fault:
                self.bad(f"mailbox name {name!r}: {fault} (T23)")
        else:
            self.check_8bit(name, "mailbox name")
        return name

    def date_time(self):
        m = RE_DATE_TIME.match(self.b, self.i)
        if not m:
            self.bad("expected a date-time")
        day, hour, minute, second, zh, zm = (int(m.group(n)) for n in (1, 4, 5, 6, 8, 9))
        if m.group(1)[:1] == b"0":
            self.bad("a one-digit day is padded with a zero instead of a space (T59)")
        if not (1 <= day <= 31 and hour <= 23 and minute <= 59 and second <= 60 and zh <= 23 and zm <= 59):
            self.bad("a date-time out of range")
        if day > 30 and m.group(2) in (b"Feb", b"Apr", b"Jun", b"Sep", b"Nov") or day > 29 and m.group(2) == b"Feb":
            self.bad("a day that the month does not have")
        self.i = m.end()
        return m.group(0)[1:-1]

    def uid_set(self, star=False):
        """uid-set / sequence-set of numbers; returns a list of (low, high)."""
        out = []
        while True:
            a = self.nz_number()
            z = a
            if self.skip(b":"):
                z = self.nz_number()
            out.append((min(a, z), max(a, z)))
            if not self.skip(b","):
                return out

    def list_of(self, read, empty=False):
        """"(" read *(SP read) ")"."""
        self.need(b"(")
        out = []
        if empty and self.skip(b")"):
            return out
        while True:
            out.append(read())
            if self.skip(b")"):
                return out
            self.sp()


BASE64_MUTF7 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"


def mutf7_fault(name):
    """None if name is modified UTF-7 (RFC 3501 5.1.3) in its one canonical spelling, else what is wrong."""
    i = 0
    after_shift = False
    while i < len(name):
        c = name[i]
        if c < 0x20 or c > 0x7E:
            return "an octet outside of printable US-ASCII"
        if c != 0x26:
            i += 1
            after_shift = False
            continue
        end = name.find(b"-", i)
        if end < 0:
            return "a shift without end"
        body = name[i + 1:end]
        i = end + 1
        if not body:
            after_shift = False
            continue
        if after_shift:
            return "two shifts in a row"
        after_shift = True
        bits = n = 0
        units = []
        for c in body:
            v = BASE64_MUTF7.find(c)
            if v < 0:
                return "not base64 in a shift"
            bits = bits << 6 | v
            n += 6
            if n >= 16:
                n -= 16
                units.append(bits >> n)
                bits &= (1 << n) - 1
        if n >= 6 or bits:
            return "left-over bits in a shift"
        try:
            text = b"".join(u.to_bytes(2, "big") for u in units).decode("utf-16-be")
        except UnicodeDecodeError:
            return "invalid UTF-16 in a shift"
        if not text or any(0x20 <= ord(ch) <= 0x7E for ch in text):
            return "printable US-ASCII in a shift"
    return None


def set_count(ranges):
    return sum(z - a + 1 for a, z in ranges)
