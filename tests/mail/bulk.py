#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bulk: thousands of real and tricky mails in by APPEND, import and LMTP, and out again byte for byte (T51, T52, T60, T61, T87, S4)."""
import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from lib.imapclient import Client, Lmtp, dot_stuff  # noqa: E402
from lib.server import Dovecot, Server, default_binary  # noqa: E402
from mail.corpus import crlf, spam_assassin, torture  # noqa: E402
from mail.parts import difference, ours, theirs  # noqa: E402

BATCH = 100
TRACE_FIELDS = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*", re.I)


class Report:
    def __init__(self):
        self.failures = 0

    def fail(self, text):
        self.failures += 1
        if self.failures <= 40:
            print("FAIL " + text, flush=True)

    def oracle(self, where, client):
        for f in client.oracle.faults:
            self.fail(f"{where}, the oracle: {f}")
        client.oracle.faults.clear()


def connect(server, user):
    c = Client(server.imap, timeout=120, strict=server.strict)
    c.login(user)
    return c


def batches(items, n=BATCH):
    for i in range(0, len(items), n):
        yield items[i:i + n]


def append_all(report, server, mails, mailbox):
    """Pipelined APPENDs; returns {uid: (name, text)}."""
    out = {}
    with connect(server, "alice") as c:
        c.ok(f"CREATE {mailbox}")
        for part in batches(mails, 20):
            tags = []
            for _, text in part:
                tilde = "~" if b"\0" in text else ""
                tags.append(c.start(f"APPEND {mailbox} {tilde}" + "{}", text))
            for tag, (name, text) in zip(tags, part):
                a = c.finish(tag)
                if a.status != "OK" or not a.code:
                    report.fail(f"APPEND of {name} answered {a.status} {a.code} {a.text}")
                    continue
                out[a.code[1][1][0][0]] = (name, text)
        report.oracle("APPEND", c)
        c.logout()
    return out


def fetch_all(report, server, user, mailbox, items, where):
    """Yields (uid, items) of every message of a mailbox."""
    c = connect(server, user)
    a = c.ok(f"EXAMINE {mailbox}")
    for low in range(1, a.ucode("UIDNEXT"), BATCH):
        answer = c.cmd(f"UID FETCH {low}:{low + BATCH - 1} ({items})")
        if answer.status != "OK":
            report.fail(f"{where}: FETCH answered {answer.status} {answer.code} {answer.text}")
        for r in answer.all("FETCH"):
            yield r.data["UID"], r.data
        report.oracle(where, c)
    c.logout()


EVERYTHING = "RFC822.SIZE ENVELOPE INTERNALDATE BODYSTRUCTURE BODY BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (From Subject X-None)]"


def compare(report, where, name, got, want):
    if got == want:
        return
    got = got if got is not None else b""
    at = next((i for i, (x, y) in enumerate(zip(got, want)) if x != y), min(len(got), len(want)))
    report.fail(f"{where}: {name} comes out with {len(got)} octets instead of {len(want)}; at {at}: {got[at:at + 30]!r} instead of {want[at:at + 30]!r}")


def by_append(report, server, mails):
    began = time.monotonic()
    sent = append_all(report, server, mails, "appended")
    structures = {}
    seen = set()
    for uid, items in fetch_all(report, server, "alice", "appended", EVERYTHING, "APPEND"):
        if uid not in sent:
            report.fail(f"APPEND: UID {uid} was never given out")
            continue
        name, text = sent[uid]
        seen.add(uid)
        if items.get("RFC822.SIZE") != len(text):
            report.fail(f"APPEND: {name} has RFC822.SIZE {items.get('RFC822.SIZE')} instead of {len(text)}")
        if b"\0" not in text:
            compare(report, "APPEND", name, items.get("BODY[]"), text)
        structures[uid] = items.get("BODYSTRUCTURE")
    for uid in set(sent) - seen:
        report.fail(f"APPEND: {sent[uid][0]} is not there")
    print(f"APPEND: {len(seen)} of {len(mails)} compared ({time.monotonic() - began:.1f} s)", flush=True)
    return sent, structures


def by_import(report, server, mails):
    """A Maildir of all mails; compared as a bag, for its order is the importer's affair."""
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="mansio-maildir-")
    try:
        for sub in ("cur", "new", "tmp"):
            os.mkdir(os.path.join(folder, sub))
        for i, (_, text) in enumerate(mails):
            with open(os.path.join(folder, "cur", f"{1000000000 + i}.M{i}.test:2,S"), "wb") as f:
                f.write(text)
        server.cli("import", "--user", "bob", "--quiet", folder, timeout=300)
        wanted = Counter(crlf(text) for _, text in mails if b"\0" not in text)
        names = {crlf(text): name for name, text in mails}
        got = Counter()
        n = 0
        for uid, items in fetch_all(report, server, "bob", "INBOX", "RFC822.SIZE FLAGS BODY.PEEK[]", "import"):
            body = items.get("BODY[]") or b""
            n += 1
            got[body] += 1
            if items.get("RFC822.SIZE") != len(body):
                report.fail(f"import: UID {uid} has RFC822.SIZE {items.get('RFC822.SIZE')} and {len(body)} octets")
        if n != len(mails):
            report.fail(f"import: {n} messages instead of {len(mails)}")
        for body in wanted - got:
            report.fail(f"import: {names.get(body)} did not come out as it went in ({len(body)} octets)")
        server.cli("import", "--user", "bob", "--quiet", folder, timeout=300)
        with connect(server, "bob") as c:
            again = c.ok("STATUS INBOX (MESSAGES)").one("STATUS").data["items"]["MESSAGES"]
            if again != n:
                report.fail(f"a second import of the same folder makes {n} messages {again}")
        print(f"import: {n} of {len(mails)} compared ({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        shutil.rmtree(folder)


def lmtp_send(report, lmtp, name, text, chunking):
    """Delivers one mail to carol; returns the text that must come out, or None."""
    plain = b"\0" not in text and not re.search(rb"\r(?!\n)|(?<!\r)\n", text)
    lmtp.must("MAIL FROM:<sender@example.org>" + ("" if plain or not chunking else " BODY=BINARYMIME"), 250)
    lmtp.must("RCPT TO:<carol>", 250)
    if plain:
        lmtp.must("DATA", 354)
        lmtp.data(text)
        want = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    else:
        half = len(text) // 2
        lmtp.send(b"BDAT %d\r\n" % half + text[:half])
        code, texts = lmtp.reply()
        lmtp.send(b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:])
        want = text
    code, texts = lmtp.reply()
    if code != 250:
        report.fail(f"LMTP: {name} answered {code} {texts}")
        return None
    return want


def by_lmtp(report, server, mails):
    began = time.monotonic()
    lmtp = Lmtp(server.lmtp, timeout=60)
    lmtp.send(b"LHLO client.example\r\n")
    chunking = "BINARYMIME" in [t.strip() for t in lmtp.reply()[1]]
    wanted = []
    for i, (name, text) in enumerate(mails):
        text = text if name.startswith("torture") and i % 2 else crlf(text)
        want = lmtp_send(report, lmtp, name, text, chunking)
        if want is not None:
            wanted.append((name, want))
    lmtp.close()
    n = 0
    for (uid, items), (name, want) in zip(fetch_all(report, server, "carol", "INBOX", "RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (Return-Path)]", "LMTP"), wanted):
        body = items.get("BODY[]") or b""
        n += 1
        if items.get("RFC822.SIZE") != len(body) and b"\0" not in want:
            report.fail(f"LMTP: {name} has RFC822.SIZE {items.get('RFC822.SIZE')} and {len(body)} octets")
        added = body[:len(body) - len(want)]
        if b"\0" not in want and not body.endswith(want):
            compare(report, "LMTP", name, body[TRACE_FIELDS.match(body).end():], want)
        elif not TRACE_FIELDS.fullmatch(added) or not added.lower().startswith(b"return-path: <sender@example.org>\r\n"):
            report.fail(f"LMTP: {name}: the added header is {added[:200]!r}")
    if n != len(wanted):
        report.fail(f"LMTP: {n} messages instead of {len(wanted)}")
    print(f"LMTP: {n} of {len(mails)} compared ({time.monotonic() - began:.1f} s)", flush=True)


def listed(name):
    """{mail: kind} of a table of differences that have a reason."""
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return dict(line.rstrip("\n").split("\t")[:2] for line in f if line.strip() and not line.startswith("#"))


def by_parts(report, server, sent, structures, write):
    """The parts' octets against Python's email package."""
    began = time.monotonic()
    known = listed("differences.txt")
    c = connect(server, "alice")
    c.ok("EXAMINE appended")
    found = {}
    parts = 0
    uids = [u for u in sorted(structures) if structures[u] and b"\0" not in sent[u][1]]
    for group in batches(uids, 40):
        asked = []
        for uid in group:
            leaves = ours(structures[uid])
            items = " ".join(f"BODY.PEEK[{x.path}]" for x in leaves[:60])
            asked.append((uid, leaves, c.start(f"UID FETCH {uid} ({items})")))
        waiting, got = {tag for _, _, tag in asked}, {}
        while waiting:
            r = c.response()
            waiting.discard(r.tag)
            if r.name == "FETCH":
                got[r.data["UID"]] = r.data
        for uid, leaves, _ in asked:
            name, text = sent[uid]
            data = got.get(uid, {})
            fetched = {x.path: data.get(f"BODY[{x.path}]") for x in leaves[:60]}
            parts += len(fetched)
            d = difference(leaves, theirs(text), fetched)
            if d:
                found[name] = d
                if d[0] == "size" or name not in known and not write:
                    report.fail(f"parts of {name}: {d[0]}: {d[1]}")
        report.oracle("parts", c)
    c.logout()
    if write:
        with open(write, "w", encoding="utf-8") as f:
            for name, (kind, what) in sorted(found.items()):
                f.write(f"{name}\t{known.get(name, kind)}\t{what}\n")
    kinds = Counter(k for k, _ in found.values())
    print(f"parts: {parts} parts of {len(uids)} messages against Python's email, {len(found)} messages differ {dict(kinds)}, "
          f"{len(known)} listed ({time.monotonic() - began:.1f} s)", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--dovecot", action="store_true", help="try the test itself: APPEND and parts only")
    p.add_argument("--some", type=int, default=1, help="only every n-th mail")
    p.add_argument("--only", default="append,import,lmtp,parts")
    p.add_argument("--write-differences", metavar="FILE")
    args = p.parse_args()
    mails = (spam_assassin() + torture())[::args.some]
    if not mails:
        print("no mails to be had")
        return 77
    # half of the mails as on disk (mostly bare LF), half with CRLF
    mails = [(n, t if i % 2 and not args.dovecot else crlf(t)) for i, (n, t) in enumerate(mails)]
    if args.dovecot:
        mails = [(n, t) for n, t in mails if b"\0" not in t]
    report = Report()
    names = ["alice", "bob", "carol"]
    server = Dovecot(names) if args.dovecot else Server(args.mansio or default_binary(), names)
    only = args.only.split(",")
    try:
        server.start()
        sent, structures = by_append(report, server, mails)
        if "parts" in only:
            by_parts(report, server, sent, structures, args.write_differences)
        if "import" in only and not args.dovecot:
            by_import(report, server, mails)
        if "lmtp" in only and not args.dovecot:
            by_lmtp(report, server, mails)
        if not args.dovecot:
            r = server.cli("check", check=False)
            if r.returncode:
                report.fail("mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-600:])
            if fault := server.ended():
                report.fail(fault)
    except Exception as e:
        report.fail(f"{type(e).__name__}: {e}\n{'' if server.alive() else server.log_tail()}")
    finally:
        server.close()
    print(f"{len(mails)} mails, {report.failures} failures")
    return 1 if report.failures else 0


__all__ = ["dot_stuff"]
if __name__ == "__main__":
    sys.exit(main())
