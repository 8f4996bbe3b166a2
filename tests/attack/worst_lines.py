# SPDX-License-Identifier: Apache-2.0
"""worst_lines: what alice has, and the worst that her clients can do with it, command by command of commands.tbl."""
from harness import Raw, need

BOX = "gaps"        # many messages, every second one expunged
BIG = "big"         # few, each large in its own way
NAMES = 4900        # mailboxes, subscribed
KEYWORDS = 4800
UIDS = (b"COPY", b"ESEARCH", b"FETCH", b"MOVE", b"REPLACE", b"SEARCH", b"SORT", b"STORE", b"THREAD")


class Plan:
    """Lines that each client sends round and round, ahead of the answers by so many; first: once, after the login."""

    def __init__(self, *lines, first=(), user="alice", ahead=4, deaf=False, note="", clients=0, mails=None):
        self.lines = [line.encode() if isinstance(line, str) else line for line in lines]
        self.first, self.user, self.ahead, self.deaf, self.note, self.clients, self.mails = first, user, ahead, deaf, note, clients, mails

    def uid(self):
        """The same with UIDs."""
        self.lines = [b"UID " + line if line.partition(b" ")[0] in UIDS else line for line in self.lines]
        return self


def many(c, lines, ahead=200):
    """Pipelined; how each was answered."""
    tags, out = [], []
    for line in lines:
        tags.append(c.start(line))
        if len(tags) >= ahead:
            out.append(c.status(tags.pop(0)))
    return out + [c.status(t) for t in tags]


def name(i):
    return "x/" * 20 + "long%d" % (i % 50) + "/" + "y" * 150 + "%d" % i


def lit(text):
    return b"{%d+}\r\n" % len(text) + text


def append(c, mailbox, text):
    need(c.cmd(b"APPEND " + mailbox.encode() + b" " + lit(text)) == "OK", "APPEND")


def prepare(server, full):
    with Raw(server.imap, "bob", timeout=120) as c:
        for at in range(500):
            append(c, "INBOX", b"From: a%d@x\r\nTo: bob@x\r\nSubject: s%d\r\nMessage-ID: <b%d@x>\r\n\r\ntext %d\r\n" % (at, at, at, at))
    with Raw(server.imap, "alice", timeout=600) as c:
        prepare_gaps(c, full)
        prepare_big(c, full)
        prepare_names(c, full)


def prepare_gaps(c, full):
    many(c, [f"CREATE {BOX}", f"CREATE {BIG}", "CREATE other", "CREATE sink"])
    mail = [b"From: a%d@x\r\nSubject: Re: s%d\r\nMessage-ID: <m%d@x>\r\nReferences: %s\r\n\r\nsome words %d\r\n"
            % (i, i % 7, i, b" ".join(b"<m%d@x>" % k for k in range(max(0, i - 30), i)), i) for i in range(500)]
    need(c.cmd(f"APPEND {BOX} ".encode() + b" ".join(lit(m) for m in mail)) == "OK", "MULTIAPPEND")
    c.ok(f"SELECT {BOX}")
    for _ in range(7 if full else 4):
        c.ok(f"COPY 1:* {BOX}")
        c.ok("NOOP")
    c.ok(f"STATUS {BOX} (MESSAGES)")
    n = int(c.seen.partition(b"(MESSAGES ")[2].partition(b")")[0])
    need(n > 5000, f"{n} messages")
    for at in range(1, n, 2000):
        c.ok("STORE " + ",".join(str(i) for i in range(at, min(n, at + 2000), 2)) + " +FLAGS.SILENT (\\Deleted)")
    c.ok("EXPUNGE")
    for at in range(0, KEYWORDS if full else 1200, 200):
        need(c.cmd(f"STORE {at // 200 + 1} +FLAGS.SILENT (" + " ".join(f"keyword-{i}" for i in range(at, at + 200)) + ")") == "OK", "keywords")


def prepare_big(c, full):
    size = 1 << 20
    append(c, BIG, b"".join(b"X-%d: y\r\n" % (i % 3000) for i in range(size // 11)) + b"\r\nx\r\n")
    append(c, BIG, b"a:\n" * (size // 3) + b"\nx\r\n")
    part = b"QUJD" * 18 + b"\r\n"
    append(c, BIG, b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + part * ((48 << 20 if full else 6 << 20) // len(part)))
    append(c, BIG, b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000 + b"--b--\r\n")
    depth = 60
    append(c, BIG, b"MIME-Version: 1.0\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth)) + b"\r\nx\r\n")
    append(c, BIG, b"To: " + b", ".join(b"\"name %d\" <a%d@example.org>" % (i, i) for i in range(9000)) + b"\r\nSubject: "
           + b"=?iso-2022-jp?B?GyRCJCIbKEI=?= " * 3000 + b"\r\n\r\nx\r\n")
    append(c, BIG, b"Subject: t\r\n\r\n" + (b"a" * 70 + b"\r\n") * ((24 << 20 if full else 3 << 20) // 72))
    append(c, BIG, b"Subject: h\r\nContent-Type: text/html\r\n\r\n" + b"<b><i class='x'>&amp;<" * (60000 if full else 20000))
    value = b"v" * 60000
    for at in range(0, 190 if full else 40):
        need(c.cmd(b"SETMETADATA INBOX (/private/e/%d " % at + lit(value) + b")") == "OK", "metadata")
    append(c, "INBOX", b"Subject: x\r\n\r\nx\r\n")


def prepare_names(c, full):
    n = NAMES if full else 600
    many(c, ["CREATE " + name(i) for i in range(n)])
    many(c, ["SUBSCRIBE " + name(i) for i in range(n)])
    many(c, ["SUBSCRIBE " + "/".join("s%d" % (i % 40 + k) for k in range(100)) + "/%d" % i for i in range(n // 2)])


BOXED = (f"SELECT {BOX}",)
BIGGED = (f"SELECT {BIG}",)
PATTERN = '"' + "*y" * 60 + '"'
SET = ",".join(str(i) for i in range(1, 9000, 2))
HEADERS = " ".join(f"BODY.PEEK[HEADER.FIELDS (X-{i} X-Q{i})]" for i in range(600))
SEARCHES = ["SEARCH " + "OR SUBJECT zzz " * 300 + "SUBJECT zz", "SEARCH HEADER X-Q z NOT BODY zzz", "SEARCH " + "NOT HEADER X-Nobody z " * 1000 + "ALL",
            f"SEARCH NOT UID {SET} KEYWORD keyword-7", "SEARCH " + "NOT KEYWORD keyword-%d " % 3 * 3000 + "NOT 1:4"]


def metadata():
    return Plan("GETMETADATA (DEPTH infinity) INBOX (" + " ".join(["/private"] * 60 + ["/private/e"] * 60 + [f"/private/e/{i}" for i in range(60)]) + ")", ahead=2)


def notify():
    names = " ".join(name(i) for i in range(4000))
    groups = " ".join("(mailboxes (%s) (MessageNew MessageExpunge))" % name(i) for i in range(3000))
    return [Plan(f"NOTIFY SET (mailboxes ({names}) (MessageNew MessageExpunge MailboxName))", f"NOTIFY SET STATUS {groups}", note="4,000 names, 3,000 groups"),
            Plan(f"STATUS {name(1)} (MESSAGES)", b"APPEND other " + lit(b"Subject: n\r\n\r\nx\r\n"), f"SUBSCRIBE {name(2)}", f"UNSUBSCRIBE {name(2)}",
                 first=("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",), note="all mailboxes watched, changes")]


def context():
    """Of SEARCH: contexts by sequence number over gaps, and flags that change all the time."""
    return [Plan(*SEARCHES, first=BOXED, ahead=2), Plan(*SEARCHES[:3], first=BIGGED, ahead=2, note="large messages"),
            Plan("UID STORE 1:* +FLAGS.SILENT (\\Flagged)", "NOOP", "UID STORE 1:* -FLAGS.SILENT (\\Flagged)", "NOOP",
                 first=BOXED + tuple(f"SEARCH RETURN (UPDATE COUNT) FLAGGED NOT KEYWORD k{i}" for i in range(12)), ahead=2, note="contexts, flags change", clients=6),
            Plan("SEARCH BODY zzz", "SEARCH TEXT aaab", first=BIGGED, ahead=8, deaf=True, note="nobody reads")]


def expunge():
    return Plan(f"COPY 1:400 {BOX}", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "NOOP", "COPY 1:200 INBOX", first=("CREATE scratch", "SELECT sink"), ahead=2)


def fetch():
    return [Plan("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (X-A)])", "FETCH 1:* FULL", first=BOXED, ahead=1),
            Plan(f"FETCH 1:2 ({HEADERS})", first=BIGGED, ahead=1, note="600 HEADER.FIELDS of 1 MB"),
            Plan("FETCH 3 BINARY.PEEK[1]<30000000.10>", "FETCH 3 BINARY.SIZE[1]", "FETCH 3 BODY.PEEK[1]<20000000.10>", first=BIGGED, ahead=2, note="the end of a large part"),
            Plan("FETCH 4:8 (BODYSTRUCTURE BODY ENVELOPE PREVIEW BODY.PEEK[4000.MIME] BODY.PEEK[1.1.1.1])", "FETCH 4 (" + " ".join(f"BODY.PEEK[{i}.MIME]" for i in range(1, 900)) + ")",
                 first=BIGGED, ahead=1, note="parts"),
            Plan("FETCH 1:* BODY.PEEK[]", first=BIGGED, ahead=8, deaf=True, note="nobody reads")]


def sort():
    return [Plan("SORT (SUBJECT FROM TO CC DATE SIZE) UTF-8 ALL", "SORT RETURN (ALL SAVE) (REVERSE FROM) UTF-8 BODY zz", first=BOXED, ahead=1),
            Plan("SORT (SUBJECT) UTF-8 ALL", first=BOXED, ahead=20, deaf=True, note="nobody reads"),
            Plan("UID STORE 1:* +FLAGS.SILENT (\\Flagged)", "NOOP", "UID STORE 1:* -FLAGS.SILENT (\\Flagged)", "NOOP",
                 first=BOXED + tuple(f"SORT RETURN (UPDATE COUNT) (SUBJECT FROM) UTF-8 FLAGGED NOT KEYWORD k{i}" for i in range(6)), ahead=2, note="contexts, flags change", clients=6)]


def lists():
    patterns = " ".join('"%s"' % ("*y" * 40 + str(i)) for i in range(95))
    return [Plan(f'LIST (SUBSCRIBED RECURSIVEMATCH) "" ({patterns})', f'LIST (SUBSCRIBED RECURSIVEMATCH) "" ({patterns} "%")', ahead=2, note="RECURSIVEMATCH"),
            Plan('LIST "" "*" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN SIZE DELETED RECENT))', ahead=1, note="STATUS"),
            Plan('LIST "" "*" RETURN (METADATA (' + " ".join(f"/private/e/{i}" for i in range(190)) + "))", ahead=1, note="METADATA")]


def esearch():
    return Plan("ESEARCH IN (personal) RETURN (COUNT ALL) SUBJECT zzz", "ESEARCH IN (mailboxes (" + " ".join(name(i) for i in range(3000)) + ")) RETURN (COUNT) FLAGGED",
                "ESEARCH IN (subtree (" + " ".join(name(i) for i in range(3000)) + ")) RETURN (COUNT) TEXT zz", ahead=1)


def literal(command, size):
    return (command + " ").encode() + lit(b"Subject: x\r\n\r\n" + b"x" * size)


def append_plans():
    return [Plan(literal("APPEND sink", 2000000), b"APPEND sink " + b" ".join(lit(b"Subject: m%d\r\n\r\nx\r\n" % i) for i in range(150)), ahead=2),
            Plan(b"APPEND sink " + lit(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 9000 + b"--b--\r\n"),
                 b"APPEND sink " + lit(b"To: " + b", ".join(b"<a%d@x>" % i for i in range(20000)) + b"\r\n\r\nx"), ahead=1, note="parts, addresses"),
            Plan(b"APPEND sink CATENATE (URL \"/big/;uid=7\" URL \"/big/;uid=8\")", ahead=2, note="CATENATE")]


def shared():
    """A mailbox of which others have rights."""
    return ("CREATE rights", "SETACL rights carol lrswi", "SETACL rights -bob x")


PLANS = {
    "APPEND": append_plans,
    "AUTHENTICATE": lambda: Plan("AUTHENTICATE PLAIN AGFsaWNlAHdyb25n", "AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZSxyPXg=", user=None, ahead=1, clients=10),
    "BBOARD": lambda: Plan("BBOARD x", ahead=200),
    "CANCELUPDATE": lambda: Plan("CANCELUPDATE \"none\" \"nil\"", first=BOXED, ahead=200),
    "CAPABILITY": lambda: Plan("CAPABILITY", ahead=200),
    "CHECK": lambda: Plan("CHECK", first=BOXED, ahead=200),
    "CLOSE": lambda: Plan(f"SELECT {BOX}", "CLOSE", ahead=20),
    "COMPARATOR": lambda: Plan("COMPARATOR", "COMPARATOR \"*\" " + " ".join(["\"i;*\""] * 500), ahead=20),
    "COMPRESS": lambda: Plan("COMPRESS DEFLATE", ahead=1),
    "COPY": lambda: Plan(f"COPY 1:2000 sink", f"COPY {','.join(str(i) for i in range(1, 3000, 2))} sink", first=BOXED, ahead=1),
    "CREATE": lambda: Plan("CREATE new/" + "d/" * 100 + "x", "DELETE new/" + "d/" * 100 + "x", "CREATE zz", "DELETE zz", ahead=20),
    "DELETE": lambda: Plan("CREATE del", f"COPY 1:500 del", "DELETE del", first=BOXED, ahead=3),
    "DELETEACL": lambda: Plan("SETACL rights bob lr", "DELETEACL rights bob", "DELETEACL rights -anyone", first=shared(), ahead=10),
    "ENABLE": lambda: Plan("ENABLE " + "CONDSTORE " * 3000 + "CONDSTORE", ahead=20),
    "ESEARCH": esearch,
    "EXAMINE": lambda: Plan(f"EXAMINE {BOX}", f"EXAMINE {BIG}", ahead=20),
    "EXPUNGE": expunge,
    "FETCH": fetch,
    "FIND": lambda: Plan("FIND ALL.MAILBOXES " + "*y" * 60 + "*", "FIND MAILBOXES *", ahead=2),
    "GETMETADATA": metadata,
    "GETACL": lambda: Plan("GETACL rights", "LIST \"\" * RETURN (MYRIGHTS)", first=shared(), ahead=20),
    "ID": lambda: Plan("ID (" + " ".join('"k%d" "%s"' % (i, "v" * 1000) for i in range(30)) + ")", ahead=50),
    "IDLE": lambda: Plan("IDLE\r\nDONE", ahead=50, first=BOXED),
    "LANGUAGE": lambda: Plan("LANGUAGE " + " ".join(["xx"] * 3000), "LANGUAGE de", ahead=20),
    "LIST": lists,
    "LISTRIGHTS": lambda: Plan("LISTRIGHTS rights bob", first=shared(), ahead=100),
    "LOGIN": lambda: Plan("LOGIN alice wrong", user=None, ahead=1, clients=10),
    "LOGOUT": lambda: Plan("NOOP", "LOGOUT", ahead=2, clients=10),
    "LSUB": lambda: Plan('LSUB "" "%"', f'LSUB "" {PATTERN}', ahead=2),
    "MOVE": lambda: Plan("MOVE 1:1000 other", "NOOP", f"SELECT other", "MOVE 1:1000 sink", "SELECT sink", first=("SELECT sink", "NOOP"), ahead=2),
    "GETQUOTA": lambda: Plan('GETQUOTA ""', ahead=200),
    "GETQUOTAROOT": lambda: Plan(f"GETQUOTAROOT {name(3)}", ahead=100),
    "SETQUOTA": lambda: Plan('SETQUOTA "" (' + " ".join(["STORAGE 1"] * 5000) + ")", ahead=5),
    "MYRIGHTS": lambda: Plan("MYRIGHTS rights", f"MYRIGHTS {name(3)}", ahead=100),
    "NAMESPACE": lambda: Plan("NAMESPACE", ahead=200),
    "NOOP": lambda: [Plan("NOOP", ahead=200, first=BOXED), Plan("UID STORE 1:* +FLAGS.SILENT (k1)", "NOOP", "UID STORE 1:* -FLAGS.SILENT (k1)", "NOOP", first=BOXED, ahead=2, note="flags of all change")],
    "NOTIFY": notify,
    "PARTIAL": lambda: Plan("PARTIAL 3 BODY[1] 30000000 10", "PARTIAL 7 RFC822 20000000 1000", first=BIGGED, ahead=2),
    "RENAME": lambda: Plan("RENAME x x2", "RENAME x2 x", ahead=2),
    "REPLACE": lambda: Plan(b"REPLACE 1 sink " + lit(b"Subject: r\r\n\r\n" + b"r" * 100000), first=("SELECT sink",), ahead=2),
    "SEARCH": context,
    "SELECT": lambda: Plan(f"SELECT {BOX}", f"SELECT {BIG}", "SELECT sink", ahead=20),
    "SETACL": lambda: Plan("SETACL rights bob lrs", "SETACL rights bob +w", "SETACL rights -bob i", "SETACL rights bob -w", first=shared(), ahead=10),
    "SETMETADATA": lambda: Plan(*[b"SETMETADATA other (" + b" ".join(b"/private/x/%d " % (k * 50 + i) + lit(b"v" * 1000) for i in range(50)) + b")" for k in range(3)], ahead=2),
    "SORT": sort,
    "STARTTLS": lambda: Plan("STARTTLS", user=None, ahead=1),
    "STATUS": lambda: Plan(f"STATUS {BOX} (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED HIGHESTMODSEQ)", "STATUS sink (RECENT DELETED SIZE)", ahead=50),
    "STORE": lambda: Plan("STORE 1:* +FLAGS (\\Flagged a b c d)", "STORE 1:* -FLAGS (\\Flagged a b c d)", f"STORE 1:* (UNCHANGEDSINCE 5) FLAGS (\\Seen)", first=BOXED, ahead=1),
    "SUBSCRIBE": lambda: Plan(f"SUBSCRIBE {name(3)}", f"UNSUBSCRIBE {name(3)}", ahead=50),
    "THREAD": lambda: [Plan("THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL", "THREAD REFS UTF-8 ALL", first=BOXED, ahead=1),
                       Plan("THREAD REFERENCES UTF-8 ALL", first=BOXED, ahead=20, deaf=True, note="nobody reads")],
    "UIDBATCHES": lambda: Plan("UIDBATCHES 1000", "UIDBATCHES 501 1:30", first=BOXED, ahead=4),
    "UNAUTHENTICATE": lambda: Plan("UNAUTHENTICATE", 'LOGIN "alice" "secret"', ahead=1, clients=10),
    "UNSELECT": lambda: Plan(f"SELECT {BOX}", "UNSELECT", ahead=20),
    "UNSUBSCRIBE": lambda: Plan(f"UNSUBSCRIBE {name(4)}", f"SUBSCRIBE {name(4)}", ahead=50),
    "XLIST": lambda: Plan('XLIST "" "*"', f'XLIST "" {PATTERN}', ahead=2),
    "UID EXPUNGE": lambda: Plan("COPY 1:400 sink", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)", f"UID EXPUNGE {SET}", "NOOP", first=("SELECT sink",), ahead=2),
}


def lmtp():
    """Mails to alice and carol; bob's deliveries are those that are timed."""
    parts = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 9000 + b"--b--\r\n"
    head = b"To: " + b", ".join(b"<a%d@example.org>" % i for i in range(20000)) + b"\r\n\r\nx\r\n"
    plain = b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 30000
    return [Plan(mails=[(["alice", "carol"], plain)], note="2 MB"), Plan(mails=[(["alice"], parts), (["alice", "carol"], head)], note="parts, addresses"),
            Plan(mails=[([f"many{i}" for i in range(100)], b"Subject: r\r\n\r\nx\r\n")], note="100 recipients")]
