#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""matrix: who may do what with whose mailbox, for every command of src/imap/commands.tbl (S9, S10). A command that is not in the table below fails.

Where a name of bob's mailbox is given, alice gets to the letter what she gets for a name that nobody has; before login and after UNAUTHENTICATE
each command is BAD. Names made to leave the account (.., ~, %, NUL, modified UTF-7 for /, namespaces) never reach anything of bob's.
"""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Raw, need  # noqa: E402
from lib.cases import LeftOut  # noqa: E402
from lib.server import TOP, Server, default_binary  # noqa: E402
import doors  # noqa: E402
import logins  # noqa: E402
import who  # noqa: E402

NONE = ()     # names no mailbox
TABLE = {
    "APPEND": ('APPEND {m} {{4+}}\r\na: b', 'APPEND INBOX CATENATE (URL "/{u};UIDVALIDITY={v}/;UID=1")', 'APPEND INBOX CATENATE (URL "/{u}/;UID=1/;SECTION=TEXT")'),
    "COPY": ("COPY 1 {m}",), "UID COPY": ("UID COPY 1 {m}",), "MOVE": ("MOVE 1 {m}",), "UID MOVE": ("UID MOVE 1 {m}",),
    "REPLACE": ("REPLACE 1 {m} {{4+}}\r\na: b",), "UID REPLACE": ("UID REPLACE 1 {m} {{4+}}\r\na: b",),
    "DELETE": ("DELETE {m}",), "EXAMINE": ("EXAMINE {m}", "EXAMINE {m} (CONDSTORE)"), "SELECT": ("SELECT {m}", "SELECT {m} (QRESYNC ({v} 1))"),
    "BBOARD": ("BBOARD {m}",), "FIND": ("FIND MAILBOXES {m}", "FIND ALL.MAILBOXES {m}"),
    "GETMETADATA": ("GETMETADATA {m} /private/comment", "GETMETADATA (DEPTH infinity) {m} /shared"), "SETMETADATA": ('SETMETADATA {m} (/private/comment "x")', 'SETMETADATA {m} (/shared/comment "x")'),
    "LIST": ('LIST "" {m}', 'LIST {m} *', 'LIST "" ({m} {m}/*) RETURN (STATUS (MESSAGES) METADATA (/shared/comment))', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" {m}'),
    "LSUB": ('LSUB "" {m}',), "XLIST": ('XLIST "" {m}',), "RENAME": ("RENAME {m} Elsewhere",), "STATUS": ("STATUS {m} (MESSAGES UIDNEXT SIZE)",),
    "GETQUOTA": ('GETQUOTA ""', "GETQUOTA bob"), "GETQUOTAROOT": ("GETQUOTAROOT {m}",), "SETQUOTA": ('SETQUOTA "" (STORAGE 1)', "SETQUOTA bob ()"),
    "GETACL": ("GETACL {m}",), "SETACL": ("SETACL {m} bob lr", "SETACL {m} -alice +w"), "DELETEACL": ("DELETEACL {m} bob",), "MYRIGHTS": ("MYRIGHTS {m}",),
    "LISTRIGHTS": ("LISTRIGHTS {m} bob",), "SUBSCRIBE": ("SUBSCRIBE {m}",), "UNSUBSCRIBE": ("UNSUBSCRIBE {m}",), "CREATE": ("CREATE {m}",),
    "NOTIFY": ("NOTIFY SET STATUS (mailboxes {m} (MessageNew MessageExpunge))", "NOTIFY SET STATUS (subtree {m} (MessageNew MessageExpunge))", "NOTIFY SET (selected (MessageNew MessageExpunge)) (subtree {m} (MessageNew MessageExpunge FlagChange MailboxName))", "NOTIFY NONE"),
    "ESEARCH": ("ESEARCH IN (mailboxes {m}) RETURN (ALL COUNT) ALL", "ESEARCH IN (subtree {m}) RETURN (ALL COUNT) ALL",
                "ESEARCH IN (subtree-one {m}) RETURN (ALL COUNT) ALL", "ESEARCH IN (mailboxes ({m} INBOX)) RETURN (COUNT) SUBJECT secret", "ESEARCH IN (personal mailboxes {m}) SUBJECT secret"),
}
for word in """AUTHENTICATE CAPABILITY CHECK CLOSE COMPARATOR COMPRESS CANCELUPDATE ENABLE EXPUNGE FETCH ID IDLE LANGUAGE LOGIN LOGOUT NAMESPACE NOOP PARTIAL SEARCH SORT
    STARTTLS STORE THREAD UIDBATCHES UNAUTHENTICATE UNSELECT""".split():
    TABLE[word] = NONE
TABLE["UID ESEARCH"] = tuple("UID " + x for x in TABLE["ESEARCH"])
for word in "EXPUNGE FETCH SEARCH SORT STORE THREAD".split():
    TABLE["UID " + word] = NONE
TRICKS = ('"../bob/Private"', '"/bob/Private"', '"~bob/Private"', '"#user/bob/Private"', '"user/bob/Private"', '"user.bob.Private"', '"%62ob/Private"', '"&AC8-bob&AC8-Private"',
          '"Other Users/bob/Private"', '"bob/Private"', '"./Private"', '"INBOX/../Private"', '{{12+}}\r\nINBOX\0Privat')


def answer(c, line, mailbox, uidvalidity):
    """What is said, without what names the command or the mailbox."""
    bare = mailbox.strip('"')
    st = c.cmd(line.format(m=mailbox, u=bare, v=uidvalidity))
    text = re.sub(rb"x\d+ ", b"T ", c.seen) if st != "BYE" else b"BYE"
    return st, re.sub(re.escape(bare.encode()), b"M", text)


def names(binary):
    """Each command with each name."""
    with open(os.path.join(TOP, "src/imap/commands.tbl"), encoding="utf-8") as f:
        commands = re.findall(r'^C\("([^"]+)", \w+, (\w+)', f.read(), re.M)
    failures = [f"{name} is not in the matrix" for name, _ in commands if name not in TABLE]
    tried = 0
    for accounts in (["alice", "bob"], ["bob", "alice"]):     # whose is the older one makes no difference
        with Server(binary, accounts) as server:
            bob = Raw(server.imap, "bob")
            for line in ("CREATE Private", "SUBSCRIBE Private", 'SETMETADATA Private (/shared/comment "bobs")'):
                bob.ok(line)
            need(bob.append(b"Subject: secret\r\n\r\nof bob", "Private") == "OK", "APPEND")
            bob.ok("STATUS Private (UIDVALIDITY)")
            validity = int(re.search(rb"UIDVALIDITY (\d+)", bob.seen).group(1))
            stranger = Raw(server.imap)
            outside = Raw(server.imap, "bob")
            outside.ok("SELECT Private")
            outside.ok("UNAUTHENTICATE")
            for name, state in commands:
                for line in TABLE.get(name, NONE):
                    seen = []
                    for mailbox in ("Private", "Nobodys"):
                        with Raw(server.imap, "alice") as c:
                            c.ok("ENABLE QRESYNC")
                            need(c.append(b"a: b\r\n\r\nx") == "OK", "APPEND")
                            c.ok("SELECT INBOX")
                            seen.append(answer(c, line, mailbox, validity))
                            c.cmd(f"DELETE {mailbox}") if name in ("CREATE",) else None
                            c.cmd(f"UNSUBSCRIBE {mailbox}") if name == "SUBSCRIBE" else None
                    tried += 2
                    strip = [(st, re.sub(rb"MAILBOXID \(\w+\)|\d+", b"N", text)) for st, text in seen]
                    if strip[0] != strip[1]:
                        failures.append(f"{name}: bob's mailbox answers {seen[0]}, one of nobody {seen[1]}")
                    for trick in TRICKS:
                        if name in ("CREATE", "SUBSCRIBE", "UNSUBSCRIBE"):
                            continue
                        with Raw(server.imap, "alice") as c:
                            c.ok("SELECT INBOX")
                            st = c.cmd(line.format(m=trick.format(), u=trick.strip('"').format(), v=validity))
                            tried += 1
                            if b"secret" in c.seen or b"bobs" in c.seen or (st == "OK" and name in ("SELECT", "EXAMINE", "STATUS", "APPEND", "COPY", "MOVE", "DELETE", "RENAME", "GETMETADATA", "SETMETADATA")):
                                failures.append(f"{name} {trick}: {st} {c.seen[-200:]!r}")
                if state in ("STATE_LOGGED_IN", "STATE_SELECTED"):
                    for who, c in (("a stranger", stranger), ("after UNAUTHENTICATE", outside)):
                        with Raw(server.imap) as fresh:
                            if who == "after UNAUTHENTICATE":
                                fresh.ok("LOGIN bob secret")
                                fresh.ok("UNAUTHENTICATE")
                            line = (TABLE.get(name) or (name + " 1",))[0]
                            st, text = answer(fresh, line, "Private", validity)
                            tried += 1
                            if st != "BAD" and st != "BYE":
                                failures.append(f"{name} {who}: {st} {text[:200]!r}")
            bob.ok("STATUS Private (MESSAGES)")
            if b"MESSAGES 1)" not in bob.seen:
                failures.append(f"bob's mailbox was changed: {bob.seen!r}")
            bob.ok('LIST "" Private')
            need(b"Private" in bob.seen, "bob's mailbox is gone")
    return tried, failures


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("part", nargs="*", help="of: " + " ".join(f.__name__ for f in (names, *who.PARTS, *logins.PARTS, *doors.PARTS)))
    args = p.parse_args()
    failures, attempts, left_out = 0, 0, ""
    for f in (names, *who.PARTS, *logins.PARTS, *doors.PARTS):
        if args.part and f.__name__ not in args.part:
            continue
        try:
            tried, faults = f(args.mansio or default_binary())
        except LeftOut as e:
            left_out += f", {f.__name__} left out: {e}"
            continue
        attempts += tried
        failures += len(faults)
        for fault in faults:
            print(f"FAIL {f.__name__}: {fault[:600]}", flush=True)
        print(f"{f.__name__}: {tried} attempts, {len(faults)} failures", flush=True)
    print(f"{attempts} attempts, {failures} failures{left_out}")
    return 1 if failures or not (attempts or left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
