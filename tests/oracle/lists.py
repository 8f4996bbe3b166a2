# SPDX-License-Identifier: Apache-2.0
"""lists: responses about mailboxes: LIST, STATUS, NAMESPACE, ACL, QUOTA, METADATA."""
from .lex import Cursor, mutf7_fault
from .words import LIST_FLAGS, LIST_SELECT_FLAGS, object_id

# What XLIST called special uses.
XLIST_FLAGS = {b"\\INBOX", b"\\ALLMAIL", b"\\SPAM", b"\\STARRED"}


def list_data(c, more=frozenset()):
    flags = c.list_of(lambda: b"\\" + (c.need(b"\\") or c.atom()), empty=True)
    upper = [f.upper() for f in flags]
    if len(set(upper)) != len(upper):
        c.bad("a LIST attribute twice")
    for f in upper:
        if f not in LIST_FLAGS and f not in more:
            c.bad(f"the LIST attribute {f!r} is not registered")
    if len([f for f in upper if f in LIST_SELECT_FLAGS]) > 1:
        c.bad("more than one of \\Noselect, \\NonExistent, \\Marked, \\Unmarked")
    if b"\\HASCHILDREN" in upper and (b"\\HASNOCHILDREN" in upper or b"\\NOINFERIORS" in upper):
        c.bad("\\HasChildren contradicts another attribute")
    c.sp()
    delim = delimiter(c)
    c.sp()
    name = c.mailbox() if not c.peek(b'""') else c.quoted()
    ext = []
    if c.peek(b" "):
        c.sp()
        ext = c.list_of(lambda: list_extended_item(c), empty=True)
        if len({e[0] for e in ext}) != len(ext):
            c.bad("an extended LIST item twice")
    return {"flags": upper, "delimiter": delim, "name": name, "extended": dict(ext)}


def delimiter(c):
    if c.nil():
        return None
    d = c.quoted()
    if len(d) != 1:
        c.bad("a hierarchy delimiter must be one character")
    return d


def list_extended_item(c):
    tag = c.astring().upper()
    c.sp()
    if tag == b"CHILDINFO":
        value = c.list_of(c.quoted)
        for v in value:
            if v.upper() not in (b"SUBSCRIBED", b"SPECIAL-USE"):
                c.bad("CHILDINFO with an unknown selection option")
    elif tag == b"OLDNAME":
        value = c.list_of(lambda: c.mailbox(written=True))
        if len(value) != 1:
            c.bad("OLDNAME holds one name")
    else:
        c.bad(f"the extended LIST item {tag!r} is not known")
    return tag, value


def status_item(c):
    name = c.word()
    c.sp()
    if name in (b"MESSAGES", b"RECENT", b"UNSEEN", b"DELETED"):
        value = c.number()
    elif name in (b"UIDNEXT", b"UIDVALIDITY"):
        value = c.nz_number()
    elif name in (b"SIZE", b"DELETED-STORAGE", b"HIGHESTMODSEQ"):
        value = c.number64()
    elif name == b"MAILBOXID":
        value = object_id(c)
    elif name == b"APPENDLIMIT":
        value = None if c.nil() else c.number()
    else:
        c.bad(f"the STATUS item {name!r} is not known")
    return name.decode(), value


def status_data(c):
    c.sp()
    name = c.mailbox()
    c.sp()
    items = c.list_of(lambda: status_item(c), empty=True)
    if len(dict(items)) != len(items):
        c.bad("a STATUS item twice")
    return {"name": name, "items": dict(items)}


def namespace(c):
    if c.nil():
        return []
    c.need(b"(")
    out = []
    while c.peek(b"("):
        c.need(b"(")
        prefix = c.string()
        c.sp()
        delim = delimiter(c)
        while c.peek(b" "):
            c.sp()
            name = c.string()
            c.sp()
            values = c.list_of(c.string)
            if name.upper() == b"TRANSLATION" and (len(values) != 1 or mutf7_fault(values[0])):
                c.bad("TRANSLATION is not one string in modified UTF-7 (RFC 5255 3.5)")
        c.need(b")")
        out.append((prefix, delim))
    if not out:
        c.bad("an empty namespace list instead of NIL")
    c.need(b")")
    return out


def namespace_data(c):
    out = []
    for _ in range(3):
        c.sp()
        out.append(namespace(c))
    return out


def quota_data(c):
    c.sp()
    root = c.astring()
    c.sp()
    items = []

    def resource():
        name = c.atom()
        c.sp()
        used = c.number64()
        c.sp()
        items.append((name, used, c.number64()))
    c.list_of(resource, empty=True)
    return root, items


def names_after(read_first, read_more, least=0):
    def run(c):
        c.sp()
        first = read_first(c)
        more = []
        while c.peek(b" "):
            c.sp()
            more.append(read_more(c))
        if len(more) < least:
            c.bad("something is missing at the end")
        return first, more
    return run


def acl_data(c):
    first, more = names_after(Cursor.mailbox, Cursor.astring)(c)
    if len(more) % 2:
        c.bad("ACL: an identifier without rights")
    return first, list(zip(more[::2], more[1::2]))


def myrights_data(c):
    c.sp()
    name = c.mailbox()
    c.sp()
    return name, c.astring()


def metadata_data(c):
    c.sp()
    name = c.quoted() if c.peek(b'""') else c.mailbox()
    c.sp()
    values = []
    if c.peek(b"("):
        def pair():
            entry = c.astring()
            c.sp()
            values.append((entry, c.nstring8()))
        c.list_of(pair)
    else:
        values.append((c.astring(), None))
        while c.peek(b" "):
            c.sp()
            values.append((c.astring(), None))
    for entry, _ in values:
        if not entry.lower().startswith((b"/private/", b"/shared/")) or entry.endswith(b"/") or b"//" in entry:
            c.bad(f"the entry name {entry!r}")
    return name, values
