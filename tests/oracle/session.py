# SPDX-License-Identifier: Apache-2.0
"""session: what must hold across the responses of one connection. It reads both directions: sent() and received()."""
import re
from .client import ClientStream
from .grammar import Context, Response, parse_response
from .lex import RE_TAG, Bad, Splitter, set_count
from .live import Live
from .tagged import Tagged
from .untagged import RE_UPDATE, Untagged

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


class Session(Untagged, Tagged):
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
        self.owed = None        # a MOVE whose EXPUNGEs are still to come

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
        if command.name == "NOTIFY" and line.split()[2:3] != [b"NONE"]:
            self.notify = True      # what it asks for may come before its OK; NONE: did_notify()

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
        self.settle(cmd, r)
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
