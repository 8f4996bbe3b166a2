# SPDX-License-Identifier: Apache-2.0
"""fetch: the items of FETCH (RFC 9051 7.5.2 and the extensions)."""
import re
from .body import body, body_structure, envelope
from .words import flag_list, object_id, origin

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
