# SPDX-License-Identifier: Apache-2.0
"""mails: mails made to hurt, at delivery over LMTP and at FETCH, SEARCH, SORT and THREAD (S4, S5). tests/mail/bombs.py looks at
what comes out; here the cost is bounded."""
import os
import sys

from harness import attack, cpu, need
from lib.imapclient import Lmtp

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mail"))
from bombs import bombs  # noqa: E402


@attack("mails of parts, depth, parameters, headers, addresses, encoded words: LMTP, FETCH, SEARCH, SORT, THREAD", cpu=(12, 60), mb=(150, 400), wall=(90, 300), wait=4)
def mail_bombs(a):
    m = Lmtp(a.server.lmtp, lhlo="x", timeout=60)
    c = a.raw("alice")
    c.ok("SELECT INBOX")
    worst = (0.0, "")
    for i, (name, text) in enumerate(bombs()):
        if not a.full and i % 3 and len(text) > 3 << 20:
            continue
        began = cpu(a.server.pid)
        code = m.deliver("a@b", ["alice"], text.encode())[0][0]
        need(code in (250, 552, 554), f"{name}: LMTP answered {code}")
        c.ok("NOOP")
        for line in ("FETCH * (ENVELOPE BODYSTRUCTURE BODY PREVIEW RFC822.SIZE)", "FETCH * (BODY.PEEK[HEADER] BODY.PEEK[1.1.1.1.MIME] BINARY.SIZE[1])",
                     "SEARCH SUBJECT zzz TEXT zzz", "SEARCH BODY zzz", "SORT (FROM TO SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"):
            if not a.full and line.startswith("SEARCH BODY") and i % 4:
                continue
            st = c.cmd(line.replace("SEARCH ", "SEARCH * "))
            need(st in ("OK", "NO"), f"{name}: {line[:30]} answered {st}")
        took = (cpu(a.server.pid) - began) / max(1, len(text) / (1 << 20))
        if len(text) > 500000:
            worst = max(worst, (took, name))
    a.note(f"dearest: {worst[1]}, {worst[0] * 1000:.0f} ms a megabyte for all six")
    m.close()


@attack("SEARCH, SORT and THREAD whose client goes away", cpu=(8, 15), mb=60, wall=60)
def gone_searchers(a):
    c = a.raw("alice")
    text = b"Subject: x\r\n\r\n" + b"some words that nobody looks for " * 30000
    for _ in range(a.size(20, 60)):
        need(c.append(text) == "OK", "APPEND")
    a.measured_from_here()
    for i in range(a.size(50, 200)):
        d = a.raw("alice")
        d.ok("SELECT INBOX")
        d.start("SEARCH BODY zz%d NOT BODY yy%d TEXT xx%d" % (i, i, i))
        d.close()
    with a.raw("alice") as d:
        d.ok("SELECT INBOX")
        d.ok("SEARCH BODY last")
