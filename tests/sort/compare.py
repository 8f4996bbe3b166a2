#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare: SORT and THREAD over real mail against the plain implementation (RFC 5256, RFC 5957). Mails whose Date or addresses are not of
the plain form are left out: how those are read is tested elsewhere."""
import argparse
import calendar
import os
import random
import re
import sys
import time
import unicodedata
from base64 import b64decode
from quopri import decodestring

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from lib.imapclient import Client  # noqa: E402
from lib.server import Server  # noqa: E402
from mail.corpus import crlf, spam_assassin  # noqa: E402
from sort import plain  # noqa: E402

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)(?: \([A-Za-z]+\))?$")
ADDRESS = re.compile(r'(?:(?:"([A-Za-z0-9](?:[A-Za-z0-9 .]*[A-Za-z0-9])?)"|([A-Za-z0-9]+(?: [A-Za-z0-9]+)*)) )?<([A-Za-z0-9._+-]+)@([A-Za-z0-9.-]+)>$|([A-Za-z0-9._+-]+)@([A-Za-z0-9.-]+)$')
WORD = re.compile(r"=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=", re.I)


def fields(text):
    head = text.partition(b"\r\n\r\n")[0].decode("latin-1")
    out = {}
    for line in re.sub(r"\r\n([ \t])", r"\1", head).split("\r\n"):
        name, colon, value = line.partition(":")
        out.setdefault(name.strip().lower(), value.strip(" \t"))
    return out


def decoded(text):
    if "=?" not in text:
        return text if text.isascii() else None
    text = re.sub(r"(\?=)[ \t]+(=\?)", r"\1\2", text)
    if not text.isascii() or re.sub(WORD, "", text).find("=?") >= 0:
        return None

    def one(m):
        raw = b64decode(m[3] + "==") if m[2] in "bB" else decodestring(m[3].replace("_", "=20").encode(), header=True)
        return raw.decode(m[1])
    try:
        out = WORD.sub(one, text)
    except (LookupError, ValueError):
        return None
    return None if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]", out) or re.search(r"\?=\S|\S=\?", text.replace("?==?", "")) else out


def casemap(text):
    """i;unicode-casemap (RFC 5051), as octets."""
    out = ""
    for ch in text:
        t = ch.title()
        out += unicodedata.normalize("NFKD", t if len(t) == 1 else ch)
    return out.encode()


def first_address(value):
    """(mailbox, name shown), or None when the field is not of the plain form."""
    if value is None:
        return b"", b""
    m = ADDRESS.match(value.split(",")[0].strip())
    if not m:
        return None
    name, box, host = m[1] or m[2], m[3] or m[5], m[4] or m[6]
    return casemap(box), casemap(name or f"{box}@{host}")


def understood(uid, text, arrival):
    f = fields(text)
    m = {"uid": uid, "arrival": arrival, "size": len(text)}
    date = f.get("date")
    d = DATE.match(date) if date is not None else None
    if date is not None and (not d or d[2] not in MONTHS):
        return None
    m["date"] = arrival
    if d and int(d[3]) >= 1900:  # before that it is no date, but a program with the fault of the year 2000 (T127)
        minutes = int(d[8]) * 60 + int(d[9])
        m["date"] = calendar.timegm((int(d[3]), MONTHS.index(d[2]) + 1, int(d[1]), int(d[4]), int(d[5]), int(d[6]))) - \
            (minutes if d[7] == "+" else -minutes) * 60
    for name in ("from", "to", "cc"):
        a = first_address(f.get(name))
        if a is None:
            return None
        m[name], m["display" + name] = a
    subject = decoded(f.get("subject", ""))
    if subject is None or len(subject) > 500:
        return None
    base, m["reply"] = plain.base_subject(subject)
    m["subject"] = casemap(base)
    own = plain.message_ids(f.get("message-id", ""))
    m["id"] = own[0] if own else None
    m["refs"] = plain.references(f.get("references"), f.get("in-reply-to"))
    return m if len(m["refs"]) <= 100 else None


def again(text, k):
    """The same mail in another conversation."""
    head, _, body = text.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^((?:message-id|references|in-reply-to):.*(?:\r\n[ \t].*)*)",
                  lambda m: m[1].replace(b"<", b"<r%d." % k), head)
    return head + b"\r\n\r\n" + body


def store(client, count, seed):
    """Appends mails; returns what the plain implementation knows of them."""
    rng = random.Random(seed)
    mails = [crlf(t) for _, t in spam_assassin()]
    mails = [t for t in mails if b"\0" not in t and len(t) < 20000 and understood(0, t, 0)]
    if not mails:
        return []
    rng.shuffle(mails)
    out, tags, k = [], [], 0
    while len(out) < count:
        for text in mails[:count - len(out)]:
            if k > 0:
                text = again(text, k) if k % 3 else text
                text = text.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + b"x" * rng.randrange(100)
            arrival = 1000000000 + rng.randrange(40000) * 600
            when = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(arrival))
            tags.append(client.start(f'APPEND INBOX "{when}" ' + "{}", text))
            out.append(understood(len(out) + 1, text, arrival))
            if len(tags) >= 50:
                for t in tags:
                    assert client.finish(t).status == "OK"
                tags = []
        k += 1
    for t in tags:
        assert client.finish(t).status == "OK"
    return out


def tangle(client, count, seed):
    """Mails that refer to each other at random: long chains in any order, circles, ids used twice (S6)."""
    rng = random.Random(seed)
    out, tags = [], []
    ids = list(range(count))
    rng.shuffle(ids)
    for i in ids:
        kind = rng.random()
        if kind < 0.7:
            refs = [j for j in range(i - rng.randrange(1, 4), i) if j >= 0]
        else:
            refs = [rng.randrange(count + 10) for _ in range(rng.randrange(5))]
        own = i if rng.random() < 0.95 else rng.randrange(count)
        head = f"Message-ID: <{own}@x>\r\n" if rng.random() < 0.98 else ""
        if refs:
            head += "References: " + " ".join(f"<{j}@x>" for j in refs) + "\r\n"
        subject = rng.choice(["", "Re: ", "[x] "]) + rng.choice(["tea", "milk", "rum", "", f"n{i}"])
        text = f"{head}Subject: {subject}\r\n\r\n".encode()
        arrival = 1000000000 + rng.randrange(count) * 60
        when = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(arrival))
        tags.append(client.start(f'APPEND Tangle "{when}" ' + "{}", text))
        out.append(understood(len(out) + 1, text, arrival))
        if len(tags) >= 50:
            for t in tags:
                assert client.finish(t).status == "OK"
            tags = []
    for t in tags:
        assert client.finish(t).status == "OK"
    return out


SORTS = ["subject date", "arrival", "-arrival", "date", "-date", "size", "-size subject", "from date", "to -subject", "cc size",
         "displayfrom -date", "displayto arrival", "-subject", "-from -subject -date"]


def run(client, messages, report):
    for s in SORTS:
        want = plain.sort(messages, s.split())
        began = time.monotonic()
        a = client.ok(f"UID SORT ({s.replace('-', 'reverse ')}) utf-8 all", timeout=120)
        took = time.monotonic() - began
        got = a.one("SORT").data["numbers"]
        report(f"SORT ({s})", got == want, took, lambda: next((i, g, w) for i, (g, w) in enumerate(zip(got + [0], want + [0])) if g != w))
    for algorithm in ("ORDEREDSUBJECT", "REFERENCES", "REFS"):
        for keys, chosen in (("all", messages), ("smaller 3000", [m for m in messages if m["size"] < 3000])):
            want = plain.thread(chosen, algorithm)
            began = time.monotonic()
            a = client.ok(f"UID THREAD {algorithm} utf-8 {keys}", timeout=120)
            took = time.monotonic() - began
            got = a.one("THREAD").raw.strip().decode().partition("THREAD")[2].strip()
            report(f"THREAD {algorithm} {keys}", got == want, took,
                   lambda: next((got[max(0, i - 40):i + 40], want[max(0, i - 40):i + 40]) for i in range(len(got) + 1)
                                if got[i:i + 1] != want[i:i + 1]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--messages", type=int, default=4000)
    p.add_argument("--tangle", type=int, default=800)
    p.add_argument("--seed", type=int, default=int(time.time()))
    a = p.parse_args()
    failures = 0

    def report(what, good, took, difference):
        nonlocal failures
        print(f"{'ok  ' if good else 'FAIL'} {what} ({took * 1000:.0f} ms)" + ("" if good else f": {difference()}"), flush=True)
        failures += not good
    print(f"seed {a.seed}")
    with Server(a.mansio, accounts=["alice"]) as server:
        c = Client(server.imap, timeout=120)
        c.login("alice")
        c.ok("CREATE Tangle")
        messages = tangle(c, a.tangle, a.seed)
        c.ok("SELECT Tangle")
        run(c, messages, report)
        messages = store(c, a.messages, a.seed)
        if not messages:
            print("no mails to be had: skipped")
            return 77      # check counts it as skipped
        c.ok("SELECT INBOX")
        run(c, messages, report)
        for f in c.oracle.faults:
            print("FAIL the oracle:", f)
            failures += 1
        c.logout()
    print(f"{len(messages)} messages, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
