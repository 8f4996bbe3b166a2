# SPDX-License-Identifier: Apache-2.0
"""pop3: what every answer of POP3 has to be (RFC 1939 3, RFC 2449 3, 4, 8, RFC 6856 2.1, 3.2), whatever asked for it."""
import re

CODES = {b"IN-USE", b"LOGIN-DELAY", b"AUTH", b"SYS/TEMP", b"SYS/PERM", b"UTF8"}  # RFC 2449 8, RFC 3206 4, RFC 6856 5
STATUS = re.compile(rb"(\+OK|-ERR)(?: (?:\[([^\]]*)\] )?([^\x00-\x1f\x7f]*))?")
MECHANISM = re.compile(rb"[A-Z0-9_-]{1,20}")
CAPABILITIES = {  # as RFC 2449 6, RFC 2595 4, RFC 3206 4, RFC 5034 3 and RFC 6856 2, 3.1 write them
    b"UTF8": rb"( USER)?", b"LANG": rb"",
    b"TOP": rb"", b"USER": rb"", b"UIDL": rb"", b"STLS": rb"", b"RESP-CODES": rb"", b"AUTH-RESP-CODE": rb"", b"PIPELINING": rb"",
    b"SASL": rb"( [A-Z0-9_-]{1,20})+", b"EXPIRE": rb" (NEVER|\d+( USER)?)", b"LOGIN-DELAY": rb" \d+( USER)?", b"IMPLEMENTATION": rb" [\x21-\x7e]+"}


def multiline(command):
    """Has a +OK to it lines?"""
    words = command.upper().split()
    return bool(words) and (words[0] in (b"CAPA", b"RETR", b"TOP") or words in ([b"LIST"], [b"UIDL"], [b"AUTH"], [b"LANG"]))


class Heard:
    """What a connection was told that changes what may come: UTF8 was said, and a language chosen."""
    utf8 = lang = False

    def take(self, command, line):
        words = command.upper().split() or [b""]
        self.utf8 |= words[0] == b"UTF8" and line.startswith(b"+OK")
        self.lang |= words[0] == b"LANG" and len(words) == 2 and line.startswith(b"+OK")


def valid_utf8(line):
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def message_faults(lines, heard):
    """The header of a message (RFC 6856 2.1): ASCII, or UTF-8 where the client said so."""
    header = lines[:lines.index(b"")] if b"" in lines else lines
    if heard.utf8:
        return [f"a header that is no UTF-8: {x!r}" for x in header if not valid_utf8(x)]
    return [f"8-bit bytes in a header for a client without UTF8: {x!r}" for x in header if not x.isascii()]


def status_faults(line, heard):
    m = STATUS.fullmatch(line)
    if not m:
        return [f"not a status line: {line!r}"]
    faults = []
    if not line.isascii() and not (heard.lang and valid_utf8(line)):
        faults.append(f"8-bit bytes that nobody asked for: {line!r}")
    if len(line) > 510:
        faults.append("a status line over 512 octets")
    if m.group(2) is not None and m.group(2) not in CODES:
        faults.append(f"unknown response code {m.group(2)!r}")
    if m.group(2) is not None and m.group(1) == b"+OK":
        faults.append(f"a response code with +OK: {line!r}")
    return faults


def numbered(lines, value):
    faults, last = [], 0
    for line in lines:
        m = re.fullmatch(rb"([1-9]\d*) (" + value + rb")", line)
        if not m:
            faults.append(f"not a listing: {line!r}")
            continue
        if int(m.group(1)) <= last:
            faults.append(f"numbers do not rise: {line!r}")
        last = int(m.group(1))
    return faults


def capability_faults(line):
    name = line.split(b" ")[0]
    if name not in CAPABILITIES or not re.fullmatch(CAPABILITIES[name], line[len(name):]):
        return [f"not a capability: {line!r}"]
    return []


def faults(command, line, lines, heard=None):
    """command: as it was sent. line, lines: the answer, stuffing removed; lines None: there were none. heard: of the connection."""
    heard = heard or Heard()
    heard.take(command, line)
    out = status_faults(line, heard)
    words = command.upper().split() or [b""]
    if words[0] == b"LANG" and len(words) == 2 and line.startswith(b"+OK") and not re.match(rb"\+OK [A-Za-z0-9-]+ ", line):
        out.append(f"LANG answered without the language: {line!r}")
    if lines is None or not line.startswith(b"+OK"):
        single = {b"STAT": rb"\d+ \d+", b"LIST": rb"\d+ \d+", b"UIDL": rb"\d+ [\x21-\x7e]{1,70}"}.get(words[0])
        if line.startswith(b"+OK") and single and (words[0] == b"STAT" or len(words) == 2) and not re.fullmatch(rb"\+OK " + single, line):
            out.append(f"not an answer to {words[0].decode()}: {line!r}")
        return out
    if words[0] == b"LIST":
        out += numbered(lines, rb"\d+")
    elif words[0] == b"UIDL":
        out += numbered(lines, rb"[\x21-\x7e]{1,70}")
        ids = [x.split(b" ")[-1] for x in lines]
        if len(set(ids)) < len(ids):
            out.append("two messages have one UIDL")
    elif words[0] == b"CAPA":
        for x in lines:
            out += capability_faults(x)
    elif words[0] in (b"RETR", b"TOP"):
        out += message_faults(lines, heard)
    elif words[0] == b"LANG":
        out += [f"not a language: {x!r}" for x in lines if not re.fullmatch(rb"[A-Za-z0-9-]+( .+)?", x) or not valid_utf8(x)]
    elif words[0] == b"AUTH":
        out += [f"not a mechanism: {x!r}" for x in lines if not MECHANISM.fullmatch(x)]
    return out
