# SPDX-License-Identifier: Apache-2.0
"""commands: what somebody with an account can do with commands alone (S2, S6, S13)."""
import time
import zlib

from harness import Raw, attack, cpu, need


def box(c, n, mail=lambda i: b"Subject: s%d\r\nMessage-ID: <m%d@x>\r\n\r\nbody %d\r\n" % (i, i, i), mailbox="INBOX"):
    """n mails, many in one APPEND; the mailbox is selected then."""
    for at in range(0, n, 200):
        mails = [mail(i) for i in range(at, min(at + 200, n))]
        need(c.cmd(f"APPEND {mailbox}".encode() + b"".join(b" {%d+}\r\n" % len(m) + m for m in mails)) == "OK", "APPEND failed")
    c.ok(f"SELECT {mailbox}")


def largest(c, n, make):
    """The longest form of a command that is not refused as such: halves n until it is taken. Gives (n, status); 0 when none is."""
    while n:
        st = c.cmd(make(n))
        need(st in ("OK", "NO", "BAD"), f"{make(n)[:40]} ended with {st}")
        if st != "BAD":
            return n, st
        n //= 2
    return 0, "BAD"


@attack("LIST with hundreds of * and % over 2,000 names of 200 characters that nearly match", cpu=(4, 8), mb=(10, 20), wall=40)
def list_patterns(a):
    c = a.raw("alice")
    n = a.size(300, 2000)
    for at in range(0, n, 100):
        tags = [c.start("CREATE " + "a/a" * 60 + f"{i}") for i in range(at, min(at + 100, n))]
        for t in tags:
            c.status(t)
    a.measured_from_here()
    taken = []
    for unit in ("%*", "*a", "%a", "*%/", "*", "a*"):
        for verb in ("LIST", "LSUB"):
            taken.append(largest(c, 30000, lambda n: f'{verb} "" "{unit * n}b"')[0])
    many = largest(c, 2000, lambda n: 'LIST "" (' + " ".join(['"%s"' % ("*a" * 50 + "b")] * n) + ")")[0]
    need(min(taken) > 20 and many > 20, f"patterns are hardly taken at all: {taken} {many}")
    a.note(f"up to {max(taken)} wildcards in a pattern, {many} patterns in a LIST")


@attack("SEARCH with deep OR, NOT and parentheses, thousands of keys, long keys, over 1,000 mails", cpu=(12, 40), mb=30, wall=90)
def search_keys(a):
    c = a.raw("alice")
    box(c, a.size(300, 1000))
    a.measured_from_here()
    for name, n, make in (("NOT", 30000, lambda n: "NOT " * n + "ALL"), ("OR", 12000, lambda n: "OR SEEN " * n + "SEEN"),
                          ("(", 60000, lambda n: "(" * n + "ALL" + ")" * n), ("UNSEEN", 15000, lambda n: "UNSEEN " * n + "ALL"),
                          ("KEYWORD", 12000, lambda n: "KEYWORD x " * n + "ALL"), ("1:*", 30000, lambda n: "1:* " * n + "1"),
                          ("NOT SUBJECT", 8000, lambda n: "NOT SUBJECT zzz " * n + "ALL"), ("OR SUBJECT", 5000, lambda n: "OR SUBJECT z SUBJECT z " * n + "ALL"),
                          ("NOT BODY", a.size(200, 2000), lambda n: "NOT BODY zz " * n + "ALL"), ("long BODY", 100000, lambda n: "BODY " + "x" * n),
                          ("long TEXT", 100000, lambda n: "TEXT " + "a" * n + "b"), ("HEADER", 60000, lambda n: "HEADER " + "h" * n + " x"),
                          ("HEADERs", 8000, lambda n: "NOT HEADER X-A x " * n + "ALL"),
                          ("OLDER", 12000, lambda n: "OLDER 1 " * n + "ALL"), ("UID", 6000, lambda n: "UID 1:4294967295 " * n + "ALL")):
        began = cpu(a.server.pid)
        n, st = largest(c, n, lambda n: "SEARCH " + make(n))
        a.note(f"{name} {n}: {cpu(a.server.pid) - began:.2f} s")
        need(n > 0, f"{name} is never taken")


@attack("each bound of a command, from both sides, imap.line=100K, imap.literals=64K", cpu=2, mb=20, settings=("imap.line=100K", "imap.literals=64K"))
def stated_bounds(a):
    c = a.raw("alice")
    need(c.append(b"a: b\r\n\r\nx") == "OK", "APPEND")
    c.ok("SELECT INBOX")
    literal = lambda n: b'LIST "" {%d+}\r\n' % n + b"x" * n      # noqa: E731
    for name, most, make in (
            ("keys of SEARCH", 10000, lambda n: "SEARCH " + "ALL " * (n - 1) + "ALL"), ("depth of SEARCH", 1000, lambda n: "SEARCH " + "OR SEEN " * n + "SEEN"),
            ("items of FETCH", 1000, lambda n: "FETCH 1 (" + "UID " * (n - 1) + "UID)"),
            ("header fields", 1000, lambda n: "FETCH 1 BODY.PEEK[HEADER.FIELDS (" + " ".join(f"f{i}" for i in range(n)) + ")]"),
            ("a pattern of LIST", 2000, lambda n: 'LIST "" "' + "%a" * (n // 2) + "b" * (n % 2) + '"'),
            ("patterns of LIST", 100, lambda n: 'LIST "" (' + "x " * (n - 1) + "x)"),
            ("sort criteria", 16, lambda n: "SORT (" + "SUBJECT " * (n - 1) + "SUBJECT) UTF-8 ALL"),
            ("imap.line", 100 << 10, lambda n: "FETCH " + "1," * (n // 2) + "1 UID")):
        below, above = c.cmd(make(most - most // 20)), c.cmd(make(most + 100))
        need(below == "OK", f"{name}: {most - most // 20} answered {below}")
        need(above in ("NO", "BAD"), f"{name}: {most + 100} answered {above}")
    many = lambda n: b"SEARCH" + (b" SUBJECT {1000+}\r\n" + b"x" * 1000) * n   # noqa: E731
    need(c.cmd(many(60)) == "OK", "60 literals of 1,000 bytes are refused")
    need(c.cmd(many(70)) in ("NO", "BAD"), "70 literals of 1,000 bytes are taken with imap.literals=64K")
    need(c.cmd(literal(70000)) in ("NO", "BAD"), "a literal of 70,000 bytes is taken with imap.literals=64K")
    c.ok("NOOP")


@attack("sequence sets: 1:* thousands of times, 1,3,5,..., reversed, stars, in FETCH, STORE, COPY, SEARCH", cpu=(6, 20), mb=20, wall=60)
def sequence_sets(a):
    c = a.raw("alice")
    box(c, a.size(1000, 5000))
    a.measured_from_here()
    odd = ",".join(str(i) for i in range(1, 30000, 2))
    down = ",".join(str(i) for i in range(19999, 1, -1))
    for s in (",".join(["1:*"] * 30000), odd, down, ",".join(["*"] * 60000), ",".join(["4294967295:1"] * 10000), ",".join(["1:*", "*:1"] * 8000)):
        for line in (f"UID FETCH {s} (UID)", f"UID SEARCH UID {s}", f"UID STORE {s} +FLAGS.SILENT (x)", f"UID SEARCH NOT UID {s}", f"FETCH {s} (UID)",
                     f"UID COPY {s} nowhere", f"SEARCH {s}"):
            st = c.cmd(line)
            need(st in ("OK", "NO", "BAD"), f"{line[:30]} ended with {st}")
    c.ok("ENABLE QRESYNC")
    for s in (odd, ",".join(["1:*"] * 10000), down):
        st = c.cmd(f"SELECT INBOX (QRESYNC (1 1 {s} ({s[:30000].rpartition(',')[0]} {s[:30000].rpartition(',')[0]})))")
        need(st in ("OK", "BAD", "NO"), f"QRESYNC ended with {st}")


@attack("FETCH with thousands of items, thousands of header fields, parts 1.1.1...", cpu=(6, 20), mb=30, wall=60)
def fetch_items(a):
    c = a.raw("alice")
    box(c, a.size(50, 200))
    a.measured_from_here()
    for name, n, make in (("BODY[]", 8000, lambda n: "(" + " ".join(["BODY.PEEK[]"] * n) + ")"),
                          ("fields", 20000, lambda n: "BODY.PEEK[HEADER.FIELDS (" + " ".join(f"f{i}" for i in range(n)) + ")]"),
                          ("fields not", 20000, lambda n: "BODY.PEEK[HEADER.FIELDS.NOT (" + " ".join(f"f{i}" for i in range(n)) + ")]"),
                          ("HEADER.FIELDS", 3000, lambda n: "(" + " ".join(["BODY.PEEK[HEADER.FIELDS (Subject)]"] * n) + ")"),
                          ("both", 1000, lambda n: "(" + " ".join(["BODY.PEEK[HEADER.FIELDS (" + " ".join(f"f{i}" for i in range(n)) + ")]"] * (12000 // n)) + ")"),
                          ("1.1.1", 40000, lambda n: "BODY.PEEK[" + ".".join(["1"] * n) + "]"),
                          ("ENVELOPE", 4000, lambda n: "(" + " ".join(["ENVELOPE BODYSTRUCTURE PREVIEW"] * n) + ")"),
                          ("<n.1>", 5000, lambda n: "(" + " ".join(f"BODY.PEEK[]<{i}.1>" for i in range(n)) + ")")):
        began = cpu(a.server.pid)
        n, _ = largest(c, n, lambda n: "FETCH 1:* " + make(n))
        need(n > 0, f"{name} is never taken")
        a.note(f"{name} {n}: {cpu(a.server.pid) - began:.2f} s" + (f", {c.octets >> 20} MB" if c.octets > 1 << 20 else ""))
    for items in ("BODY.PEEK[4294967295.4294967295.MIME]", "BODY.PEEK[]<18446744073709551615.18446744073709551615>", "(" * 60000):
        need(c.cmd(f"FETCH 1:* {items}") in ("OK", "NO", "BAD"), items[:40])


def thread_box(n):
    """One long chain, a ring, everybody refers to the next, the same subject."""
    def mail(i):
        kind = i % 4
        refs = {0: b"<chain%d@x>" % (i - 4), 1: b"<ring%d@x>" % ((i + 4) % n), 2: b" ".join(b"<wide%d@x>" % (i * j % n) for j in range(1, 12)), 3: b""}[kind]
        name = {0: b"chain%d", 1: b"ring%d", 2: b"wide%d", 3: b"same%d"}[kind] % i
        return b"Message-ID: <%s@x>\r\nReferences: %s\r\nSubject: Re: Re: the same\r\n\r\nx\r\n" % (name, refs)
    return mail


@attack("THREAD and SORT over reference chains, rings and one subject for all", cpu=(6, 25), mb=(40, 150), wall=(60, 180))
def threads(a):
    c = a.raw("alice")
    n = a.size(4000, 20000)
    box(c, n, thread_box(n))
    for _ in range(0 if not a.full else 2):       # to 80,000
        c.ok("COPY 1:* INBOX")
        c.ok("NOOP")
    a.measured_from_here()
    c.ok("SEARCH RETURN (COUNT) ALL")
    a.note(f"{c.seen.partition(b'COUNT ')[2].split()[0].decode()} messages")
    for line in ("THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL", "THREAD REFS UTF-8 ALL", "SORT (SUBJECT) UTF-8 ALL",
                 "SORT (" + "REVERSE SUBJECT " * 14 + "DATE) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 SUBJECT same"):
        began = cpu(a.server.pid)
        st = c.cmd(line)
        need(st in ("OK", "BAD"), f"{line[:40]} ended with {st}")
        a.note(f"{' '.join(line.split()[:2])[:24]}: {cpu(a.server.pid) - began:.2f} s")


@attack("keywords without end, in STORE and APPEND", cpu=(15, 40), mb=20, wall=60)
def keywords(a):
    c = a.raw("alice")
    box(c, 100)
    said, i, n, step = "OK", 0, 20000, 100
    a.measured_from_here()
    while i < n and said == "OK":
        said = c.cmd(f"STORE {1 + i // step % 100} FLAGS.SILENT (" + " ".join(f"k{j}" for j in range(i, i + step)) + ")")
        i += step
    a.note(f"{i} keywords, then {said}")
    need(said != "OK" or i == n, "?")
    need(said == "NO", "keywords have no bound")
    st = c.cmd("STORE 1 +FLAGS (" + " ".join("k%d" % j for j in range(12000)) + ")")
    need(st in ("OK", "NO", "BAD"), st)
    c.cmd("STORE 2 +FLAGS (" + "k" * 100000 + ")")
    c.ok("NOOP")
    c.ok("SELECT INBOX")


@attack("mailboxes: number, depth, length of names, RENAME of a deep tree", cpu=(8, 20), mb=30, wall=60, settings=("limits.mailboxes=500",))
def mailboxes(a):
    c = a.raw("alice")
    for name in ("/".join(["d"] * 5000), "n" * 60000, "/".join("d" for _ in range(200)), "&" + "2D3cAA" * 2000 + "-", "a" + "/" * 3000 + "b"):
        need(c.cmd(f'CREATE "{name}"') in ("OK", "NO", "BAD"), "CREATE")
    n, refused = 700, 0
    for at in range(0, n, 100):
        tags = [c.start(f"CREATE many/of/them/{i}") for i in range(at, at + 100)]
        refused += sum(c.status(t) == "NO" for t in tags)
    need(refused > 200, "limits.mailboxes is not kept")
    a.note(f"{refused} of {n} refused")
    for i in range(a.size(5, 20)):
        c.ok(f"RENAME many{i or ''} many{i + 1}")
    c.ok('LIST "" * RETURN (STATUS (MESSAGES UNSEEN SIZE) SUBSCRIBED CHILDREN SPECIAL-USE)')
    for i in range(500):
        c.start(f"SUBSCRIBE {'s' * 200}{i}")
    c.cmd("NOOP")


@attack("NOTIFY and MULTISEARCH-like lists of thousands of mailboxes, set again and again", cpu=(6, 15), mb=40, wall=60)
def notify(a):
    c = a.raw("alice")
    n = a.size(300, 2000)
    for at in range(0, n, 100):
        tags = [c.start(f"CREATE m{i}") for i in range(at, at + 100)]
        for t in tags:
            c.status(t)
    a.measured_from_here()
    names = " ".join(f"m{i}" for i in range(n))
    for what in (f"(mailboxes ({names}) (MessageNew MessageExpunge FlagChange))", f"(subtree ({names}) (MessageNew MessageExpunge))",
                 "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
                 "(mailboxes (" + "m0 " * 20000 + "m1) (MessageNew MessageExpunge))",
                 "(selected (MessageNew (" + "BODY.PEEK[HEADER.FIELDS (Subject)] " * 2000 + "UID) MessageExpunge))", "(" * 50000):
        for _ in range(a.size(3, 10)):
            need(c.cmd(f"NOTIFY SET STATUS {what}") in ("OK", "NO", "BAD"), "NOTIFY")
    with a.raw("alice") as d:
        for i in range(a.size(200, 1000)):
            need(d.append(b"a: b\r\n\r\nx", f"m{i % n}") == "OK", "APPEND")
    c.ok("NOOP")
    c.ok("NOTIFY NONE")


@attack("METADATA: entries and values without end, DEPTH infinity over all mailboxes", cpu=(6, 15), mb=40, wall=60)
def metadata(a):
    c = a.raw("alice")
    said = "OK"
    for at in range(0, a.size(3000, 20000), 100):
        said = c.cmd('SETMETADATA INBOX (' + " ".join(f'/private/vendor/x/e{i} "v"' for i in range(at, at + 100)) + ")")
        if said != "OK":
            break
    a.note(f"entries: stopped at {at} with {said}")
    need(said == "NO", "entries have no bound")
    big = b"v" * 900000
    st = c.cmd(b"SETMETADATA INBOX (/private/vendor/x/big {%d+}\r\n%s)" % (len(big), big))
    need(st in ("NO", "BAD"), "a value of 900 kB is taken")
    need(c.cmd("SETMETADATA INBOX (/private/vendor/" + "/".join(["x"] * 20000) + ' "v")') in ("NO", "BAD"), "a name of 40 kB is taken")
    c.cmd("GETMETADATA (DEPTH infinity) INBOX (/private /shared)")
    c.cmd("GETMETADATA (DEPTH infinity) INBOX (" + "/private " * 5000 + "/shared)")
    c.ok('LIST "" * RETURN (METADATA (/private/vendor/x/e1 /private/vendor/x/e2))')


@attack("CATENATE of one large part thousands of times; MULTIAPPEND of thousands; REPLACE", cpu=(10, 30), mb=90, wall=90, settings=("limits.message=8M",))
def catenate(a):
    c = a.raw("alice")
    need(c.append(b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 65536) == "OK", "APPEND")
    c.ok("SELECT INBOX")
    a.measured_from_here()
    url = 'URL "/INBOX/;UID=1"'
    for parts, want in ((" ".join([url] * 5000), ("NO", "BAD")), (" ".join([url + ' TEXT {1+}\r\nx'] * 6), ("OK",)),
                        (" ".join(['URL "/INBOX/;UID=1/;PARTIAL=0.1"'] * 3000), ("OK", "NO", "BAD")),
                        (" ".join(['URL "/INBOX/;UID=1/;SECTION=' + "1." * 500 + '1"'] * 50), ("NO", "BAD")),
                        ('URL "/' + "%2e%2e/" * 5000 + ';UID=1"', ("NO", "BAD")), ('URL "/INBOX/;UID=1/;PARTIAL=18446744073709551615.18446744073709551615"', ("OK", "NO", "BAD"))):
        st = c.cmd(f"APPEND INBOX CATENATE ({parts})")
        need(st in want, f"CATENATE {parts[:50]} answered {st}")
    st = c.cmd(b"APPEND INBOX" + b" {1+}\r\nx" * a.size(5000, 20000))
    a.note(f"MULTIAPPEND of thousands: {st}")
    c.ok("NOOP")


@attack("COMPRESS: a megabyte of zeroes a kilobyte, as NOOPs, as one line, as a literal; garbage", cpu=(6, 20), mb=40, wall=(60, 150))
def deflate_bombs(a):
    def bomb(data):
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        return z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH)
    megabytes = a.size(30, 200)
    for data in (b"x" * (megabytes << 20), b"a NOOP\r\n" * (megabytes << 14), b"\r\n" * (megabytes << 19), b"a APPEND INBOX {60000000+}\r\n" + b"\0" * (megabytes << 20),
                 b"a LIST \"\" " + b"(" * (megabytes << 20), b"a UID FETCH " + b"1:*," * (megabytes << 18)):
        packed = bomb(data)
        for _ in range(a.size(1, 4)):
            c = a.raw("alice", timeout=10)
            c.ok("COMPRESS DEFLATE")
            try:
                c.send(packed)
                c.sock.settimeout(2)
                while c.sock.recv(1 << 20):
                    pass
            except OSError:
                pass
            c.close()
    for i in range(50):
        c = a.raw("alice", timeout=5)
        c.ok("COMPRESS DEFLATE")
        c.send(bytes((i * 37 + j * j) & 255 for j in range(2000)))
        c.close()


@attack("hundreds of sessions of one account", cpu=(3, 8), mb=60, wall=60)
def sessions(a):
    clients, st = [], "OK"
    while st == "OK" and len(clients) < 400:
        c = a.raw()
        st = c.cmd("LOGIN alice secret")
        clients.append(c)
    need(st == "NO", "no bound")
    need(190 <= len(clients) - 1 <= 200, f"{len(clients) - 1} sessions")
    a.note(f"{len(clients) - 1} logged in, the next was refused")
    for c in clients[:-1]:
        c.ok("SELECT INBOX")
        c.start("IDLE")
    with a.raw("bob") as bob:
        bob.ok("SELECT INBOX")
    from lib.imapclient import Lmtp
    m = Lmtp(a.server.lmtp, lhlo="x")
    for _ in range(a.size(50, 300)):
        m.deliver("a@b", ["alice"], b"a: b\r\n\r\nx\r\n")
    m.close()
    for c in clients:
        c.close()


@attack("LMTP: 100,000 recipients, endless lines, commands without end, a message without end", cpu=(8, 20), mb=60, wall=60, settings=("limits.message=4M",))
def lmtp(a):
    c = Raw(a.server.lmtp)
    c.send(b"LHLO x\r\n")
    while c.line()[3:4] == b"-":
        pass
    c.send(b"MAIL FROM:<a@b>\r\n")
    c.line()
    seen = {}
    for i in range(a.size(20, 100)):
        c.send(b"RCPT TO:<alice>\r\n" * 500 + b"RCPT TO:<nobody>\r\n" * 500)
        for _ in range(1000):
            code = c.line()[:3]
            if not code:
                break
            seen[code] = seen.get(code, 0) + 1
        if not code:
            break
    a.note(", ".join(f"{n} times {c.decode()}" for c, n in seen.items()))
    need(seen.get(b"250", 0) <= 1000, f"{seen.get(b'250')} recipients are taken")
    c.close()
    for data in (b"x" * 3000000, b"MAIL FROM:<" + b"a" * 1000000, b"LHLO x\r\n" * 50000, b"\0" * 500000):
        c = Raw(a.server.lmtp, timeout=5)
        try:
            c.send(data)
            time.sleep(0.1)
        except OSError:
            pass
        c.close()
    c = Raw(a.server.lmtp)
    c.send(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice>\r\nDATA\r\n")
    try:
        for _ in range(60):
            c.send(b"y" * 1000 + b"\r\n" + b"z" * 499000)
    except OSError:
        pass
    c.close()
