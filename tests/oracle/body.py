# SPDX-License-Identifier: Apache-2.0
"""body: ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 7.4.2 and section 9, RFC 9051 7.5.2)."""


def address(c):
    c.need(b"(")
    name = c.nstring()
    c.sp()
    adl = c.nstring()
    c.sp()
    mailbox = c.nstring()
    c.sp()
    host = c.nstring()
    c.need(b")")
    return name, adl, mailbox, host


def address_list(c):
    """"(" 1*address ")" / nil: no spaces between addresses, never empty parentheses."""
    if c.nil():
        return None
    c.need(b"(")
    if c.peek(b")"):
        c.bad("an empty address list instead of NIL (T60)")
    out = []
    group = False
    while not c.skip(b")"):
        a = address(c)
        _, _, mailbox, host = a
        if host is None:
            if mailbox is not None and group:
                c.bad("a group inside a group")
            if mailbox is None and not group:
                c.bad("the end of a group that was not begun")
            group = mailbox is not None
        elif mailbox is None:
            c.bad("an address with a host and a NIL mailbox")
        out.append(a)
    if group:
        c.bad("a group without end")
    return out


def envelope(c):
    """Ten fields, always (T60)."""
    c.need(b"(")
    env = {"date": c.nstring()}
    c.sp()
    env["subject"] = c.nstring()
    for name in ("from", "sender", "reply-to", "to", "cc", "bcc"):
        c.sp()
        env[name] = address_list(c)
    c.sp()
    env["in-reply-to"] = c.nstring()
    c.sp()
    env["message-id"] = c.nstring()
    c.need(b")", "the end of the envelope after ten fields")
    if env["from"] is not None and (env["sender"] is None or env["reply-to"] is None):
        c.bad("Sender and Reply-To must default to From (T60)")
    return env


def params(c):
    """body-fld-param: pairs of strings, or NIL."""
    if c.nil():
        return None
    out = []

    def pair():
        key = c.string()
        c.sp()
        out.append((key, c.string()))
    c.list_of(pair)
    return out


def disposition(c):
    if c.nil():
        return None
    c.need(b"(")
    kind = c.string()
    c.sp()
    p = params(c)
    c.need(b")")
    return kind, p


def language(c):
    if c.peek(b"("):
        return c.list_of(c.string)
    return c.nstring()


def extension_value(c):
    """body-extension: MUST NOT be generated unless defined; nothing is defined so far."""
    c.bad("a body-extension that no standard defines")


def extension(c, part, first_name, first, must):
    """The extension fields in their order; must: BODYSTRUCTURE has to give all of them (T62)."""
    n = 0
    for name, read in ((first_name, first), ("disposition", disposition), ("language", language),
                       ("location", lambda c: c.nstring())):
        if not c.peek(b" "):
            break
        c.sp()
        part[name] = read(c)
        n += 1
    if n and not must:
        c.bad("extension data in a BODY item")
    if must and n < 4:
        c.bad("BODYSTRUCTURE without all extension fields (T62)")
    if c.peek(b" "):
        extension_value(c)


def one_part(c, part, ext):
    kind = c.string()
    c.sp()
    subtype = c.string()
    part["type"], part["subtype"] = kind, subtype
    c.sp()
    part["params"] = params(c)
    for name in ("id", "description"):
        c.sp()
        part[name] = c.nstring()
    c.sp()
    part["encoding"] = c.string()
    if not kind or not subtype or not part["encoding"]:
        c.bad("an empty media type, subtype or encoding")
    c.sp()
    part["octets"] = c.number()
    upper = kind.upper(), subtype.upper()
    if upper[0] == b"MULTIPART":
        c.bad("multipart without parts")
    if upper[0] == b"TEXT":
        c.sp()
        part["lines"] = c.number64()
        return False
    # RFC 3501 knows MESSAGE/RFC822 only; RFC 9051 gives MESSAGE/GLOBAL the same form.
    if upper == (b"MESSAGE", b"RFC822") or upper == (b"MESSAGE", b"GLOBAL") and c.peek(b" ("):
        c.sp()
        part["envelope"] = envelope(c)
        c.sp()
        return True
    if c.peek(b" ") and c.b[c.i + 1:c.i + 2].isdigit():
        c.bad("a line count in a part that is neither text nor message")
    return False


def body(c, ext=False):
    """body, iteratively: mail nests deeper than Python's stack."""
    root = []
    stack = [("list", root)]
    while True:
        if c.peek(b"(") and not c.peek(b"()"):
            part = {"parts": []}
            stack[-1][1].append(part)
            c.need(b"(")
            if c.peek(b"("):
                stack.append(("multipart", part["parts"], part))
                continue
            if one_part(c, part, ext):
                stack.append(("message", part["parts"], part))
                if not c.peek(b"("):
                    c.bad("expected the body of a message part")
                continue
            extension(c, part, "md5", lambda c: c.nstring(), ext)
            c.need(b")", "the end of a body part")
        else:
            c.bad("expected a body part")
        # a part has ended: what surrounds it goes on
        while True:
            top = stack[-1]
            if top[0] == "list":
                return root[0]
            if top[0] == "multipart":
                if c.peek(b"("):
                    break
                if c.peek(b" ("):
                    c.bad("a space between the parts of a multipart")
                c.sp()
                top[2]["type"] = b"MULTIPART"
                top[2]["subtype"] = c.string()
                extension(c, top[2], "params", params, ext)
            else:
                c.sp()
                top[2]["lines"] = c.number64()
                extension(c, top[2], "md5", lambda c: c.nstring(), ext)
            c.need(b")", "the end of a body part")
            stack.pop()


def body_structure(c):
    return body(c, True)
