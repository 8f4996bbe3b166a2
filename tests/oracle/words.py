# SPDX-License-Identifier: Apache-2.0
"""words: what the files of the grammar share: the context, a response as read, flags, capabilities, ids."""
import re

NO_EXPUNGE = {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}      # what their answers must not bring (RFC 3501 7.4.1)


class Context:
    """What the session has switched on: decides which octets and responses are allowed."""

    def __init__(self):
        self.utf8 = False       # ENABLE UTF8=ACCEPT or IMAP4rev2
        self.rev2 = False
        self.accept = False     # ENABLE UTF8=ACCEPT
        self.language = False   # LANGUAGE, another one than i-default (RFC 5255)


class Response:
    """kind: tagged, continue or untagged. name: status or data name. num: the number before the name. code: (name, value) or None.
    data: what a response of this name carries. text: the human-readable text."""

    def __init__(self, raw, kind, name, num=None, data=None, code=None, text=None, tag=None):
        self.raw, self.kind, self.name, self.num = raw, kind, name, num
        self.data, self.code, self.text, self.tag = data, code, text, tag

    def __repr__(self):
        return f"<{self.kind} {self.tag or self.num or ''} {self.name} {self.code or ''} {self.data if self.data is not None else ''}>"


SYSTEM_FLAGS = (b"\\ANSWERED", b"\\FLAGGED", b"\\DELETED", b"\\SEEN", b"\\DRAFT")
LIST_FLAGS = {b"\\" + w for w in (
    b"NOINFERIORS NOSELECT MARKED UNMARKED NONEXISTENT HASCHILDREN HASNOCHILDREN SUBSCRIBED REMOTE "
    b"ALL ARCHIVE DRAFTS FLAGGED JUNK SENT TRASH IMPORTANT MEMOS SNOOZED SCHEDULED").split()}
LIST_SELECT_FLAGS = {b"\\NOSELECT", b"\\MARKED", b"\\UNMARKED", b"\\NONEXISTENT"}


def flag(c, also=()):
    start = c.i
    if c.skip(b"\\"):
        if c.skip(b"*"):
            name = b"\\*"
        else:
            name = b"\\" + c.atom()
        if name.upper() not in SYSTEM_FLAGS and name.upper() not in also:
            c.i = start
            c.bad(f"the flag {name!r} does not belong here")
        return name
    return c.atom()


def flag_list(c, also=()):
    flags = c.list_of(lambda: flag(c, also), empty=True)
    seen = {f.upper() for f in flags}
    if len(seen) != len(flags):
        c.bad("a flag twice in one list")
    return flags


def capability_data(c):
    caps = []
    while c.peek(b" "):
        c.sp()
        caps.append(c.atom().upper())
    if not any(x in caps for x in (b"IMAP4REV1", b"IMAP4REV2")):
        c.bad("CAPABILITY without IMAP4rev1 or IMAP4rev2")
    if len(set(caps)) != len(caps):
        c.bad("a capability twice")
    if b"UTF8=ACCEPT" in caps and b"UTF8=ONLY" in caps:
        c.bad("both UTF8=ACCEPT and UTF8=ONLY (RFC 9755 7)")
    if b"IMAP4" in caps and caps[0] != b"IMAP4":
        c.bad("IMAP4 is not the first capability")
    return caps


def object_id(c):
    c.need(b"(")
    m = re.compile(rb"[A-Za-z0-9_-]{1,255}(?=\))").match(c.b, c.i)
    if not m:
        c.bad("expected an object id")
    c.i = m.end()
    c.need(b")")
    return m.group(0)


def correlator(c):
    what = c.keyword(b"TAG", b"MAILBOX", b"UIDVALIDITY")
    c.sp()
    if what == b"UIDVALIDITY":
        return what, c.nz_number()
    if what == b"MAILBOX":
        return what, c.mailbox()
    if not c.peek(b'"'):
        c.bad("the tag in ESEARCH is not quoted (T71)")
    return what, c.quoted()


# RFC 4790 3.1 and 3.3
COLLATION_ID = re.compile(rb"[a-z][a-z0-9.-]*;[a-z][a-z0-9-]*(?:;[a-z][a-z0-9]*=[a-z0-9.]+)*", re.I)


def collation_id(c, signed=False):
    name = c.astring()
    bare = name[1:] if signed and name[:1] in (b"+", b"-") else name
    if len(bare) > 254 or not COLLATION_ID.fullmatch(bare):
        c.bad(f"{name!r} is no collation id")
    return name


def origin(c):
    if not c.skip(b"<"):
        return None
    n = c.number64()
    c.need(b">")
    return n
