# SPDX-License-Identifier: Apache-2.0
"""meaning: what two answers say, and where they differ. A Difference is the smallest thing that differs: one message of a search, one field of one message."""
import datetime
import re

MISSING = "(not there)"


class Difference:
    """kind: the command's; path: where; ours, theirs: the two values; uids: the messages it is about; key: the search key, if it is one."""

    def __init__(self, kind, path, ours, theirs, uids=(), key=None):
        self.kind, self.path, self.ours, self.theirs, self.uids, self.key = kind, path, ours, theirs, tuple(uids), key


def expand(ranges):
    return [n for a, z in ranges or () for n in range(min(a, z), max(a, z) + 1)]


def date_of(octets):
    try:
        return datetime.datetime.strptime(octets.decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except (ValueError, AttributeError):
        return octets


def threads(answer):
    """The threads of a THREAD response as nested tuples; the peer's is not always of the grammar."""
    raw = next(r.raw for r in answer.untagged if r.raw.startswith(b"* THREAD"))
    stack = [[]]
    for token in re.findall(rb"[()]|\d+", raw.split(b"THREAD", 1)[1]):
        if token == b"(":
            stack.append([])
        elif token == b")":
            done = tuple(stack.pop())
            stack[-1].append(done)
        else:
            stack[-1].append(int(token))
    return stack[0]


def members(thread):
    out, stack = set(), [thread]
    while stack:
        for x in stack.pop():
            stack.append(x) if isinstance(x, (list, tuple)) else out.add(x)
    return out


def item(name, value):
    """A FETCH item as it means."""
    if name == "FLAGS":
        return {f.upper() for f in value} - {b"\\RECENT"}
    if name == "INTERNALDATE":
        return date_of(value)
    return value


def fetched(answer):
    """{number: items}, responses for one message joined."""
    out = {}
    for r in answer.untagged:
        if r.name == "FETCH":
            out.setdefault(r.num, {}).update({k.upper(): item(k, v) for k, v in r.data.items() if k != "MODSEQ"})
        elif r.kind == "bad" and (m := re.match(rb"\* (\d+) FETCH", r.raw)):
            out[int(m[1])] = Ungrammatical(r)
    return out


class Ungrammatical:
    """A response that the oracle cannot read: nothing in it can be compared."""

    def __init__(self, response):
        self.raw = response.raw

    def __str__(self):
        return f"ungrammatical: {self.raw[:300]}"


def returned(answer):
    """What ESEARCH or SEARCH says."""
    if r := answer.one("ESEARCH"):
        items = r.data["items"]
        return {k: set(expand(v)) if k == "ALL" else v for k, v in items.items() if k != "MODSEQ"}
    r = answer.one("SEARCH")
    return {"ALL": set(r.data["numbers"])} if r else None


def code_of(answer):
    """The response codes that a client acts on; UIDVALIDITY is each server's own."""
    code = answer.code or (next((r.code for r in answer.untagged if r.code and r.code[0] == "COPYUID"), None))
    if not code:
        return None
    if code[0] == "COPYUID":
        return "COPYUID", sorted(zip(expand(code[1][1]), expand(code[1][2])))
    return code[0] if code[0] in ("TRYCREATE", "BADCHARSET") else None


def mailboxes(answer):
    return {r.data["name"]: {f for f in r.data["flags"] if f in (b"\\NOSELECT", b"\\NONEXISTENT", b"\\HASCHILDREN", b"\\HASNOCHILDREN")}
            for r in answer.all("LIST")}


def upper_keys(pairs):
    return {k.upper(): v for k, v in pairs or ()}


def tidy(value, name=""):
    """Names compare without case: types, encodings, names of parameters."""
    if name == "params" and isinstance(value, (list, type(None))):
        return upper_keys(value)
    if name == "disposition" and isinstance(value, tuple):
        return {"kind": value[0].upper(), "params": upper_keys(value[1])}
    if name in ("type", "subtype", "encoding") and isinstance(value, bytes):
        return value.upper()
    return value


def differ(ours, theirs, path=()):
    """Yields (path, ours, theirs) of each smallest difference in two values."""
    stack = [(path, ours, theirs)]
    while stack:
        path, a, b = stack.pop()
        name = path[-1] if path else ""
        a, b = tidy(a, name), tidy(b, name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            if "type" in a and "type" in b and any(tidy(a[k], k) != tidy(b[k], k) for k in ("type", "subtype")):
                yield path + ("type",), a["type"] + b"/" + a["subtype"], b["type"] + b"/" + b["subtype"]    # the rest follows from that
                continue
            stack += [(path + (k,), a.get(k, MISSING), b.get(k, MISSING)) for k in sorted(set(a) | set(b), key=str)]
        elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
            stack += [(path + (i,), x, y) for i, (x, y) in enumerate(zip(a, b))]
        else:
            yield path, a, b


def first_turned(ours, theirs):
    """The first two of two orders of the same messages that stand the other way round: what one has first, and the other."""
    return next(((x, y) for x, y in zip(ours, theirs) if x != y), None)


def compare(command, ours, theirs, uid_at):
    """[Difference] of two answers. uid_at(number): the UID of a message number."""
    kind, out = command.kind, []
    if (ours.status, code_of(ours)) != (theirs.status, code_of(theirs)):
        out.append(Difference(kind, ("status",), (ours.status, code_of(ours), ours.text), (theirs.status, code_of(theirs), theirs.text)))
        if ours.status != theirs.status:
            return out
    if kind == "SEARCH":
        out += [Difference(kind, path, a, b, key=command.search) for path, a, b in differ(returned(ours), returned(theirs))]
    elif kind == "SORT" and ours.status == "OK":
        out += sorted_ones(command, ours.one("SORT").data["numbers"], theirs.one("SORT").data["numbers"])
    elif kind == "THREAD" and ours.status == "OK":
        out += threaded(command, threads(ours), threads(theirs))
    elif kind in ("FETCH", "STORE"):
        a, b = fetched(ours), fetched(theirs)
        for path, x, y in differ(a, b):
            out.append(Difference(kind, path[1:] or ("message",), x, y, [uid_at(path[0])] if path else ()))
    elif kind == "LIST":
        out += [Difference(kind, path, a, b) for path, a, b in differ(mailboxes(ours), mailboxes(theirs))]
    elif kind == "STATUS":
        a, b = ours.one("STATUS"), theirs.one("STATUS")
        out += [Difference(kind, path, x, y) for path, x, y in differ(a and a.data["items"], b and b.data["items"])]
    return out


def sorted_ones(command, ours, theirs):
    if set(ours) != set(theirs):
        return [Difference("SORT", ("members",), set(ours), set(theirs), key=command.search)]
    out = []
    while (pair := first_turned(ours, theirs)) and len(out) < 200:
        out.append(Difference("SORT", ("order",), pair[0], pair[1], pair, key=command.line))
        ours, theirs = [x for x in ours if x not in pair], [x for x in theirs if x not in pair]
    return out


def threaded(command, ours, theirs):
    algorithm, a, b = command.line.split()[2], set(ours), set(theirs)
    if members(ours) != members(theirs):
        return [Difference("THREAD", ("members",), members(ours), members(theirs), key=command.search)]
    out = []
    for t in sorted(a - b, key=str):
        others = [o for o in b - a if members(o) & members(t)]
        out.append(Difference("THREAD", ("thread", algorithm), t, others, sorted(members(t) | {m for o in others for m in members(o)})))
    if not out and ours != theirs:
        pair = next((x, y) for x, y in zip(ours, theirs) if x != y)
        out.append(Difference("THREAD", ("order", algorithm), pair[0], pair[1], sorted(members(pair[0]) | members(pair[1]))))
    return out
