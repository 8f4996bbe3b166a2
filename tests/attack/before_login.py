# SPDX-License-Identifier: Apache-2.0
"""before_login: what a stranger can do."""
import base64
import socket
import ssl
import time

from harness import PASSWORD, Failed, Raw, attack, cpu, descriptors, need, pss
from lib.imapclient import tls_context


def wait_closed(clients, seconds):
    deadline = time.monotonic() + seconds
    for c in clients:
        need(c.ended(max(0.1, deadline - time.monotonic())), f"still open after {seconds} s")


@attack("200 clients send a byte of a command now and then, imap.login=3s", cpu=1, mb=3, settings=("imap.login=3s",))
def slow_drip(a):
    clients = [a.raw() for _ in range(a.size(100, 200))]
    began, alive = time.monotonic(), clients
    while alive and time.monotonic() - began < 8:
        still = []
        for c in alive:
            try:
                c.send(b"t" if c.n else b"a LOGIN ")
                c.n += 1
                c.sock.setblocking(False)
                try:
                    if c.sock.recv(4096) == b"":
                        continue
                except BlockingIOError:
                    pass
                still.append(c)
            except OSError:
                continue
        alive = still
        time.sleep(0.2)
    need(not alive, f"{len(alive)} dripping clients are still there after {time.monotonic() - began:.1f} s")
    a.note(f"all gone after {time.monotonic() - began:.1f} s")


@attack("thousands of connections that say nothing", cpu=(2, 5), mb=(12, 40), wall=60)
def half_open(a):
    pid = a.server.pid
    before = descriptors(pid)
    clients, n = [], a.size(2000, 8000)
    base = pss(pid)
    for _ in range(n):
        clients.append(a.raw())
    each = (pss(pid) - base) / n
    need(each < 4.5, f"{each:.1f} kB each")
    a.note(f"{n} connections, {each:.2f} kB each")
    for c in clients:
        c.close()
    deadline = time.monotonic() + 10
    while descriptors(pid) > before + 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    need(descriptors(pid) <= before + 20, "descriptors stay open")


@attack("TLS connections that stop within the handshake", cpu=(2, 4), mb=(30, 100), wall=(20, 60))
def half_tls(a):
    out = ssl.MemoryBIO()
    hello = tls_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    text = out.read()
    clients = []
    for i in range(a.size(300, 1000)):
        c = Raw(a.server.imaps, greeting=False)
        c.send(text if i % 2 else text[:len(text) // 2])    # whole, then silence; or half
        clients.append(c)
    with Raw(a.server.imap) as c:
        c.ok("STARTTLS")
        c.sock = tls_context().wrap_socket(c.sock, server_hostname="localhost")
        c.ok(f"LOGIN alice {PASSWORD}")
    a.note(f"{len(clients)} hold {(pss(a.server.pid) - a.base) / len(clients):.1f} kB each")
    if a.full:
        began = time.monotonic()
        wait_closed(clients, 35)
        a.note(f"all gone after {time.monotonic() - began:.1f} s")
    for c in clients:
        c.close()


@attack("wrong passwords for one account from 20 connections (argon2id)", cpu=(3, 6), mb=60, wall=60, settings=("auth.delay=1s",))
def guess_one(a):
    a.server.cli("user", "add", "victim", "--password-stdin", stdin=b"right horse\n")
    a.measured_from_here()
    rounds = a.size(2, 6)
    clients = [a.raw() for _ in range(20)]
    for _ in range(rounds):
        began = time.monotonic()
        tags = [c.start("LOGIN victim wrong") for c in clients]
        for c, tag in zip(clients, tags):
            st = c.status(tag)
            need(st in ("NO", "BYE"), f"a wrong password answered {st}")
            need(time.monotonic() - began > 0.9, "the answer to a wrong password did not wait")
            if st == "BYE":
                raise Failed("thrown out")
    with a.raw() as c:
        st = c.cmd('LOGIN victim "right horse"')
        a.note(f"the account itself from that address: {st}")
        need(st == "NO", "guessing is not limited")


@attack("wrong passwords for ever new names from one address", cpu=(10, 15), mb=60, wall=90, settings=("auth.delay=0s",))
def guess_many(a):
    n = a.size(260, 1000)
    # From an address of their own: what an address may guess is bounded before anything is looked at, for who is behind it, too.
    clients = [a.raw(address="127.0.0.2") for _ in range(20)]
    tried, last, each = 0, 0.0, 99.0
    while tried < n or (each >= 8 and tried < n + 400):     # on a slow machine failures are forgotten meanwhile
        if tried % 40 == 0:
            last, before = cpu(a.server.pid), last
            each = (last - before) / 40 * 1000
        tags = []
        for i, c in enumerate(clients):
            tags.append(c.start(f"LOGIN user{tried + i} wrong"))
        for i, (c, tag) in enumerate(zip(clients, tags)):
            st = c.status(tag)
            need(st == "NO", f"answered {st}")
        tried += 20
        for i, c in enumerate(clients):
            c.close()
            clients[i] = a.raw(address="127.0.0.2")
    a.note(f"{tried} names; forty of the last cost {each:.2f} ms each")
    time.sleep(0.5)
    kept = (pss(a.server.pid) - a.base) / 1024
    a.note(f"{kept:.0f} MB are kept afterwards")
    need(kept < 12, f"{kept:.0f} MB are kept after the flood")
    need(each < 8, f"after hundreds of failures a try still costs {each:.1f} ms")


@attack("literals, parentheses, long lines and tags before login", cpu=2, mb=25, wall=40)
def before_login(a):
    sent = [b"a LOGIN {100000000}\r\n", b"a LOGIN {100000000+}\r\n", b"a LOGIN {4294967297}\r\n", b"a LOGIN {18446744073709551617+}\r\n",
            b"a LOGIN " + b"{1+}\r\nx " * 20000, b"a LOGIN " + b"(" * 200000, b"a ID (" + b'"k" "v" ' * 30000, b"t" * 500000,
            b"a AUTHENTICATE PLAIN " + b"A" * 500000, b"a LOGIN \"" + b"\\\"" * 300000, b"a NOOP " + b"x " * 200000,
            b"a AUTHENTICATE PLAIN {90000+}\r\n" + b"A" * 90000, b"a LOGIN ~{70000+}\r\n" + b"\0" * 70000]
    times = a.size(4, 15)
    with a.raw() as c:
        for n in (5000, 60000):
            need(c.cmd(f"LOGIN {{{n}}}") == "NO" and b"TOOBIG" in c.text, f"a literal of {n} bytes is taken before login")
    open_ones = []
    for data in sent * times:
        c = a.raw(timeout=5)
        try:
            c.send(data)                          # never a line end: what is held of it must not grow
        except OSError:
            pass
        open_ones.append(c)
    time.sleep(0.3)
    grown = pss(a.server.pid) - a.base
    a.note(f"{len(open_ones)} half sent commands hold {grown / len(open_ones):.1f} kB each")
    need(grown / len(open_ones) < 80, "more is kept before login than 64 KiB")
    for c in open_ones:
        c.close()


@attack("SASL: an answer without end, bad base64, '*', aborted at every byte", cpu=2, mb=10, wall=40)
def sasl(a):
    plain = base64.b64encode(b"\0alice\0wrong-one") + b"\r\n"
    for i in range(0, len(plain), 1 if a.full else 4):
        for n in range(4):
            with a.raw() as c:
                c.send(b"a AUTHENTICATE PLAIN\r\n")
                c.line()
                c.send(plain[:i])
    for text in (b"*", b"!!!!", b"=", b"A", b"\0", b"\xff" * 30, b"A" * 70000, base64.b64encode(b"x" * 50000), base64.b64encode(b"\0" * 300)):
        with a.raw() as c:
            c.send(b"a AUTHENTICATE PLAIN\r\n")
            need(c.line().startswith(b"+ "), "no challenge")
            c.send(text + b"\r\n")
            need(c.status("a") in ("NO", "BAD", "BYE"), f"{text[:20]!r} is taken")
    for mech in ("SCRAM-SHA-256", "LOGIN"):
        with a.raw() as c:
            c.send(f"a AUTHENTICATE {mech}\r\n".encode())
            c.line()
            c.send(b"A" * 1000000)
            time.sleep(0.05)


@attack("clients that speak something else", cpu=1, mb=3)
def strangers(a):
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.0\r\n\r\na NOOP\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
                 b"EHLO x\r\n", b"\x80\x2e\x01\0\x02", b"SSH-2.0-x\r\n", b"\r\n" * 10000 + b"*\r\n", b"\xff" * 10000):
        for _ in range(a.size(5, 50)):
            with a.raw(timeout=5) as c:
                try:
                    c.send(data)
                    text = c.sock.recv(65536)
                    need(data[:12] not in text, f"what was sent comes back: {text[:80]!r}")
                except OSError:
                    pass


@attack("STARTTLS with commands behind it in the same segment, IMAP and LMTP (S1)", cpu=2, mb=12, wall=(20, 60))
def starttls(a):
    context = tls_context()      # the client's own and dear
    for port, first, verb, evil in ((a.server.imap, b"", b"a STARTTLS\r\n", b"b LOGIN alice %s\r\n" % PASSWORD.encode()),
                                    (a.server.lmtp, b"LHLO x\r\n", b"STARTTLS\r\n", b"MAIL FROM:<evil@x>\r\n")):
        for i in range(a.size(20, 100)):
            c = Raw(port, greeting=True)
            if first:
                c.send(first)
                while c.line()[3:4] == b"-":
                    pass
            c.buf = b""
            c.send(verb + evil[:1 + i % len(evil)])
            try:
                c.sock.settimeout(3)
                c.sock.recv(4096)
                tls = context.wrap_socket(c.sock, server_hostname="localhost")
                tls.settimeout(1)
                tls.send(b"z NOOP\r\n" if port == a.server.imap else b"NOOP\r\n")
                text = tls.recv(65536)
                need(text == b"", f"what came in the clear was taken inside TLS, or the connection lives: {text[:100]!r}")
            except (ssl.SSLError, OSError, socket.timeout):
                pass
            finally:
                c.close()
