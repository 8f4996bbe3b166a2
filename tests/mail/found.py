#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""found: SEARCH against a plain scanner (scanner.py) over all real mails: strings out of the mails, also such as begin or end with a blank or lie across folds and
soft line breaks, in any case. No difference without a reason (found-differences.txt)."""
import argparse
import os
import random
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from lib.server import Server, default_binary  # noqa: E402
from mail.bulk import Report, append_all, connect, listed  # noqa: E402
from mail.corpus import crlf, spam_assassin, torture  # noqa: E402
from mail.scanner import Mail, casemap  # noqa: E402

KEYS = ["BODY", "BODY", "BODY", "TEXT", "TEXT", "SUBJECT", "FROM", "TO", "CC"]


def needle_of(rng, mail):
    """(key, string) out of what is in a mail; None where it has nothing."""
    key = rng.choice(KEYS)
    views = [v for v in mail.views(key) if len(v) > 3]
    if not views:
        return None
    view = rng.choice(views)
    at = rng.randrange(len(view))
    text = view[at:at + rng.choice((3, 4, 6, 9, 14, 22, 40))]
    if rng.random() < 0.2 and len(text) > 4:      # so that it begins or ends with a blank
        m = re.search(r" \S+|\S+ ", text)
        text = m[0] if m else text
    if rng.random() < 0.3:
        text = text.swapcase()
    if len(text.strip()) < 3 or re.search(r"[\0\ufffd]", text) or (key not in ("BODY", "TEXT") and re.search(r"[\r\n]", text)):
        return None
    return key, text


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--some", type=int, default=1, help="only every n-th mail")
    p.add_argument("--needles", type=int, default=400)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    trees, known = listed("differences.txt"), listed("found-differences.txt")
    mails = [(n, crlf(t)) for n, t in (spam_assassin() + torture())[::args.some] if b"\0" not in t and n not in trees]
    if not mails:
        print("no mails to be had")
        return 77
    report, rng, began = Report(), random.Random(args.seed), time.monotonic()
    server = Server(args.mansio or default_binary(), ["alice"])
    try:
        server.start()
        sent = append_all(report, server, mails, "all")
        scanned = {uid: Mail(text) for uid, (_, text) in sent.items()}
        print(f"{len(sent)} mails are there ({time.monotonic() - began:.1f} s)", flush=True)
        uids, asked, hits, met = sorted(sent), 0, 0, set()
        c = connect(server, "alice")
        c.ok("EXAMINE all")
        while asked < args.needles:
            chosen = needle_of(rng, scanned[rng.choice(uids)])
            if chosen is None:
                continue
            key, text = chosen
            asked += 1
            mapped = casemap(text)
            want = {u for u in uids if scanned[u].find(key, mapped)}
            tag = c.start(f"UID SEARCH CHARSET UTF-8 {key} " + "{}", text.encode())
            got = set(c.finish(tag).one("SEARCH").data["numbers"])
            hits += len(got)
            for u in sorted(want ^ got):
                name = sent[u][0]
                if name in known:
                    met.add(name)
                else:
                    report.fail(f"{key} {text!r} {'does not find' if u in want else 'finds'} {name}")
        report.oracle("SEARCH", c)
        c.logout()
        if fault := server.ended():
            report.fail(fault)
        print(f"found: {asked} strings, {hits} hits, {len(known)} mails listed, {len(met)} of them met, {report.failures} differences "
              f"({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        server.close()
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
