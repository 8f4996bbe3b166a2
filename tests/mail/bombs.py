#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bombs: mails made to hurt: depth, parts, parameters, headers, addresses (S4, S5, T63). Each must be taken or refused with a code, in time
that grows with its size, with bounded memory, at delivery and at FETCH; whatever is answered must be well-formed."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Timeout  # noqa: E402
from lib.server import Server, default_binary  # noqa: E402

SECONDS = 8             # for a bomb of some megabytes, in a sanitizer build on a busy machine times --slow
MEGABYTES = 700         # the server may not grow beyond


def nested(depth, close=True):
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(depth))
    tail = "".join(f"--b{i}--\r\n" for i in reversed(range(depth))) if close else ""
    return head + "Content-Type: text/plain\r\n\r\nx\r\n" + tail


def bombs():
    yield "depth 10000 multipart", nested(10000)
    yield "depth 10000 multipart, open", nested(10000, False)
    yield "depth 10000 message/rfc822", "Content-Type: message/rfc822\r\n\r\n" * 10000 + "Subject: x\r\n\r\nx\r\n"
    yield "same boundary 5000 deep", "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 5000 + "x\r\n--a--\r\n"
    yield "boundary prefixes", "".join(f"Content-Type: multipart/mixed; boundary={'a' * (i % 70 + 1)}\r\n\r\n--{'a' * (i % 70 + 1)}\r\n" for i in range(2000))
    yield "100000 parts", "Content-Type: multipart/mixed; boundary=a\r\n\r\n" + "--a\r\n\r\nx\r\n" * 100000 + "--a--\r\n"
    yield "100000 empty parts", "Content-Type: multipart/mixed; boundary=a\r\n\r\n" + "--a\r\n" * 100000 + "--a--\r\n"
    yield "300000 delimiters like ours", "Content-Type: multipart/mixed; boundary=a\r\n\r\n" + "--b\r\n" * 300000
    yield "500000 parameters", "Content-Type: text/plain" + ";\r\n a=b" * 500000 + "\r\n\r\nx"
    yield "200000 continued parameters", "Content-Type: text/plain" + "".join(f";\r\n a*{i}*=b" for i in range(200000)) + "\r\n\r\nx"
    yield "1000000 header lines", "X: y\r\n" * 1000000 + "\r\nx"
    yield "500000 addresses", "To: a@b" + ",\r\n c@d" * 500000 + "\r\n\r\nx"
    yield "groups in groups", "To: " + "g:" * 300000 + ";" * 300000 + "\r\n\r\nx"
    yield "comments in comments", "From: " + "(" * 500000 + ")" * 500000 + " a@b\r\nSubject: x\r\n\r\nx"
    yield "a comment ending in a backslash", "From: a@b (x\\"
    yield "20 MB of subject", "Subject: " + "x" * 20000000 + "\r\n\r\nx"
    yield "5 MB of encoded words", "Subject: " + "=?UTF-8?Q?=C3=A4?= " * 250000 + "\r\n\r\nx"
    yield "500000 references", "References: " + "".join(f"<{i}@x>\r\n " for i in range(500000)) + "\r\nMessage-ID: <m@x>\r\n\r\nx"
    yield "folds", "Subject: x" + "\r\n " * 1000000 + "y\r\n\r\nx"
    yield "quotes", 'From: "' + '\\"' * 1000000 + '" <a@b>\r\n\r\nx'
    yield "truncated base64", "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + "QUFB" * 500000 + "Q"
    yield "quoted-printable soft breaks", "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + "=\r\n" * 1000000
    yield "no line end", "x" * 8000000


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) // 1024 for line in f if line.startswith("VmRSS"))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--slow", type=float, default=1)
    args = p.parse_args()
    failures = 0
    server = Server(args.mansio or default_binary(), ["alice"])
    limit = SECONDS * args.slow
    try:
        server.start()
        c = Client(server.imap, timeout=limit * 4)
        c.login("alice")
        c.ok("SELECT INBOX")
        uid = 0
        for name, text in bombs():
            text = text.encode()
            said = []
            try:
                began = time.monotonic()
                a = c.cmd("APPEND INBOX {}", text)
                took = time.monotonic() - began
                if a.status == "OK":
                    uid = a.code[1][1][0][0]
                    began = time.monotonic()
                    for items in ("ENVELOPE BODYSTRUCTURE", "BODY BODY.PEEK[1] BODY.PEEK[1.1.1.1.1.1.1.MIME]",
                                  "BODY.PEEK[HEADER.FIELDS (From To Subject References)]"):
                        a = c.cmd(f"UID FETCH {uid} ({items})")
                        if a.status != "OK":
                            said.append(f"FETCH {items}: {a.status} {a.text}")
                    body = c.cmd(f"UID FETCH {uid} (RFC822.SIZE BODY.PEEK[])").one("FETCH")
                    if body is None or body.data["BODY[]"] != text or body.data["RFC822.SIZE"] != len(text):
                        said.append("it does not come out as it went in")
                    c.cmd(f"UID SEARCH UID {uid} SUBJECT nothing-like-it")
                    c.cmd(f"UID SEARCH UID {uid} BODY nothing-like-it")
                    fetched = time.monotonic() - began
                else:
                    fetched = 0
                    if not a.code:
                        said.append(f"refused without a code: {a.text}")
                if took > limit or fetched > limit:
                    said.append(f"too slow: APPEND {took:.1f} s, FETCH {fetched:.1f} s")
                print(f"  {name}: {len(text)} octets, APPEND {a.status} {took:.2f} s, FETCH and SEARCH {fetched:.2f} s, "
                      f"server {rss(server.pid)} MB", flush=True)
            except (Timeout, Closed) as e:
                said.append(f"{type(e).__name__} {e}")
            said += c.oracle.faults
            c.oracle.faults.clear()
            if server.alive() and rss(server.pid) > MEGABYTES * args.slow:
                said.append(f"the server has {rss(server.pid)} MB")
            for s in said:
                failures += 1
                print(f"FAIL {name}: {s[:400]}", flush=True)
            if not server.alive():
                print("the server has ended:\n" + server.log_tail())
                server.start()
            if said:
                c.close()
                c = Client(server.imap, timeout=limit * 4)
                c.login("alice")
                c.ok("SELECT INBOX")
        r = server.cli("check", check=False)
        if r.returncode:
            failures += 1
            print("FAIL mansio check: " + (r.stdout + r.stderr).decode(errors="replace")[-600:])
        if fault := server.ended():
            failures += 1
            print(f"FAIL {fault}")
    finally:
        server.close()
    print(f"{len(list(bombs()))} bombs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
