# SPDX-License-Identifier: Apache-2.0
"""differences: what Debian's Dovecot 2.3 answers otherwise than Mansio and why that is right here, or left to the server: the only differences that the tester lets pass."""
import re
from urllib.parse import unquote_to_bytes

from .meaning import MISSING, Ungrammatical

TABLE = []      # (name, section, reason, predicate)


def tolerated(section, reason):
    """The predicate below takes a Difference and the World; the text of mails is world.text(uid)."""
    def add(predicate):
        TABLE.append((predicate.__name__, section, reason, predicate))
        return predicate
    return add


def inside(d, *names):
    """Whether a difference is within an item of one of these names."""
    return any(str(p).lower() in names for p in d.path)


def has(world, d, pattern):
    return any(re.search(pattern, world.text(u)) for u in d.uids)


def message_is_encoded(world, d):
    return has(world, d, rb"(?is)Content-Type: *message/rfc822(?:[^\r\n]|\r\n(?!\r\n))*Transfer-Encoding: *(?:base64|quoted)") or \
        has(world, d, rb"(?is)Transfer-Encoding: *(?:base64|quoted)(?:[^\r\n]|\r\n(?!\r\n))*Content-Type: *message/rfc822")


def reason_of(d, world):
    """The name of the row that lets a difference pass, or None."""
    return next((name for name, _, _, predicate in TABLE if predicate(d, world)), None)


@tolerated("RFC 9051 6.4.6", "STORE tells the flags of every message it was given, changed or not; the peer only of those that it changed")
def unchanged_told(d, world):
    return d.kind == "STORE" and d.path == ("message",) and d.theirs == MISSING


@tolerated("RFC 9051 6.3.4", "a superior mailbox made by CREATE is a mailbox like any other; the peer makes a name that cannot be selected")
def parents_are_mailboxes(d, world):
    return d.kind == "LIST" and isinstance(d.ours, set) and isinstance(d.theirs, set) and d.theirs - d.ours == {b"\\NOSELECT"} and d.ours <= d.theirs


@tolerated("RFC 9051 6.4.5", "a part that is not there is NIL; the peer says an empty string")
def no_such_part(d, world):
    return d.kind == "FETCH" and d.ours is None and d.theirs == b"" and str(d.path[0]).startswith("BODY[")


@tolerated("RFC 9051 9", "the peer's answer is not of the grammar, as the oracle reads it")
def ungrammatical(d, world):
    return isinstance(d.theirs, Ungrammatical) and not isinstance(d.ours, Ungrammatical)


@tolerated("RFC 9051 7.5.2", "a text without a charset is shown without one; the peer adds the default of RFC 2045 5.2")
def charset_not_made_up(d, world):
    return d.path[-1] == b"CHARSET" and d.ours == MISSING and d.theirs == b"us-ascii"


@tolerated("RFC 2045 5.1", "names of charsets are shown as written; the peer may write its default in small letters")
def charset_as_written(d, world):
    return d.path[-1] == b"CHARSET" and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.lower() == d.theirs.lower()


@tolerated("RFC 5322 2.2.3", "unfolding takes away the line end only; the peer makes one blank of all blanks there")
def blanks_at_folds(d, world):
    return inside(d, "envelope") and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.split() == d.theirs.split()


@tolerated("RFC 9051 6.4.7", "a destination that does not exist is an error though no message is in the set; the peer looks at the set first")
def destination_first(d, world):
    return d.kind in ("COPY", "MOVE") and d.path == ("status",) and d.ours[:2] == ("NO", "TRYCREATE") and "No messages found" in d.theirs[2]


@tolerated("RFC 9051 6.3.7", "a name may be subscribed to though there is no such mailbox (T28)")
def subscribed_before(d, world):
    return d.kind == "MAILBOX" and d.ours[0] == "OK" and d.ours[2].startswith("SUBSCRIBE") and "doesn't exist" in d.theirs[2]


@tolerated("RFC 9051 6.4.4", "SENTBEFORE, SENTON, SENTSINCE: a mail without a date that can be read was sent at no time; the peer takes 1-Jan-1970")
def sent_at_no_time(d, world):
    return d.kind == "SEARCH" and d.key.kind == "sent" and not d.ours and world.sent(d.uids[0]) is None


@tolerated("RFC 9051 7.5.2", "a part of an address that is missing is an empty string, and what is not of the grammar is read as far as it goes; the peer makes names up")
def nothing_made_up(d, world):
    return inside(d, "envelope") and d.theirs in (b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"SYNTAX_ERROR")


@tolerated("RFC 5322 3.4", "what stands in front of <an address> is its name, also when it looks like an address; the peer takes that for the address")
def name_like_address(d, world):
    return inside(d, "envelope") and has(world, d, rb"(?im)^[a-z-]+:[^\r\n]*[ ,][^\r\n<\",@ ]+@[^\r\n<\",@ ]+ <")


@tolerated("RFC 9051 6.4.5.1", "a part that is neither multipart nor message has no parts; the peer takes its part 1 for itself")
def leaf_without_parts(d, world):
    m = re.match(r"BODY\[([\d.]+)\.1(?:\.MIME|\.TEXT|\.HEADER.*)?\]", str(d.path[0]))
    return bool(m) and d.ours in (None, b"") and world.node(d.uids[0], m[1]) is not None and not world.node(d.uids[0], m[1])["parts"]


@tolerated("RFC 9051 6.3.8", "a hierarchy separator at the end of a name does not count (T29); the peer refuses it")
def separator_at_end(d, world):
    return d.kind == "MAILBOX" and d.path == ("status",) and "Ends with hierarchy separator" in d.theirs[2]


@tolerated("RFC 2045 6.1", "a mechanism is read as far as its token goes; the peer takes what has a ; behind it as 7bit")
def encoding_with_more(d, world):
    return d.path[-1] == "encoding" and d.theirs == b"7BIT" and has(world, d, rb"(?im)^Content-Transfer-Encoding: *" + re.escape(d.ours) + rb" *;")


@tolerated("RFC 2045 5.1", "a value with characters that want quotes is read up to a blank or ;; the peer ends it before them")
def unquoted_value(d, world):
    return "params" in d.path and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.startswith(d.theirs) and d.ours[len(d.theirs):][:1] in b"/:=?@[]()<>,\\ "


@tolerated("RFC 2046 5.1.1", "the line end in front of a delimiter belongs to it, also behind the closing delimiter of what is nested; the peer counts it as the message's")
def line_end_of_delimiter(d, world):
    return d.path[-1] in ("octets", "lines") and {"octets": 2, "lines": 1}[d.path[-1]] == d.theirs - d.ours and len(world.at(d)["parts"]) == 1


@tolerated("RFC 9051 7.5.2", "a multipart without any part is one text part (T61); the peer keeps its type, and makes a part up")
def multipart_without_parts(d, world):
    return d.path[-1] == "type" and d.ours.lower() == b"text/plain" and d.theirs.startswith(b"MULTIPART/")


@tolerated("RFC 2046 5.2.1", "a message/rfc822 in base64 or quoted-printable is not looked into, and shown as octets; the peer decodes it")
def message_encoded(d, world):
    return (d.path[-1] == "type" and d.theirs.lower() == b"message/rfc822" or d.path == ("key", "text") and d.theirs) and bool(d.uids) and \
        message_is_encoded(world, d)


@tolerated("draft-ietf-morg-inthread 3", "REFS orders threads by the INTERNALDATE of their latest message; the peer by the Date of their first")
def refs_order(d, world):
    return d.kind == "THREAD" and d.path == ("order", "REFS")


@tolerated("RFC 5256 3", "the order follows from what ENVELOPE shows; there the difference has a reason of its own")
def order_of_envelopes(d, world):
    return d.kind == "SORT" and d.path == ("order",) and any(world.envelopes_differ(u, d.key) for u in d.uids)


@tolerated("RFC 9051 6.4.4", "the string is there, the plain scanner finds it too: heads of parts belong to the body, HTML counts as it is seen, the blanks at a fold are one; the peer does not look there")
def scanner_finds_it(d, world):
    return d.path in (("key", "text"), ("key", "header")) and d.ours and world.scanner_finds(d.uids[0], d.key)


@tolerated("RFC 9051 6.4.4", "the string is not there, nor does the plain scanner find it: the peer looks at addresses in a form of its own, with < @ > and quotes where there are none")
def brackets_made_up(d, world):
    return d.path == ("key", "text") and d.theirs and d.key.field in ("FROM", "TO", "CC", "BCC", "TEXT") and re.search(rb"[<>@\"]", d.key.literals[0]) is not None \
        and not world.scanner_finds(d.uids[0], d.key)


@tolerated("RFC 5322 3.4", "an address without < > behind its name is read as name and address, as mail programs do; the peer makes a name of all")
def address_without_brackets(d, world):
    return inside(d, "envelope") and d.path[-1] in (0, 2, 3) and has(world, d, rb"(?im)^(?:From|To|Cc|Sender|Reply-To): *[^\r\n<>\",:;()]+ [^\r\n<>\",:;() ]+@[^\r\n<>\",:;() ]+\r?$")


@tolerated("RFC 9051 7.5.2", "nothing between two commas is no address; the peer makes one up")
def no_address(d, world):
    return inside(d, "envelope") and isinstance(d.theirs, list) and [a for a in d.theirs if a[2:] != (b"MISSING_MAILBOX", b"MISSING_DOMAIN")] == (d.ours or [])


@tolerated("RFC 2045 6.1", "8-bit and 8 bit are taken for 8bit, 7-bit for 7bit, which is what they mean")
def encoding_misspelt(d, world):
    return d.path[-1] == "encoding" and d.ours in (b"7BIT", b"8BIT") and has(world, d, rb"(?i)Content-Transfer-Encoding: *[78][- ]bit")


@tolerated("RFC 9051 6.4.5.1", "the header of a message that is a header alone keeps its last line end, as its octets and BODY[n] do in both servers")
def header_alone(d, world):
    return str(d.path[0]).startswith("BODY[") and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours == d.theirs + b"\r\n" and d.theirs != b""


@tolerated("RFC 9051 6.4.5", "HEADER.FIELDS ends in an empty line, also where no field matches (T51); the peer says an empty string")
def empty_line(d, world):
    return ".FIELDS" in str(d.path[0]) and d.ours == b"\r\n" and d.theirs == b""


@tolerated("RFC 2046 5.1.1", "the line end in front of a delimiter belongs to it; the peer counts it to what is nested")
def line_end_of_nested(d, world):
    return str(d.path[0]).startswith("BODY[") and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours + b"\r\n" == d.theirs and re.search(rb"\n--[^\r\n]*--$", d.ours) is not None


@tolerated("RFC 2046 5.2.1", "a message/rfc822 in base64 or quoted-printable has no sections; the peer decodes it")
def message_encoded_sections(d, world):
    return str(d.path[0]).startswith("BODY[") and d.ours is None and bool(d.theirs) and message_is_encoded(world, d)


@tolerated("RFC 9051 6.4.4", "a mail that Python sees otherwise (tests/mail/differences.txt), or that lies about its charset: the scanner does not find it, but the octets are there as they are asked for")
def octets_have_it(d, world):
    return d.path[-1:] == ("text",) and d.ours and (world.name(d.uids[0]) in world.listed or not d.key.literals[0].isascii()) and b" ".join(d.key.literals[0].lower().split()) in b" ".join(world.text(d.uids[0]).lower().split())


@tolerated("RFC 9051 6.4.4", "TEXT: the string is not in the header as written, nor does the plain scanner find it: the peer joins name and value with a blank of its own")
def blank_made_up(d, world):
    return d.path == ("key", "text") and d.key.field == "TEXT" and d.theirs and b": " in d.key.literals[0] and not world.scanner_finds(d.uids[0], d.key)


@tolerated("RFC 9051 9", "n:* holds the last message whatever n is; the peer says BAD to some")
def last_of_any_range(d, world):
    return d.path == ("status",) and d.ours[0] != "BAD" and "Invalid messageset" in d.theirs[2]


@tolerated("RFC 6855 3", "without UTF8=ACCEPT what is UTF-8 in a header is shown as encoded words (T58); the peer sends it as it is")
def utf8_encoded(d, world):
    return inside(d, "envelope", "bodystructure", "body") and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and not d.theirs.isascii() and d.ours.isascii()


@tolerated("RFC 5957 3", "a display name is sorted as ENVELOPE shows it, here in both servers without the blank or quotes in front; the peer sorts with them")
def name_with_quotes(d, world):
    return d.kind == "SORT" and d.path == ("order",) and "DISPLAY" in d.key and has(world, d, rb'(?im)^(?:From|To):\s*"["\s]')


@tolerated("RFC 5256 3", "the keys of the two mails, computed here, say that Mansio's order is right")
def order_computed(d, world):
    return d.kind == "SORT" and d.path == ("order",) and world.in_order(d.key, *d.uids)


@tolerated("RFC 9051 6.4.4", "the string is not there, nor does the plain scanner find it: it lies in MISSING_MAILBOX, MISSING_DOMAIN or SYNTAX_ERROR, which the peer makes up for what an address lacks")
def in_made_up_address(d, world):
    return d.path == ("key", "text") and d.theirs and d.key.literals[0].lower() in b"<missing_mailbox@missing_domain> <missing_mailbox@syntax_error>" and not world.scanner_finds(d.uids[0], d.key)


@tolerated("RFC 9051 6.4.4", "the address is found as ENVELOPE shows it, with < and > that the header lacks")
def address_as_shown(d, world):
    return d.path in (("key", "text"), ("key", "header")) and d.ours and str(d.key.field).upper() in ("FROM", "TO", "CC", "BCC", "TEXT") and \
        d.key.literals[0].decode().lower() in world.addresses_shown(d.uids[0], d.key.field.lower()).lower()


@tolerated("RFC 9051 9", "in SEARCH too n:* holds the last message whatever n is")
def last_of_any_range_searched(d, world):
    return d.path == ("key", "set") and d.ours and ":*" in d.key.line and d.uids[0] == len(world.mails)


@tolerated("RFC 9051 6.4.5.1", "a mail whose parts are cut in a way of its own: tests/mail/differences.txt says why")
def parts_cut_otherwise(d, world):
    return d.kind == "FETCH" and str(d.path[0]).startswith("BODY") and world.name(d.uids[0]) in world.listed


@tolerated("RFC 9051 7.5.2", "message/global is a message with an envelope and parts (RFC 6532 3.7); the peer knows message/rfc822 alone")
def message_global(d, world):
    return d.kind == "FETCH" and str(d.path[0]).startswith("BODY") and has(world, d, rb"(?i)Content-Type: *message/global")


@tolerated("RFC 2231 4", "without UTF8=ACCEPT a parameter with UTF-8 is shown in the form NAME*; the peer sends it as it is")
def parameter_extended(d, world):
    return "params" in d.path and (d.ours == MISSING and isinstance(d.theirs, bytes) and not d.theirs.isascii() or d.theirs == MISSING and d.path[-1].endswith(b"*"))


@tolerated("RFC 2231 4", "octets of an extended value may be written either way, and mean the same")
def percent_or_not(d, world):
    return "params" in d.path and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and unquote_to_bytes(d.ours) == unquote_to_bytes(d.theirs)


@tolerated("RFC 2045 5.1", "a backslash in a file name such as C:\\TEMP is kept, as senders mean it")
def backslash_kept(d, world):
    return "params" in d.path and isinstance(d.ours, bytes) and d.ours.replace(b"\\", b"") == d.theirs


@tolerated("RFC 2045 5.1", "parameters behind a value or a ; that cannot be there are read all the same; the peer stops")
def parameters_go_on(d, world):
    return inside(d, "bodystructure", "body") and has(world, d, rb"(?i)Content-(?:Type|Disposition):[^\r\n]*(?:;[ \t]*;|(?:\r\n[ \t][^\r\n]*)*=[^\"\r\n; ]*[@:/=]|[^;]*=[^\s;\"]+\r\n[ \t]+[\w-]+=)")


@tolerated("RFC 5322 3.4", "an address with characters that cannot be there is shown as written; the peer says SYNTAX_ERROR, and drops some")
def syntax_error_kept(d, world):
    return inside(d, "envelope") and d.path[-1] in (2, 3) and has(world, d, rb"(?im)^(?:From|To|Cc):[^\r\n]*:@")


@tolerated("RFC 5322 4.4", "words of a local part are one, quoted or not; the peer makes a name of them")
def local_part_of_words(d, world):
    return inside(d, "envelope") and has(world, d, rb'(?im)^(?:From|To|Cc|Sender|Reply-To):[^\r\n]*"[^"\r\n]*"[a-z0-9._-]+@')


@tolerated("RFC 5322 3.6", "of a field that may be there once the first counts, of addresses all; the peer takes the last")
def field_repeated(d, world):
    names = {"date", "subject", "from", "to", "cc", "bcc", "sender", "reply-to", "message-id", "in-reply-to"} & {str(p) for p in d.path}
    if d.kind in ("SORT", "THREAD") or d.path == ("key", "sent"):
        names = {"date", "subject", "message-id", "from", "to", "cc"}
    return any(len(world.fields(u, n)) > 1 for u in d.uids for n in names)


@tolerated("RFC 5256 2.2", "a Date that cannot be read counts as the arrival; the peer takes 1-Jan-1970, or reads more")
def date_unreadable(d, world):
    return (d.kind in ("SORT", "THREAD") or d.path == ("key", "sent")) and any(not world.plain_date(u) for u in d.uids)


@tolerated("RFC 5255 4.7", "octets above 127 in a header that are no UTF-8 are read as windows-1252, to sort as they are shown by mail programs; the peer sorts them as no characters")
def raw_octets_sorted(d, world):
    return d.kind in ("SORT", "THREAD") and has(world, d, rb"(?im)^(?:Subject|From|To|Cc):(?:[^\r\n]|\r\n[ \t])*[\x80-\xff]")


@tolerated("RFC 9051 6.4.4", "the whole of a search is what its keys make it, computed here; not so the peer's")
def whole_computed(d, world):
    return d.path[:2] == ("whole", "peer") or d.path == ("members",) and world.members_right(d.key, d.ours)


@tolerated("RFC 9051 6.4.5", "a bare CR at the end of a mail is its last octet; the peer drops it")
def last_cr(d, world):
    return d.kind == "FETCH" and has(world, d, rb"\r\Z") and (d.path[-1] in ("octets", "RFC822.SIZE") or d.ours == d.theirs + b"\r")


@tolerated("RFC 9051 6.4.5", "the second octet of an empty line is LF; the peer begins its answer to a partial anew")
def partial_of_empty_line(d, world):
    return ".FIELDS" in str(d.path[0]) and str(d.path[0]).endswith("<1>") and d.ours == b"\n" and d.theirs == b"\r"


@tolerated("RFC 2183 2", "of a field that may be there once in a part's head the first counts; the peer takes the last")
def part_field_repeated(d, world):
    return inside(d, "bodystructure", "body") and has(world, d, rb"(?is)\n(Content-[a-z-]+):(?:[^\r\n]|\r\n(?!\r\n))*?\r?\n\1:")


@tolerated("RFC 9051 6.4.5.1", "the parts behind a boundary parameter that the peer does not read")
def parts_behind_parameter(d, world):
    return str(d.path[0]).startswith("BODY[") and d.ours is not None and d.theirs == b"" and has(world, d, rb"(?i)Content-Type:[^\r\n]*;[ \t]*;")


@tolerated("RFC 9051 6.4.4", "the whole of a nested message in base64 is not looked into; the peer finds the string in its octets")
def in_encoded_global(d, world):
    return d.path == ("key", "text") and d.theirs and has(world, d, rb"(?i)Content-Type: *message/global") and not world.scanner_finds(d.uids[0], d.key)


@tolerated("RFC 5256 3", "messages of one subject sent at the same second, or without a date, stand in the order computed here")
def thread_order_computed(d, world):
    return d.kind == "THREAD" and d.path[0] == "thread" and d.path[1] == "ORDEREDSUBJECT" and isinstance(d.ours[0], int) and all(isinstance(x, int) for x in d.ours) and \
        all((world.seconds(x), x) < (world.seconds(y), y) for x, y in zip(d.ours, d.ours[1:]))


@tolerated("RFC 5322 4.4", "a local part of several words is one; the peer ends it at the first")
def local_part_with_blanks(d, world):
    return inside(d, "envelope") and d.path[-1] == 2 and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.startswith(d.theirs)


@tolerated("RFC 2045 6.1", "Content-Transfer-Encoding counts in a mail without MIME-Version and Content-Type too, as mail programs have it; the peer does not look at it there")
def encoding_alone(d, world):
    return d.path[-1] == "encoding" and d.theirs == b"7BIT" and len(d.path) == 2 and not world.fields(d.uids[0], "MIME-Version") and not world.fields(d.uids[0], "Content-Type")


@tolerated("RFC 9051 6.4.5", "each CR before a line's end is an octet of the mail; the peer drops one")
def cr_before_line_end(d, world):
    if d.kind != "FETCH":
        return False
    # Copies, in a round that changes mailboxes, have other UIDs: they are told by their size.
    if d.path[-1] == "RFC822.SIZE" and any(len(t) == d.ours and b"\r\r\n" in t for t in map(world.text, world.mails)):
        return True
    if not has(world, d, rb"\r\r\n"):
        return False
    if d.path[-1] in ("octets", "RFC822.SIZE") or "<" in str(d.path[0]):
        return True
    return isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and re.sub(rb"\r+\n", b"\n", d.ours) == re.sub(rb"\r+\n", b"\n", d.theirs)


@tolerated("RFC 9051 6.4.4", "the blank at the end of a field is none of its value, as ENVELOPE shows it; the peer finds it")
def blank_at_end(d, world):
    return d.path == ("key", "text") and d.theirs and not d.ours and d.key.field in ("SUBJECT", "FROM", "TO", "CC", "BCC") and \
        d.key.literals[0].endswith(b" ") and not world.scanner_finds(d.uids[0], d.key)
