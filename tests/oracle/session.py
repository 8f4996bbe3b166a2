# SPDX-License-Identifier: Apache-2.0
"""session: what must hold across the responses of one connection. It reads both directions: sent() and received()."""
import re
from .grammar import Context, Response, parse_response
from .live import Live
from .lex import RE_TAG, Bad, Splitter, set_count

CLIENT_LITERAL = re.compile(rb"~?\{(\d+)([+-]?)\}$")
NO_EXPUNGE = {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}
BEFORE_LOGIN = {"OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "ID", "LANGUAGE", "ENABLED"}
NEEDS_MAILBOX = {"EXISTS", "RECENT", "EXPUNGE", "FETCH", "UIDFETCH", "FLAGS", "VANISHED"}
# Which commands a response of this name may answer.
SOLICITED = {
    "STATUS": {"STATUS", "LIST"},
    "LIST": {"LIST", "SELECT", "EXAMINE", "CREATE", "RENAME", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE"},
    "LSUB": {"LSUB"},
    "XLIST": {"XLIST"},
    "MAILBOX": {"FIND"},
    "SEARCH": {"SEARCH", "UID SEARCH"},
    "SORT": {"SORT", "UID SORT"},
    "THREAD": {"THREAD", "UID THREAD"},
    "NAMESPACE": {"NAMESPACE", "LANGUAGE"},
    "LANGUAGE": {"LANGUAGE"},
    "ID": {"ID"},
    "ENABLED": {"ENABLE"},
    "QUOTA": {"GETQUOTA", "GETQUOTAROOT", "SETQUOTA"},
    "QUOTAROOT": {"GETQUOTAROOT"},
    "ACL": {"GETACL"},
    "MYRIGHTS": {"MYRIGHTS", "LIST"},
    "LISTRIGHTS": {"LISTRIGHTS"},
    "GENURLAUTH": {"GENURLAUTH"},
    "URLFETCH": {"URLFETCH"},
    "UIDBATCHES": {"UIDBATCHES"},
    "COMPARATOR": {"COMPARATOR"},
}
# What an OK must have been preceded by.
ANSWERS = {"CAPABILITY": "CAPABILITY", "NAMESPACE": "NAMESPACE", "ID": "ID", "ENABLE": "ENABLED", "LANGUAGE": "LANGUAGE", "STATUS": "STATUS",
           "SORT": "SORT", "UID SORT": "SORT", "THREAD": "THREAD", "UID THREAD": "THREAD", "GETACL": "ACL",
           "MYRIGHTS": "MYRIGHTS", "LISTRIGHTS": "LISTRIGHTS", "GETQUOTAROOT": "QUOTAROOT", "GETQUOTA": "QUOTA",
           "UIDBATCHES": "UIDBATCHES", "COMPARATOR": "COMPARATOR"}
DYNAMIC = {"FLAGS", "MODSEQ", "UID", "PREVIEW", "ANNOTATION"}
RE_UPDATE = re.compile(rb"RETURN \([^)]*\bUPDATE\b", re.I)
SAME_AS = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}


class Command:
    def __init__(self, tag, name, line):
        self.tag, self.name, self.line = tag, name, line
        self.seen = []          # names of untagged responses while it was first in line
        self.codes = {}
        self.status_items = None
        self.expunges = self.moved = 0
        self.odd = not RE_TAG.fullmatch(tag.encode("latin-1")) or len(tag) > 100 or not name.isprintable()


class Mailbox:
    def __init__(self):
        self.exists = None
        self.uids = []          # [uid or None, was there at SELECT (None: not known)]
        self.flags = None
        self.codes = {}
        self.seen = set()
        self.ready = False
        self.static = {}
        self.modseq = 0
        self.live = {}          # tag: search whose results are kept up
        self.refused = set()    # tags of those that are not


class ClientStream:
    """Cuts what the client sends into commands, well enough to know their tags and names."""

    def __init__(self):
        self.buf = b""
        self.line = b""
        self.literal = 0
        self.sync = False       # a synchronising literal waits for its "+"
        self.out = []

    def feed(self, data):
        self.buf += data
        while self.buf:
            if self.literal:
                n = min(self.literal, len(self.buf))
                self.line += self.buf[:n] if len(self.line) < 100000 else b""
                self.buf = self.buf[n:]
                self.literal -= n
                self.sync = False
                continue
            nl = self.buf.find(b"\n")
            if nl < 0:
                break
            self.sync = False
            part = self.buf[:nl].rstrip(b"\r")
            self.buf = self.buf[nl + 1:]
            self.line += part
            m = CLIENT_LITERAL.search(part)
            if m:
                self.literal = int(m.group(1))
                self.sync = not m.group(2)
                self.line += b"\n"
                if self.literal > 1 << 40:
                    self.literal = 0
                continue
            self.out.append(self.line)
            self.line = b""
        out, self.out = self.out, []
        return out

    def refused(self):
        """A tagged answer came instead of the "+": the literal will not be sent."""
        if self.sync:
            self.line, self.literal, self.sync = b"", 0, False


class Session:
    """strict: also what Mansio promises beyond the RFCs' MUSTs. allow: parts of messages that are no faults here."""

    def __init__(self, strict=True, tls=False, allow=()):
        self.strict, self.tls, self.allow = strict, tls, list(allow)
        self.context = Context()
        self.split = Splitter()
        self.client = ClientStream()
        self.faults = []
        self.queue = []         # commands without an answer
        self.loose = set()      # words at line starts that a BAD may take for a tag
        self.greeted = self.authenticated = self.bye = self.over = False
        self.caps = []
        self.first_caps = None  # those of the greeting
        self.mailbox = None
        self.condstore = self.qresync = self.uidonly = self.notify = False
        self.responses = 0
        self.known_text = None  # knows the texts of the language that was chosen; None: any text will do
        self.asked = False      # AUTHENTICATE or IDLE waits for a line

    # what goes wrong

    def fault(self, message, raw=b""):
        if any(a in message for a in self.allow):
            return
        if len(self.faults) < 50:
            self.faults.append(message + (f"   [{raw[:160]!r}]" if raw else ""))

    def strictly(self, message, raw=b""):
        if self.strict:
            self.fault(message, raw)

    # the client's direction

    def sent(self, data):
        for line in self.client.feed(bytes(data)):
            if self.asked:              # an answer to a continuation, not a command
                self.asked = False
                continue
            if len(line) > 200000:
                line = line[:200000]
            words = line.split(b" ", 2)
            tag = words[0].decode("latin-1")
            if len(words) < 2:
                self.loose.add(tag)
                continue
            name = words[1].upper().decode("latin-1")
            if name == "UID" and len(words) > 2:
                name = "UID " + words[2].split(b" ")[0].upper().decode("latin-1")
            self.begin(Command(tag, name, line))
        if self.client.line:
            self.loose.add(self.client.line.split(b" ", 1)[0].decode("latin-1"))

    def begin(self, command):
        self.queue.append(command)
        line = command.line.upper()
        if (b"MODSEQ" in line or b"CONDSTORE" in line or b"CHANGEDSINCE" in line or b"UNCHANGEDSINCE" in line
                or b"QRESYNC" in line):
            self.condstore = True
        if command.name == "CANCELUPDATE" and self.mailbox:
            for tag in re.findall(rb'"([^"]*)"', command.line):
                if tag.decode("latin-1") in self.mailbox.live:
                    self.mailbox.live[tag.decode("latin-1")].list = None    # from here on nothing has to be told
        if command.name == "NOTIFY":
            self.notify = line.split()[2:3] != [b"NONE"]

    # the server's direction

    def received(self, data):
        """Returns the whole responses found, parsed; an ill-formed one as kind "bad"."""
        out = []
        for raw in self.split.feed(data):
            out.append(self.response(raw))
        for f in self.split.faults:
            self.fault(f)
        self.split.faults.clear()
        return out

    def response(self, raw):
        self.responses += 1
        try:
            r = parse_response(raw, self.context)
        except Bad as e:
            self.fault("grammar: " + e.message, raw)
            return Response(raw, "bad", "")
        except RecursionError:
            self.fault("grammar: nested too deeply for the oracle", raw)
            return Response(raw, "bad", "")
        if self.over:
            self.fault("a response after the end of the session", raw)
        if self.known_text and self.context.language and r.text and not self.known_text(r):
            self.fault("a text that is not in the catalogue", raw)
        if not self.greeted:
            self.greeting(r)
        elif r.kind == "tagged":
            self.tagged(r)
        elif r.kind == "continue":
            self.continuation(r)
        else:
            self.untagged(r)
        return r

    def eof(self):
        if self.split.rest():
            self.fault("the connection ends inside a response", self.split.rest())

    def tls_started(self):
        self.tls = True
        self.caps = []

    def greeting(self, r):
        self.greeted = True
        if r.kind != "untagged" or r.name not in ("OK", "PREAUTH", "BYE"):
            self.fault("the first response is not a greeting", r.raw)
        elif r.name == "BYE":
            self.bye = True
        else:
            if r.name == "PREAUTH":
                self.authenticated = True
            if not r.code or r.code[0] != "CAPABILITY":
                self.strictly("the greeting has no CAPABILITY code (T01)", r.raw)
            self.take_caps(r)

    def take_caps(self, r):
        caps = r.data if r.name == "CAPABILITY" else r.code[1] if r.code and r.code[0] == "CAPABILITY" else None
        if caps is None:
            return
        if self.first_caps is None:
            self.first_caps = caps
        elif b"LANGUAGE" in caps and b"LANGUAGE" not in self.first_caps:
            self.fault("LANGUAGE is missing in the first capabilities (RFC 5255 3.1)", r.raw)
        self.caps = caps
        if self.tls and b"STARTTLS" in caps:
            self.fault("STARTTLS offered under TLS", r.raw)
        if self.authenticated and (b"STARTTLS" in caps or b"LOGINDISABLED" in caps):
            self.strictly("STARTTLS or LOGINDISABLED offered after login", r.raw)

    def continuation(self, r):
        if self.bye:
            self.fault("a continuation after BYE", r.raw)
        if not self.client.sync and self.queue and self.queue[0].name in ("AUTHENTICATE", "IDLE"):
            self.asked = not self.client.line
        if self.client.sync or any(c.name in ("IDLE", "AUTHENTICATE") for c in self.queue):
            return
        self.fault("a continuation that nobody waits for", r.raw)

    # untagged data

    def untagged(self, r):
        cmd = self.queue[0] if self.queue else None
        name = r.name
        if self.bye:
            self.fault("BYE twice (T93)" if name == "BYE" else "a response after BYE", r.raw)
        if name == "BYE":
            self.bye = True
        if name == "PREAUTH":
            self.fault("PREAUTH after the greeting", r.raw)
        if name not in BEFORE_LOGIN and not self.authenticated and not self.logging_in():
            self.fault(f"{name} before login", r.raw)
        self.check_solicited(cmd, r)
        if cmd and cmd.name in ("SELECT", "EXAMINE"):
            self.selecting(cmd, r)
        elif r.code and r.code[0] == "CLOSED":
            self.mailbox = None         # it was deleted under the session
        if name in NEEDS_MAILBOX and self.mailbox is None:
            self.fault(f"{name} while no mailbox is selected", r.raw)
        if cmd:
            cmd.seen.append(name)
            if r.code:
                cmd.codes[r.code[0]] = r.code[1]
        handler = getattr(self, "on_" + name.lower(), None)
        if handler:
            handler(cmd, r)
        if r.code:
            self.untagged_code(cmd, r)
        if name == "BAD" and cmd and cmd.odd:
            self.queue.pop(0)       # its answer: the server could not read a tag
        self.take_caps(r)

    def logging_in(self):
        return any(c.name in ("LOGIN", "AUTHENTICATE") for c in self.queue)

    def check_solicited(self, cmd, r):
        may = SOLICITED.get(r.name)
        if not may or self.notify:
            return
        if r.name == "LIST" and r.data["extended"].get(b"OLDNAME"):
            return
        if not any(c.name in may for c in self.queue):
            self.fault(f"{r.name} that was not asked for (T44)", r.raw)

    def selecting(self, cmd, r):
        fresh = r.name in ("FLAGS", "EXISTS", "RECENT") or r.code and r.code[0] in (
            "UNSEEN", "UIDVALIDITY", "UIDNEXT", "PERMANENTFLAGS", "MAILBOXID", "NOMODSEQ")
        if r.code and r.code[0] == "CLOSED":
            if self.mailbox is None or not self.mailbox.ready:
                self.fault("CLOSED although no mailbox was selected", r.raw)
            self.mailbox = Mailbox()
        elif fresh and (self.mailbox is None or self.mailbox.ready):
            if self.mailbox is not None:
                self.strictly("a new SELECT without CLOSED for the old mailbox (T43)", r.raw)
            self.mailbox = Mailbox()
        if self.mailbox is not None and not self.mailbox.ready:
            self.mailbox.seen.add(r.name)
            if r.code:
                self.mailbox.codes[r.code[0]] = r.code[1]

    def untagged_code(self, cmd, r):
        name, value = r.code
        m = self.mailbox
        if name in ("UNSEEN", "PERMANENTFLAGS") and m is None:
            self.fault(f"{name} while no mailbox is selected", r.raw)
        if m is None:
            return
        if name == "NOUPDATE":
            m.live.pop(value.decode("latin-1"), None)
            m.refused.add(value.decode("latin-1"))
        if name == "UNSEEN" and m.exists is not None and value > m.exists:
            self.fault("UNSEEN above EXISTS", r.raw)
        if name == "PERMANENTFLAGS" and m.flags is not None:
            extra = {f.upper() for f in value} - m.flags - {b"\\*"}
            if extra:
                self.fault(f"PERMANENTFLAGS names flags that FLAGS lacks: {extra}", r.raw)
        if name == "HIGHESTMODSEQ":
            if value < m.modseq:
                self.fault("HIGHESTMODSEQ goes back", r.raw)
            m.modseq = value
        if name == "COPYUID" and cmd and cmd.name in ("MOVE", "UID MOVE"):
            cmd.moved, cmd.expunges = set_count(value[1]), 0

    def on_enabled(self, cmd, r):
        for cap in r.data:
            if cap in (b"UTF8=ACCEPT", b"IMAP4REV2"):
                self.context.utf8 = True
            if cap == b"UTF8=ACCEPT":
                self.context.accept = True
            if cap == b"IMAP4REV2":
                self.context.rev2 = True
            if cap in (b"CONDSTORE", b"QRESYNC"):
                self.condstore = True
            if cap == b"QRESYNC":
                self.qresync = True
            if cap == b"UIDONLY":
                self.uidonly = True

    def on_language(self, cmd, r):
        """One tag: the change takes effect right behind it; several: what there is (RFC 5255 3.3)."""
        asked = bool(cmd and len(cmd.line.split()) > 2)
        if asked != (len(r.data) == 1):
            self.fault("one LANGUAGE for a choice, several for a list (RFC 5255 3.3)", r.raw)
        if len(r.data) == 1:
            self.context.language = r.data[0] != b"I-DEFAULT"

    def on_flags(self, cmd, r):
        if self.mailbox is not None:
            self.mailbox.flags = {f.upper() for f in r.data}

    def on_exists(self, cmd, r):
        m = self.mailbox
        if m is None:
            return
        if m.exists is None:
            m.exists = r.num
            m.uids = [[None, True] for _ in range(r.num)]
            return
        if r.num < m.exists:
            self.fault(f"EXISTS shrinks from {m.exists} to {r.num} (T81)", r.raw)
            del m.uids[r.num:]
        elif r.num == m.exists:
            self.strictly("EXISTS again with the same count (T81)", r.raw)
        while len(m.uids) < r.num:
            m.uids.append([None, False])
        m.exists = r.num

    def on_recent(self, cmd, r):
        m = self.mailbox
        if self.context.rev2:
            self.fault("RECENT in an IMAP4rev2 session", r.raw)
        if m is not None and m.exists is not None and r.num > m.exists:
            self.fault("RECENT above EXISTS", r.raw)

    def may_expunge(self, cmd, r, count=1):
        if cmd is None:
            if not self.notify:
                self.fault(f"{r.name} while no command is in progress (RFC 3501 7.4.1)", r.raw)
        elif cmd.name in NO_EXPUNGE:
            self.fault(f"{r.name} during {cmd.name} (T80)", r.raw)
        elif cmd.name == "CLOSE":
            self.fault("CLOSE is not silent (T88)", r.raw)
        if cmd:
            cmd.expunges += count

    def on_expunge(self, cmd, r):
        m = self.mailbox
        self.may_expunge(cmd, r)
        if self.qresync or self.uidonly:
            self.fault("EXPUNGE instead of VANISHED (RFC 7162 3.2.10)", r.raw)
        if m is None or m.exists is None:
            return
        if r.num > m.exists:
            self.fault(f"EXPUNGE {r.num} with {m.exists} messages", r.raw)
            return
        del m.uids[r.num - 1]
        m.exists -= 1
        for live in m.live.values():
            live.expunged(r.num, lambda message: self.fault(message, r.raw))

    def on_vanished(self, cmd, r):
        m = self.mailbox
        if not (self.qresync or self.uidonly):
            self.fault("VANISHED without ENABLE QRESYNC", r.raw)
        if r.data["earlier"]:
            if not cmd or cmd.name not in ("SELECT", "EXAMINE", "UID FETCH"):
                self.fault("VANISHED (EARLIER) outside of SELECT and UID FETCH", r.raw)
            return
        count = set_count(r.data["uids"])
        self.may_expunge(cmd, r, count)
        if m is None or m.exists is None:
            return
        if count > m.exists:
            self.fault("VANISHED names more messages than there are", r.raw)
            return
        keep = [u for u in m.uids if u[0] is None or not any(a <= u[0] <= z for a, z in r.data["uids"])]
        if len(keep) != m.exists - count:
            keep = [[None, None] for _ in range(m.exists - count)]     # which ones are old is not known any more
        m.uids = keep
        m.exists -= count
        for live in m.live.values():
            live.vanished(r.data["uids"], lambda message: self.fault(message, r.raw))

    def on_uidfetch(self, cmd, r):
        if not self.uidonly:
            self.fault("UIDFETCH without ENABLE UIDONLY", r.raw)
        self.fetch_items(cmd, r, r.num)

    def on_fetch(self, cmd, r):
        m = self.mailbox
        if self.uidonly:
            self.fault("FETCH in a UIDONLY session", r.raw)
        if m is None or m.exists is None:
            return
        if r.num > m.exists:
            self.fault(f"FETCH {r.num} with {m.exists} messages", r.raw)
            return
        uid = r.data.get("UID")
        if uid is None and cmd and cmd.name in ("UID FETCH", "UID STORE"):
            self.strictly(f"no UID in the FETCH response of {cmd.name} (T50)", r.raw)
        if uid is not None:
            self.place(m, r, uid)
        self.fetch_items(cmd, r, m.uids[r.num - 1][0])

    def place(self, m, r, uid):
        """Message number and UID must agree with all that was said before; UIDs rise."""
        entry = m.uids[r.num - 1]
        if entry[0] is not None and entry[0] != uid:
            self.fault(f"message {r.num} had UID {entry[0]} and now has {uid}", r.raw)
        entry[0] = uid
        before = m.uids[r.num - 2][0] if r.num > 1 else None
        after = m.uids[r.num][0] if r.num < len(m.uids) else None
        if before is not None and before >= uid or after is not None and after <= uid:
            self.fault("UIDs do not rise with the message numbers", r.raw)
        uidnext = m.codes.get("UIDNEXT")
        if uidnext and m.ready:
            if entry[1] is True and uid >= uidnext:
                self.fault(f"UID {uid} was there at SELECT, which said UIDNEXT {uidnext}", r.raw)
            if entry[1] is False and uid < uidnext:
                self.fault(f"the new UID {uid} is below the UIDNEXT {uidnext} of SELECT", r.raw)

    def fetch_items(self, cmd, r, uid):
        m = self.mailbox
        items = r.data
        if "MODSEQ" in items and not self.condstore:
            self.fault("MODSEQ in a session that did not ask for CONDSTORE", r.raw)
        if not self.notify and not (m and m.live) and any(k not in DYNAMIC for k in items) and not any(
                c.name in ("FETCH", "UID FETCH", "PARTIAL") for c in self.queue):
            self.fault("FETCH data that was not asked for", r.raw)
        if m is None:
            return
        if "FLAGS" in items and m.flags is not None:
            extra = {f.upper() for f in items["FLAGS"]} - m.flags - {b"\\RECENT"}
            if extra:
                self.strictly(f"flags that no FLAGS response announced: {extra} (T41)", r.raw)
            if self.context.rev2 and any(f.upper() == b"\\RECENT" for f in items["FLAGS"]):
                self.fault("\\Recent in an IMAP4rev2 session", r.raw)
        if uid is not None:
            self.static(m, uid, items, r)

    def static(self, m, uid, items, r):
        """What MUST NOT change does not; sizes agree (T51, T52)."""
        known = m.static.setdefault(uid, {}) if len(m.static) < 20000 else m.static.get(uid, {})
        # The old forms give pieces under the name of the whole (RFC 2062).
        if any(c.name == "PARTIAL" or b"HEADER.LINES" in c.line.upper() for c in self.queue):
            return
        for name, value in items.items():
            if name in DYNAMIC:
                continue
            name = SAME_AS.get(name, name)
            mark = hash(value if isinstance(value, (bytes, int)) else repr(value))
            if known.get(name, mark) != mark:
                self.fault(f"{name} of UID {uid} has changed", r.raw)
            known[name] = mark
            if isinstance(value, bytes) and name in ("BODY[]", "BODY[HEADER]", "BODY[TEXT]"):
                known["len " + name] = len(value)
            if name == "RFC822.SIZE":
                known["size"] = value
            if name == "BODYSTRUCTURE" and "octets" in value:
                known["octets"] = value["octets"]
        whole = known.get("len BODY[]")
        if whole is not None and known.get("size", whole) != whole:
            self.fault(f"RFC822.SIZE {known['size']} but BODY[] has {whole} octets (T52)", r.raw)
        if "len BODY[TEXT]" in known:
            text = known["len BODY[TEXT]"]
            if known.get("octets", text) != text:
                self.fault(f"BODYSTRUCTURE says {known['octets']} octets, BODY[TEXT] has {text}", r.raw)
            if whole is not None and "len BODY[HEADER]" in known and whole != text + known["len BODY[HEADER]"]:
                self.fault("BODY[] is not BODY[HEADER] plus BODY[TEXT] (T51)", r.raw)

    def on_status(self, cmd, r):
        if cmd:
            cmd.status_items = set(r.data["items"])

    def on_search(self, cmd, r):
        if self.context.rev2:
            self.fault("SEARCH instead of ESEARCH in an IMAP4rev2 session", r.raw)
        self.numbers(cmd, r, r.data["numbers"])

    def on_sort(self, cmd, r):
        self.numbers(cmd, r, r.data["numbers"])

    def on_thread(self, cmd, r):
        self.numbers(cmd, r, r.data)

    def numbers(self, cmd, r, numbers):
        m = self.mailbox
        if m is None:
            self.fault(f"{r.name} while no mailbox is selected", r.raw)
        elif cmd and not cmd.name.startswith("UID ") and numbers and max(numbers) > (m.exists or 0):
            self.fault(f"{r.name} names a message number above EXISTS", r.raw)
        if len(set(numbers)) != len(numbers):
            self.fault(f"{r.name} names a message twice", r.raw)

    def on_esearch(self, cmd, r):
        tag = (r.data["tag"] or b"").decode("latin-1")
        m = self.mailbox
        if r.data["updates"]:
            live = m.live.get(tag) if m else None
            if live is None:
                self.fault(f"ADDTO or REMOVEFROM for the tag {tag!r}, which asked for no updates", r.raw)
            elif live.uid != r.data["uid"]:
                self.fault("ADDTO or REMOVEFROM: the UID mark does not fit the search (RFC 5267 4.3.2)", r.raw)
            else:
                for name, pairs in r.data["updates"]:
                    live.update(name, pairs, lambda message: self.fault(message, r.raw), m.exists)
            return
        if tag not in [c.tag for c in self.queue]:
            self.fault(f"ESEARCH for the tag {tag!r}, which is not under way", r.raw)
        of = next((c for c in self.queue if c.tag == tag), None)
        if of and of.name in ("ESEARCH", "UID ESEARCH"):
            if set(r.data.get("correlators", {})) != {b"TAG", b"MAILBOX", b"UIDVALIDITY"} or not r.data["uid"]:
                self.fault("an answer to ESEARCH without TAG, MAILBOX, UIDVALIDITY or UID (RFC 7377 2.1)", r.raw)
            if not r.data["items"] or r.data["items"].get("COUNT") == 0:
                self.fault("an answer to ESEARCH of a mailbox where nothing was found (RFC 7377 2.1)", r.raw)
            return
        if len(r.data.get("correlators", {})) > 1:
            self.fault("MAILBOX or UIDVALIDITY in an answer that is not of ESEARCH", r.raw)
        if cmd and m and RE_UPDATE.search(cmd.line):
            items = r.data["items"]
            every = items.get("ALL", [] if items.get("COUNT") == 0 else None)
            m.live[tag] = Live(cmd.name.startswith("UID"), cmd.name.endswith("SORT"), every)
        if cmd and cmd.name in ("SEARCH", "UID SEARCH") and r.data["uid"] != cmd.name.startswith("UID"):
            self.fault("ESEARCH: the UID mark does not fit the command", r.raw)

    # tagged answers

    def tagged(self, r):
        if self.bye and not (self.queue and self.queue[0].name == "LOGOUT"):
            self.fault("a tagged answer after BYE", r.raw)
        index = next((i for i, c in enumerate(self.queue) if c.tag == r.tag), None)
        if index is None:
            partial = self.client.line.split(b" ", 2)
            if partial[0].decode("latin-1") == r.tag:
                self.client.refused()
            elif r.tag not in self.loose:
                self.fault(f"an answer for the tag {r.tag}, which is not under way", r.raw)
            if r.name == "NO" and not r.code:
                self.strictly("NO without a response code (RFC 5530)", r.raw)
            return
        if index:
            self.strictly("an answer out of order", r.raw)
        cmd = self.queue.pop(index)
        self.asked = False
        if r.name == "OK" and self.mailbox and cmd.name == "ESEARCH" and RE_UPDATE.search(cmd.line) and r.tag not in self.mailbox.refused:
            self.mailbox.live[r.tag] = Live(True, False, None)
        if r.name == "NO" and not r.code:
            self.strictly("NO without a response code (RFC 5530)", r.raw)
        if r.name == "OK":
            self.done(cmd, r)
        elif cmd.name in ("SELECT", "EXAMINE") and r.name == "NO":
            self.mailbox = None
        elif self.mailbox is not None and not self.mailbox.ready:
            self.mailbox = None
        self.take_caps(r)

    def done(self, cmd, r):
        name = cmd.name
        need = ANSWERS.get(name)
        if need == "SORT" and re.search(rb"SORT RETURN \(", cmd.line.upper()):
            # RFC 5267 3: an ESEARCH instead; with SAVE alone nothing (RFC 5182 1)
            need = None if re.search(rb"RETURN \( *SAVE *\)", cmd.line.upper()) else "ESEARCH"
        if self.context.accept and re.match(rb"\S+ (UID )?SEARCH (RETURN \([^)]*\) )?CHARSET ", cmd.line.upper()):
            self.strictly("SEARCH with CHARSET after ENABLE UTF8=ACCEPT (RFC 9755 3)", r.raw)
        if need and need not in cmd.seen:
            self.fault(f"OK to {name} without a {need} response", r.raw)
        handler = getattr(self, "did_" + name.lower().replace(" ", "_"), None)
        if handler:
            handler(cmd, r)

    def did_login(self, cmd, r):
        self.authenticated = True
        if "CAPABILITY" not in cmd.seen and not (r.code and r.code[0] == "CAPABILITY"):
            self.strictly("no CAPABILITY with the answer to a login (T01)", r.raw)

    did_authenticate = did_login

    def did_unauthenticate(self, cmd, r):
        self.authenticated = False
        self.mailbox = None
        self.context.utf8 = self.context.rev2 = self.context.accept = self.context.language = False
        self.condstore = self.qresync = self.uidonly = self.notify = False

    def did_starttls(self, cmd, r):
        self.caps = []
        self.context.language = False

    def did_select(self, cmd, r):
        m = self.mailbox
        if m is None:
            self.fault("SELECT without any data", r.raw)
            return
        m.ready = True
        m.codes.update(cmd.codes)
        for name in ("FLAGS", "EXISTS") + (() if self.context.rev2 else ("RECENT",)):
            if name not in m.seen and not (name == "LIST"):
                self.fault(f"{cmd.name} without {name} (T40)", r.raw)
        for name in ("UIDVALIDITY", "UIDNEXT", "PERMANENTFLAGS"):
            if name not in m.codes:
                self.fault(f"{cmd.name} without {name} (T40)", r.raw)
        if self.context.rev2 and "LIST" not in cmd.seen:
            self.strictly(f"{cmd.name} in an IMAP4rev2 session without LIST", r.raw)
        if not r.code or r.code[0] not in ("READ-WRITE", "READ-ONLY"):
            self.fault(f"{cmd.name} without READ-WRITE or READ-ONLY", r.raw)
        if cmd.name == "EXAMINE" and r.code and r.code[0] != "READ-ONLY":
            self.fault("EXAMINE is not READ-ONLY", r.raw)

    did_examine = did_select

    def did_close(self, cmd, r):
        self.mailbox = None

    did_unselect = did_close

    def did_logout(self, cmd, r):
        if not self.bye:
            self.fault("LOGOUT without BYE (T93)", r.raw)
        self.over = True

    def did_search(self, cmd, r):
        returns = re.search(rb"SEARCH RETURN \(([^)]*)\)", cmd.line.upper())
        if returns and returns.group(1).split() == [b"SAVE"]:
            return
        want = "ESEARCH" if returns or self.context.rev2 else "SEARCH"
        if want not in cmd.seen:
            self.fault(f"OK to {cmd.name} without {want} (T70)", r.raw)

    did_uid_search = did_search

    def did_cancelupdate(self, cmd, r):
        for tag in re.findall(rb'"([^"]*)"', cmd.line):
            if self.mailbox:
                self.mailbox.live.pop(tag.decode("latin-1"), None)

    def did_status(self, cmd, r):
        asked = re.search(rb"\(([^()]*)\)\s*$", cmd.line)
        if asked and cmd.status_items is not None:
            want = {w.upper().decode("latin-1") for w in asked.group(1).split()}
            if want != cmd.status_items:
                self.fault(f"STATUS gives {sorted(cmd.status_items)} where {sorted(want)} was asked for", r.raw)

    def did_append(self, cmd, r):
        if b"UIDPLUS" in self.caps and not (r.code and r.code[0] == "APPENDUID"):
            self.strictly("OK to APPEND without APPENDUID (T86)", r.raw)

    def did_list(self, cmd, r):
        if cmd.line.upper().endswith(b' LIST "" ""') and "LIST" not in cmd.seen:
            self.fault('LIST "" "" gives nothing (T20)', r.raw)

    def did_copy(self, cmd, r):
        if r.code and r.code[0] == "COPYUID":
            sets = r.code[1]
            for ranges in sets[1:]:
                flat = [a for a, _ in ranges]
                if len(set(flat)) != len(flat):
                    self.fault("COPYUID names a UID twice", r.raw)

    did_uid_copy = did_copy

    def did_move(self, cmd, r):
        """Other sessions' expunges may come first, the moved messages' come after COPYUID."""
        if cmd.expunges < cmd.moved:
            self.fault("COPYUID after the EXPUNGEs of MOVE (T84)", r.raw)

    did_uid_move = did_move
