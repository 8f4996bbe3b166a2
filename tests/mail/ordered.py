#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ordered: SORT and THREAD of thousands of mails, equal to a slow and plain implementation (RFC 5256 2.1, 2.2, 3; RFC 5957 3, 4; RFC 5051).

The plain side reads ENVELOPE, INTERNALDATE and RFC822.SIZE and computes the order itself. Mails whose date or encoded words are not
strictly well-formed, or whose fields are not UTF-8 (they sort last, as octets: RFC 5255 4.6), are left out of the sorts that use these: how
they are read is tested elsewhere.
"""
import argparse
import base64
import calendar
import os
import quopri
import re
import sys
import time
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client  # noqa: E402
from lib.server import Server, default_binary  # noqa: E402
from mail.corpus import crlf, spam_assassin, torture  # noqa: E402

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)(?: \([A-Za-z0-9 +:-]*\))?")
WORD = re.compile(r"=\?([A-Za-z0-9-]+)\?([QqBb])\?([^? ]*)\?=")


def sent(envelope):
    """Seconds of a strictly well-formed Date, else None."""
    m = DATE.fullmatch((envelope["date"] or b"").decode("latin-1"))
    if not m:
        return None
    day, month, year, hh, mm, ss, sign, zh, zm = m.groups()
    if month.lower() not in MONTHS or int(hh) > 23 or int(mm) > 59 or int(ss) > 59 or int(zm) > 59 or int(zh) > 14:
        return None
    number = MONTHS.index(month.lower()) + 1
    if not 1 <= int(day) <= calendar.monthrange(int(year), number)[1] or int(year) < 1980:
        return None
    t = calendar.timegm((int(year), number, int(day), int(hh), int(mm), int(ss)))
    zone = int(zh) * 3600 + int(zm) * 60
    return t - zone if sign == "+" else t + zone


def decoded(raw):
    """Text of a header value, or None when it is not cleanly ASCII with well-formed encoded words in charsets known to all."""
    text = (raw or b"").decode("latin-1")
    if not text.isascii() or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        return None
    out, at, last = "", 0, None
    for m in WORD.finditer(text):
        between = text[at:m.start()]
        if last is None or between.strip(" \t") or not between:
            out += between
        if (m.start() > 0 and text[m.start() - 1] not in " \t") or (m.end() < len(text) and text[m.end()] not in " \t"):
            return None
        charset, how, body = m.groups()
        if charset.lower() not in ("utf-8", "iso-8859-1", "us-ascii"):
            return None
        try:
            data = base64.b64decode(body, validate=True) if how in "Bb" else quopri.decodestring(body.replace("_", " "))
            out += data.decode(charset)
        except (ValueError, UnicodeDecodeError):
            return None
        at, last = m.end(), m
    rest = text[at:]
    if "=?" in rest or "=?" in re.sub(WORD, "", text):
        return None
    return out + rest


BLOB = re.compile(r"\[[^\[\]]*\][ \t]*")
REFWD = re.compile(r"(?:re|fwd?)[ \t]*(?:\[[^\[\]]*\][ \t]*)?:", re.I)


def base_subject(text):
    """RFC 5256 2.1, step by step."""
    text = re.sub(r"[ \t]+", " ", text.replace("\r\n", " "))
    while True:
        while True:
            cut = re.sub(r"(?:\(fwd\)|[ \t])$", "", text, flags=re.I)
            if cut == text:
                break
            text = cut
        while True:
            before = text
            while True:
                at = 0
                while (m := BLOB.match(text, at)):
                    at = m.end()
                m = REFWD.match(text, at)
                if m:
                    text = text[m.end():]
                elif text[:1] in (" ", "\t") and text:
                    text = text[1:]
                else:
                    break
            m = BLOB.match(text)
            if m and text[m.end():]:
                text = text[m.end():]
            if text == before:
                break
        if text[:5].lower() == "[fwd:" and text.endswith("]"):
            text = text[5:-1]
            continue
        return text


def title(ch):
    t = ch.title()
    return t if len(t) == 1 else ch.upper() if len(ch.upper()) == 1 else ch


def fold(text):
    """i;unicode-casemap (RFC 5051): titlecase of each character, decomposed, compared as octets of UTF-8."""
    return unicodedata.normalize("NFKD", "".join(title(c) for c in text)).encode()


FIELDS = "BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[HEADER.FIELDS (FROM)] BODY.PEEK[HEADER.FIELDS (TO)]"


def undecodable(data, name):
    """Whether a field, as it was sent, is no UTF-8: ENVELOPE shows a guess."""
    raw = next(v for k, v in data.items() if k.upper().startswith("BODY[HEADER.FIELDS") and name in k.upper())
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


class Mail:
    def __init__(self, number, data):
        self.number, self.uid = number, data["UID"]
        e = data["ENVELOPE"]
        self.size = data["RFC822.SIZE"]
        self.arrival = internal(data["INTERNALDATE"].decode())
        self.date = sent(e)
        subject = None if undecodable(data, "SUBJECT") else decoded(e["subject"])
        self.subject = None if subject is None else fold(base_subject(subject))
        self.first = {n: self.mailbox(e[n]) for n in ("from", "to", "cc")}
        self.display = {n: None if undecodable(data, n.upper()) else self.shown(e[n]) for n in ("from", "to")}

    @staticmethod
    def mailbox(addresses):
        """addr-mailbox of the first address; None when it is not plain ASCII."""
        text = (addresses[0][2] or b"") if addresses else b""
        return fold(text.decode()) if text.isascii() and b"=?" not in text else None

    @staticmethod
    def shown(addresses):
        if not addresses:
            return b""
        name, _, mailbox, host = addresses[0]
        if name is not None:
            text = decoded(name)
            if text is None:
                return None
            if text:
                return fold(text)
        if not mailbox or not host or not (mailbox + host).isascii() or b"=?" in mailbox + host:
            return None         # broken addresses
        return fold((mailbox + b"@" + host).decode())


def internal(text):
    m = re.fullmatch(r"([ \d]\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", text)
    d, mon, y, hh, mm, ss, sign, zh, zm = m.groups()
    t = calendar.timegm((int(y), MONTHS.index(mon.lower()) + 1, int(d), int(hh), int(mm), int(ss)))
    zone = int(zh) * 3600 + int(zm) * 60
    return t - zone if sign == "+" else t + zone


KEYS = {
    "ARRIVAL": lambda m: m.arrival, "SIZE": lambda m: m.size, "DATE": lambda m: m.date, "SUBJECT": lambda m: m.subject,
    "FROM": lambda m: m.first["from"], "TO": lambda m: m.first["to"], "CC": lambda m: m.first["cc"],
    "DISPLAYFROM": lambda m: m.display["from"], "DISPLAYTO": lambda m: m.display["to"],
}
ORDERS = ["ARRIVAL", "REVERSE ARRIVAL", "SIZE", "REVERSE SIZE", "DATE", "REVERSE DATE", "SUBJECT", "SUBJECT DATE", "REVERSE SUBJECT REVERSE DATE",
          "FROM", "TO", "CC", "FROM REVERSE SUBJECT SIZE", "DISPLAYFROM", "DISPLAYTO", "REVERSE DISPLAYFROM DATE", "SUBJECT DATE SIZE FROM TO CC"]


def plain_sort(mails, order):
    """One stable sort a criterion, the last one first."""
    words, criteria, reverse = order.split(), [], False
    for w in words:
        if w == "REVERSE":
            reverse = True
            continue
        criteria.append((KEYS[w], reverse))
        reverse = False
    clean = [m for m in mails if all(k(m) is not None for k, _ in criteria)]
    out = sorted(clean, key=lambda m: m.number)
    for k, r in reversed(criteria):
        # a reversed criterion keeps the mailbox order of equals (RFC 5256, REVERSE concerns one criterion)
        out.sort(key=k, reverse=r) if not r else out.sort(key=lambda m, k=k: Backwards(k(m)))
    return out


class Backwards:
    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return other.value < self.value


def set_of(uids):
    out, run = [], []
    for u in sorted(uids):
        if run and u == run[1] + 1:
            run[1] = u
            continue
        if run:
            out.append(run)
        run = [u, u]
    if run:
        out.append(run)
    return ",".join(f"{a}" if a == z else f"{a}:{z}" for a, z in out)


def plain_orderedsubject(mails):
    """THREAD=ORDEREDSUBJECT (RFC 5256 3): by base subject, then by date; a thread's first message is the parent of all others."""
    groups = {}
    for m in plain_sort(mails, "SUBJECT DATE"):
        groups.setdefault(m.subject, []).append(m)
    return [[m.uid for m in g] for g in sorted(groups.values(), key=lambda g: (g[0].date, g[0].number))]


def flat_threads(raw):
    """Top-level threads of a THREAD response: lists of numbers."""
    out, depth, now = [], 0, []
    for token in re.findall(rb"\(|\)|\d+", raw.partition(b"THREAD")[2]):
        if token == b"(":
            depth += 1
        elif token == b")":
            depth -= 1
            if depth == 0:
                out.append(now)
                now = []
        else:
            now.append(int(token))
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--some", type=int, default=1)
    p.add_argument("--copies", type=int, default=1, help="how often the mails lie in the mailbox")
    args = p.parse_args()
    mails = (spam_assassin() + torture())[::args.some]
    if not mails:
        print("no mails to be had")
        return 77
    failures = 0
    server = Server(args.mansio or default_binary(), ["alice"])
    try:
        server.start()
        c = Client(server.imap, timeout=300)
        c.login("alice")
        if b"SORT" not in c.oracle.caps:
            print("this server has no SORT")
            return 77
        c.ok("CREATE all")
        for i in range(0, len(mails), 20):
            tags = [c.start('APPEND all "%2d-Jan-2020 10:%02d:00 +0000" {}' % (1 + (i + k) % 28, (i * 7 + k) % 60), crlf(t))
                    for k, (_, t) in enumerate(mails[i:i + 20]) if b"\0" not in t]
            for t in tags:
                c.finish(t)
        c.ok("SELECT all")
        first = c.oracle.mailbox.exists
        for _ in range(args.copies - 1):
            c.ok(f"COPY 1:{first} all", timeout=600)
        got = []
        for low in range(1, c.oracle.mailbox.exists + 1, 500):
            a = c.ok(f"FETCH {low}:{min(low + 499, c.oracle.mailbox.exists)} (UID ENVELOPE INTERNALDATE RFC822.SIZE {FIELDS})")
            got += [Mail(r.num, r.data) for r in a.all("FETCH")]
        for order in ORDERS:
            want = plain_sort(got, order)
            began = time.monotonic()
            uids = c.ok(f"UID SORT ({order}) UTF-8 UID {set_of([m.uid for m in want])}", timeout=300).one("SORT").data["numbers"]
            took = time.monotonic() - began
            plain = [m.uid for m in want]
            if uids != plain:
                failures += 1
                at = next((i for i, (x, y) in enumerate(zip(uids, plain)) if x != y), min(len(uids), len(plain)))
                by = {m.uid: m for m in got}
                keys = [w for w in order.split() if w != "REVERSE"]
                print(f"FAIL SORT ({order}): {len(uids)} and {len(plain)} messages; at place {at}:")
                for u in (uids + [0])[at], (plain + [0])[at]:
                    print(f"    UID {u}: {[KEYS[k](by[u]) for k in keys] if u in by else None}")
            else:
                print(f"  SORT ({order}): {len(plain)} messages, {took * 1000:.0f} ms", flush=True)
        if b"THREAD=ORDEREDSUBJECT" in c.oracle.caps:
            clean = [m for m in got if m.subject is not None and m.date is not None]
            a = c.ok(f"UID THREAD ORDEREDSUBJECT UTF-8 UID {set_of([m.uid for m in clean])}", timeout=300)
            ours, theirs = plain_orderedsubject(clean), flat_threads(a.one("THREAD").raw)
            if sorted(map(tuple, ours)) != sorted(map(tuple, theirs)):
                failures += 1
                odd = [t for t in theirs if t not in ours][:3]
                print(f"FAIL THREAD ORDEREDSUBJECT: {len(theirs)} threads and {len(ours)}; for example {odd}")
            elif [t[0] for t in ours] != [t[0] for t in theirs]:
                failures += 1
                print("FAIL THREAD ORDEREDSUBJECT: the threads are in another order")
            else:
                print(f"  THREAD ORDEREDSUBJECT: {len(ours)} threads", flush=True)
        for f in c.oracle.faults:
            failures += 1
            print("FAIL the oracle: " + f[:300])
        c.logout()
        if fault := server.ended():
            failures += 1
            print(f"FAIL {fault}")
    finally:
        server.close()
    print(f"{len(mails)} mails, {args.copies} times: {len(ORDERS)} orders, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
