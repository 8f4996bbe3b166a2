# SPDX-License-Identifier: Apache-2.0
"""grammar: one function for each production that a server may send. RFC 3501 and RFC 9051 section 9, and the formal syntax of
2087/9208, 2177, 2971, 3516, 4314, 4315, 4466, 4467, 4469, 4731, 4978, 5182, 5255, 5256, 5257, 5258, 5259, 5267, 5464, 5465, 5466,
5524, 5530, 6154, 6203, 6851, 7162, 7377, 7889, 8438, 8440, 8474, 8514, 8970, 9394, 9585, 9586, 9590, 9738, 10022."""
import re
from .body import body_structure
from .codes import resp_text, sp_then
from .fetch import fetch_data
from .lex import Cursor, RE_BASE64, RE_TAG
from .lists import XLIST_FLAGS, acl_data, list_data, metadata_data, myrights_data, names_after, namespace_data, quota_data, status_data
from .words import Context, Response, capability_data, collation_id, correlator, flag_list


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
