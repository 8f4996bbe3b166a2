# SPDX-License-Identifier: Apache-2.0
"""grammar: one function for each production that a server may send. RFC 3501 and RFC 9051 section 9, and the formal syntax of
2087/9208, 2177, 2971, 3516, 4314, 4315, 4466, 4467, 4469, 4731, 4978, 5182, 5255, 5256, 5257, 5258, 5259, 5267, 5464, 5465, 5466,
5524, 5530, 6154, 6203, 6851, 7162, 7377, 7889, 8438, 8440, 8474, 8514, 8970, 9394, 9585, 9586, 9590, 9738, 10022."""
import re
from .body import body, body_structure, envelope
from .lex import Bad, Cursor, MAX63, RE_BASE64, RE_TAG, mutf7_fault, set_count  # noqa: F401


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
PLAIN_CODES = set((
    b"ALERT PARSE READ-ONLY READ-WRITE TRYCREATE UIDNOTSTICKY UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED "
    b"PRIVACYREQUIRED CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT OVERQUOTA ALREADYEXISTS "
    b"NONEXISTENT NOTSAVED HASCHILDREN CLOSED UNKNOWN-CTE NOMODSEQ TOOBIG NOTIFICATIONOVERFLOW COMPRESSIONACTIVE USEATTR "
    b"BADCOMPARATOR TEMPFAIL UIDREQUIRED TOOFEW TOOMANY").split())


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


def code_copyuid(c):
    c.sp()
    validity = c.nz_number()
    c.sp()
    source = c.uid_set()
    c.sp()
    target = c.uid_set()
    if set_count(source) != set_count(target):
        c.bad("COPYUID: the two sets differ in size (T84)")
    return validity, source, target


def code_appenduid(c):
    c.sp()
    validity = c.nz_number()
    c.sp()
    return validity, c.uid_set()


def code_inprogress(c):
    if not c.peek(b" "):
        return None
    c.sp()
    c.need(b"(")
    tag = None if c.nil() else c.quoted()
    c.sp()
    done = None if c.nil() else c.number()
    c.sp()
    goal = None if c.nil() else c.nz_number()
    if done is None and goal is not None:
        c.bad("INPROGRESS: a goal without progress")
    c.need(b")")
    return tag, done, goal


def code_metadata(c):
    c.sp()
    what = c.keyword(b"LONGENTRIES", b"MAXSIZE", b"TOOMANY", b"NOPRIVATE")
    if what in (b"LONGENTRIES", b"MAXSIZE"):
        c.sp()
        return what, c.number()
    return what, None


def code_text(c):
    """Free text up to the closing bracket."""
    c.sp()
    end = c.b.find(b"]", c.i)
    text = c.b[c.i:end] if end >= 0 else b""
    if not text or b"\r" in text:
        c.bad("expected the response code's value")
    c.i = end
    return text


def code_badcharset(c):
    if not c.peek(b" "):
        return None
    c.sp()
    return c.list_of(c.astring)


def sp_then(read):
    def run(c):
        c.sp()
        return read(c)
    return run


def code_messagelimit(c):
    c.sp()
    limit = c.nz_number()
    uid = None
    if c.peek(b" "):
        c.sp()
        uid = c.nz_number()
    return limit, uid


def code_annotate(c):
    c.sp()
    return c.keyword(b"TOOBIG", b"TOOMANY")


def code_annotations(c):
    c.sp()
    if c.peek_word(b"NONE"):
        return c.keyword(b"NONE")
    value = c.keyword(b"READ-ONLY") if c.peek_word(b"READ") else c.nz_number()
    if c.peek(b" "):
        c.sp()
        c.keyword(b"NOPRIVATE")
    return value


CODES = {
    b"BADCHARSET": code_badcharset,
    b"CAPABILITY": capability_data,
    b"PERMANENTFLAGS": sp_then(lambda c: flag_list(c, (b"\\*",))),
    b"UIDNEXT": sp_then(Cursor.nz_number),
    b"UIDVALIDITY": sp_then(Cursor.nz_number),
    b"UNSEEN": sp_then(Cursor.nz_number),
    b"HIGHESTMODSEQ": sp_then(Cursor.nz_number64),
    b"MODIFIED": sp_then(Cursor.uid_set),
    b"APPENDUID": code_appenduid,
    b"COPYUID": code_copyuid,
    b"MAILBOXID": sp_then(object_id),
    b"METADATA": code_metadata,
    b"ANNOTATE": code_annotate,
    b"ANNOTATIONS": code_annotations,
    b"REFERRAL": code_text,
    b"BADURL": code_text,
    b"URLMECH": code_text,
    b"NOUPDATE": sp_then(Cursor.quoted),
    b"UNDEFINED-FILTER": sp_then(Cursor.atom),
    b"BADEVENT": sp_then(lambda c: c.list_of(c.atom)),
    b"INPROGRESS": code_inprogress,
    b"MESSAGELIMIT": code_messagelimit,
    b"SAVELIMIT": sp_then(Cursor.nz_number),
    b"MAXCONVERTMESSAGES": sp_then(Cursor.nz_number),
    b"MAXCONVERTPARTS": sp_then(Cursor.nz_number),
}


def resp_text(c, what):
    """resp-text: [ "[" code "]" SP ] text; text is never empty (T02)."""
    code = None
    if c.peek(b"["):
        c.i += 1
        name = c.atom().upper()
        if name in PLAIN_CODES:
            code = (name.decode(), None)
        elif name in CODES:
            code = (name.decode(), CODES[name](c))
        else:
            c.bad(f"the response code {name.decode()} is not registered")
        c.need(b"]", "the end of the response code")
        if c.b[c.i:] == b"\r\n":
            c.bad("no text after the response code (T02)")
        c.sp()
    text = c.b[c.i:-2]
    if not text or not text.strip():
        c.bad(f"{what} without text")
    if text != text.rstrip(b" "):
        c.i = len(c.b) - 2
        c.bad("a space at the end of the text")
    if b"\0" in text or b"\r" in text or b"\n" in text:
        c.bad("NUL, CR or LF in the text")
    if c.language:
        # resp-text and UTF8-TEXT-CHAR of RFC 5255 3.5
        if text.startswith(b"["):
            c.bad("a localised text begins with a bracket")
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            c.bad("a localised text is not UTF-8")
    else:
        c.check_8bit(text, "text")
    c.i = len(c.b) - 2
    c.end()
    return code, text.decode("utf-8", "replace")


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


def search_data(c, sort=False):
    numbers, modseq = [], None
    while c.peek(b" "):
        c.sp()
        if c.peek(b"("):
            c.need(b"(")
            c.keyword(b"MODSEQ")
            c.sp()
            modseq = c.nz_number64()
            c.need(b")")
            break
        numbers.append(c.nz_number())
    if modseq is not None and not numbers:
        c.bad("MODSEQ in an empty SEARCH (RFC 7162: only with results)")
    if len(set(numbers)) != len(numbers):
        c.bad("a number twice in SEARCH or SORT")
    return {"numbers": numbers, "modseq": modseq}


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


def partial_range(c):
    minus = c.skip(b"-")
    c.nz_number()
    c.need(b":")
    if minus:
        c.need(b"-")
    c.nz_number()


def context_update(c):
    out = []

    def one():
        position = c.number()
        c.sp()
        out.append((position, c.uid_set()))
    c.list_of(one)
    return out


def esearch_item(c):
    name = c.word()
    c.sp()
    if name in (b"MIN", b"MAX"):
        value = c.nz_number()
    elif name == b"COUNT":
        value = c.number()
    elif name == b"ALL":
        value = c.uid_set()
    elif name == b"MODSEQ":
        value = c.nz_number64()
    elif name == b"PARTIAL":
        c.need(b"(")
        partial_range(c)
        c.sp()
        value = None if c.nil() else c.uid_set()
        c.need(b")")
    elif name in (b"ADDTO", b"REMOVEFROM"):
        value = context_update(c)
    elif name == b"RELEVANCY":
        value = c.list_of(c.number, empty=True)
        if any(not 1 <= v <= 100 for v in value):
            c.bad("a relevancy outside of 1 to 100")
    else:
        c.bad(f"the ESEARCH item {name!r} is not known")
    return name.decode(), value


def esearch_data(c):
    data = {"tag": None, "uid": False, "items": {}, "updates": []}
    if c.peek(b" ("):
        c.sp()
        pairs = c.list_of(lambda: correlator(c))
        if len(dict(pairs)) != len(pairs):
            c.bad("a correlator twice")
        data["tag"] = dict(pairs).get(b"TAG")
        data["correlators"] = dict(pairs)
    if c.peek(b" UID") and not c.peek(b" UIDV"):
        c.i += 4
        data["uid"] = True
    while c.peek(b" "):
        c.sp()
        name, value = esearch_item(c)
        if name in data["items"] and name not in ("ADDTO", "REMOVEFROM"):
            c.bad("an ESEARCH item twice")
        data["items"][name] = value
        if name in ("ADDTO", "REMOVEFROM"):
            data["updates"].append((name, value))
    return data


def thread_data(c):
    """thread-list without recursion: "(" members *nested ")"."""
    seen = []
    if c.b[c.i:] == b"\r\n":
        return seen
    c.sp()
    stack = []      # for each open list: what may come: "first", "member" (after a number), "nest" (after a nested list)
    while True:
        if c.skip(b"("):
            if stack:
                state, nests = stack[-1]
                if state == "member":
                    c.bad("a nested thread needs a space before it")
                stack[-1] = ["nest", nests + 1]
            stack.append(["first", 0])
        elif c.skip(b")"):
            if not stack:
                c.bad("a closing parenthesis too many")
            state, nests = stack.pop()
            if state in ("first", "space", "number"):
                c.bad("an empty thread, or a space before its end")
            if nests == 1:
                c.bad("a branch of one thread only (thread-nested = 2*thread-list)")
            if not stack and c.b[c.i:] == b"\r\n":
                return seen
        elif c.peek(b" "):
            c.sp()
            if not stack or stack[-1][0] != "member":
                c.bad("a space that does not belong here")
            if c.peek(b"("):
                stack[-1][0] = "space"
            else:
                stack[-1][0] = "number"
        else:
            if not stack or stack[-1][0] not in ("first", "number"):
                c.bad("a number that does not belong here")
            stack[-1][0] = "member"
            seen.append(c.nz_number())


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


def id_data(c):
    c.sp()
    if c.nil():
        return None
    items = {}

    def pair():
        key = c.string()
        c.sp()
        if key.lower() in items:
            c.bad("an ID field twice")
        if len(key) > 30:
            c.bad("an ID field name longer than 30 octets")
        value = c.nstring()
        if value is not None and len(value) > 1024:
            c.bad("an ID value longer than 1024 octets")
        items[key.lower()] = value
    c.list_of(pair)     # a non-empty list (T04)
    if len(items) > 30:
        c.bad("more than 30 ID fields")
    return items


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


def vanished_data(c):
    c.sp()
    earlier = False
    if c.peek(b"("):
        c.need(b"(")
        c.keyword(b"EARLIER")
        c.need(b")")
        c.sp()
        earlier = True
    return {"earlier": earlier, "uids": c.uid_set()}


def urlfetch_data(c):
    out = []
    while c.peek(b" "):
        c.sp()
        url = c.astring()
        c.sp()
        if not c.peek(b"("):
            out.append((url, c.nstring()))
            continue
        while True:
            c.need(b"(")
            what = c.keyword(b"BODYPARTSTRUCTURE", b"BINARY", b"BODY")
            c.sp()
            value = body_structure(c) if what == b"BODYPARTSTRUCTURE" else c.nstring8() if what == b"BINARY" else c.nstring()
            out.append((url, what, value))
            c.need(b")")
            if not c.peek(b" ("):
                break
            c.sp()
    if not out:
        c.bad("URLFETCH without data")
    return out


def uidbatches_data(c):
    c.sp()
    c.need(b"(")
    c.keyword(b"TAG")
    c.sp()
    tag = c.quoted()
    c.need(b")")
    ranges = []
    if c.peek(b" "):
        c.sp()
        while True:
            high = c.nz_number()
            c.need(b":")
            low = c.nz_number()
            if low > high or ranges and high >= ranges[-1][1]:
                c.bad("UIDBATCHES: ranges run from the highest UID down")
            ranges.append((high, low))
            if not c.skip(b","):
                break
    return {"tag": tag, "ranges": ranges}


def enabled_data(c):
    caps = []
    while c.peek(b" "):
        c.sp()
        caps.append(c.atom().upper())
    if b"UTF8=ONLY" in caps:
        c.bad("UTF8=ONLY is never enabled (RFC 9755 7)")
    return caps


# RFC 4790 3.1 and 3.3
COLLATION_ID = re.compile(rb"[a-z][a-z0-9.-]*;[a-z][a-z0-9-]*(?:;[a-z][a-z0-9]*=[a-z0-9.]+)*", re.I)


def collation_id(c, signed=False):
    name = c.astring()
    bare = name[1:] if signed and name[:1] in (b"+", b"-") else name
    if len(bare) > 254 or not COLLATION_ID.fullmatch(bare):
        c.bad(f"{name!r} is no collation id")
    return name


def language_data(c):
    """language-data: Language-Tags (RFC 4646 2.1, as RFC 4647 compares them)."""
    c.sp()
    tags = [t.upper() for t in c.list_of(c.astring)]
    if not all(re.fullmatch(rb"[A-Z]{1,8}(-[A-Z0-9]{1,8})*", t) for t in tags):
        c.bad("not a language tag")
    if len(set(tags)) != len(tags):
        c.bad("a language twice")
    if len(tags) > 1 and b"I-DEFAULT" not in tags:
        c.bad("i-default is not among the languages (RFC 5255 3.1)")
    return tags


def comparator_data(c):
    c.sp()
    active = collation_id(c, signed=True)
    if c.peek(b" "):
        c.sp()
        if len(c.list_of(lambda: collation_id(c))) < 2:
            c.bad("a list of one comparator (RFC 5255 4.8: only if more than one matched)")
    return active


def nothing(c):
    return None


UNTAGGED = {
    b"CAPABILITY": capability_data,
    b"ENABLED": enabled_data,
    b"FLAGS": sp_then(flag_list),
    b"LIST": sp_then(list_data),
    b"LSUB": sp_then(list_data),
    b"XLIST": sp_then(lambda c: list_data(c, XLIST_FLAGS)),
    b"MAILBOX": sp_then(Cursor.mailbox),
    b"STATUS": status_data,
    b"SEARCH": search_data,
    b"SORT": search_data,
    b"ESEARCH": esearch_data,
    b"THREAD": thread_data,
    b"NAMESPACE": namespace_data,
    b"ID": id_data,
    b"QUOTA": quota_data,
    b"QUOTAROOT": names_after(Cursor.mailbox, Cursor.astring),
    b"ACL": acl_data,
    b"MYRIGHTS": myrights_data,
    b"LISTRIGHTS": names_after(Cursor.mailbox, Cursor.astring, 2),
    b"METADATA": metadata_data,
    b"VANISHED": vanished_data,
    b"LANGUAGE": language_data,
    b"COMPARATOR": comparator_data,
    b"GENURLAUTH": names_after(Cursor.astring, Cursor.astring),
    b"URLFETCH": urlfetch_data,
    b"UIDBATCHES": uidbatches_data,
    b"JMAPACCESS": sp_then(Cursor.quoted),
}
STATUSES = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")
NUMBERED = {b"EXISTS": False, b"RECENT": False, b"EXPUNGE": True, b"FETCH": True, b"UIDFETCH": True}
SECTION = re.compile(rb"(?:[1-9]\d{0,9}(?:\.[1-9]\d{0,9})*)?(?:\.?(?:HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME))?", re.I)


def section(c):
    """section: "[" [section-spec] "]"; returns its text in upper case and the fields."""
    c.need(b"[")
    m = SECTION.match(c.b, c.i)
    spec = m.group(0).upper()
    c.i = m.end()
    if spec.startswith(b".") or spec == b"MIME" or re.search(rb"\d[HTM]", spec):
        c.bad("a malformed section")
    fields = None
    if spec.endswith((b"HEADER.FIELDS", b"HEADER.FIELDS.NOT")):
        c.sp()
        fields = c.list_of(c.astring)
    c.need(b"]")
    return spec, fields


def origin(c):
    if not c.skip(b"<"):
        return None
    n = c.number64()
    c.need(b">")
    return n


def fetch_body(c):
    if not c.peek(b"["):
        c.sp()
        return "BODY", body(c)
    spec, fields = section(c)
    offset = origin(c)
    c.sp()
    value = c.nstring()
    if fields is not None and offset is None and value is not None:
        header_fields(c, spec, fields, value)
    key = "BODY[" + spec.decode() + (" (" + " ".join(f.decode("latin-1") for f in fields) + ")" if fields else "") + "]"
    return key + (f"<{offset}>" if offset is not None else ""), value


def header_fields(c, spec, fields, value):
    """HEADER.FIELDS ends in an empty line, also when no field matches, and holds only what was asked for (T51)."""
    if value and value not in (b"\r\n", b"\n") and not value.endswith((b"\n\r\n", b"\n\n")):     # mail may have bare LF
        c.bad("HEADER.FIELDS does not end in an empty line (T51)")
    if spec.endswith(b"NOT"):
        return
    asked = {f.lower() for f in fields}
    for line in value.replace(b"\r\n", b"\n").split(b"\n"):
        if line and line[:1] not in b" \t" and line.split(b":")[0].strip().lower() not in asked:
            c.bad(f"HEADER.FIELDS holds a field that was not asked for: {line[:40]!r}")


def fetch_binary(c, size):
    c.need(b"[")
    m = re.compile(rb"(?:[1-9]\d*(?:\.[1-9]\d*)*)?").match(c.b, c.i)
    c.i = m.end()
    c.need(b"]")
    part = m.group(0).decode()
    if size:
        c.sp()
        return f"BINARY.SIZE[{part}]", c.number()
    offset = origin(c)
    c.sp()
    return f"BINARY[{part}]" + (f"<{offset}>" if offset is not None else ""), c.nstring8()


def annotation(c):
    out = []

    def entry():
        name = c.astring()
        atts = []
        if c.peek(b" ("):
            c.sp()

            def att():
                a = c.astring()
                c.sp()
                atts.append((a, c.nstring8()))
            c.list_of(att)
        out.append((name, atts))
    c.list_of(entry)
    return out


ITEM = re.compile(rb"[A-Z0-9.]+", re.I)


def fetch_item(c):
    m = ITEM.match(c.b, c.i)
    name = m.group(0).upper() if m else b""
    if not name:
        c.bad("expected a FETCH item")
    c.i += len(name)
    if name == b"BODY":
        return fetch_body(c)
    if name in (b"BINARY", b"BINARY.SIZE"):
        return fetch_binary(c, name == b"BINARY.SIZE")
    c.sp()
    if name == b"FLAGS":
        return "FLAGS", flag_list(c, (b"\\RECENT",))
    if name == b"UID":
        return "UID", c.nz_number()
    if name == b"RFC822.SIZE":
        return "RFC822.SIZE", c.number64()
    if name == b"INTERNALDATE":
        return "INTERNALDATE", c.date_time()
    if name == b"ENVELOPE":
        return "ENVELOPE", envelope(c)
    if name == b"BODYSTRUCTURE":
        return "BODYSTRUCTURE", body_structure(c)
    if name in (b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"):
        return name.decode(), c.nstring()
    if name == b"MODSEQ":
        c.need(b"(")
        value = c.nz_number64()
        c.need(b")")
        return "MODSEQ", value
    if name == b"EMAILID":
        return "EMAILID", object_id(c)
    if name == b"THREADID":
        return "THREADID", None if c.nil() else object_id(c)
    if name == b"SAVEDATE":
        return "SAVEDATE", None if c.nil() else c.date_time()
    if name == b"PREVIEW":
        return "PREVIEW", c.nstring()
    if name == b"ANNOTATION":
        return "ANNOTATION", annotation(c)
    c.bad(f"the FETCH item {name!r} is not known")


def fetch_data(c):
    items = c.list_of(lambda: fetch_item(c))
    names = [n for n, _ in items]
    if len(set(names)) != len(names):
        c.bad("a FETCH item twice")
    if "UID" in names and names[0] != "UID":
        c.bad("UID is not the first item of FETCH (T50)")
    return dict(items)


def untagged(c, raw):
    if c.b[c.i:c.i + 1].isdigit():
        num = c.number()
        c.sp()
        name = c.keyword(*NUMBERED)
        if NUMBERED[name] and num == 0:
            c.bad(f"{name.decode()} with message number 0")
        data = None
        if name in (b"FETCH", b"UIDFETCH"):
            c.sp()
            data = fetch_data(c)
        c.end()
        return Response(raw, "untagged", name.decode(), num, data)
    start = c.i
    name = c.word()
    if name in STATUSES:
        c.sp()
        code, text = resp_text(c, name.decode())
        return Response(raw, "untagged", name.decode(), code=code, text=text)
    if name not in UNTAGGED:
        c.i = start
        c.bad(f"an unknown untagged response {name!r}")
    data = UNTAGGED[name](c)
    c.end()
    return Response(raw, "untagged", name.decode(), data=data)


def continuation(c, raw):
    """continue-req: "+" SP (resp-text / base64): plus and space, also when empty (T03)."""
    c.need(b"+ ", "plus and space (T03)")
    rest = c.b[c.i:-2]
    if RE_BASE64.fullmatch(rest):
        c.i = len(c.b) - 2
        c.end()
        return Response(raw, "continue", "+", text=rest.decode())
    code, text = resp_text(c, "+")
    return Response(raw, "continue", "+", code=code, text=text)


def parse_response(raw, context=None):
    """One whole response with its CRLF; returns a Response or raises Bad."""
    context = context or Context()
    c = Cursor(raw, context.utf8, context.language)
    if not raw.endswith(b"\r\n"):
        c.i = len(raw)
        c.bad("the response does not end in CRLF")
    if raw.startswith(b"+"):
        return continuation(c, raw)
    if c.skip(b"* "):
        return untagged(c, raw)
    m = RE_TAG.match(raw)
    if not m or not m.group(0):
        c.bad("neither *, + nor a tag at the start of a line")
    c.i = m.end()
    c.sp()
    status = c.keyword(b"OK", b"NO", b"BAD")
    c.sp()
    code, text = resp_text(c, "a tagged " + status.decode())
    return Response(raw, "tagged", status.decode(), code=code, text=text, tag=m.group(0).decode())
