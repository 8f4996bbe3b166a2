# SPDX-License-Identifier: Apache-2.0
"""codes: response codes, and the text of status responses: RFC 3501 and RFC 9051 section 7.1, RFC 5530 and the extensions."""
from .lex import Cursor, set_count
from .words import capability_data, flag_list, object_id

PLAIN_CODES = set((
    b"ALERT PARSE READ-ONLY READ-WRITE TRYCREATE UIDNOTSTICKY UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED "
    b"PRIVACYREQUIRED CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT OVERQUOTA ALREADYEXISTS "
    b"NONEXISTENT NOTSAVED HASCHILDREN CLOSED UNKNOWN-CTE NOMODSEQ TOOBIG NOTIFICATIONOVERFLOW COMPRESSIONACTIVE USEATTR "
    b"BADCOMPARATOR TEMPFAIL UIDREQUIRED TOOFEW TOOMANY").split())


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
