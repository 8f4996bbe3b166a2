# SPDX-License-Identifier: Apache-2.0
"""untagged: what each untagged response does to a session, and what it must agree with: message numbers, UIDs, sizes, flags."""
import re
from .lex import set_count
from .live import Live
from .words import NO_EXPUNGE

DYNAMIC = {"FLAGS", "MODSEQ", "UID", "PREVIEW", "ANNOTATION"}
RE_UPDATE = re.compile(rb"RETURN \([^)]*\bUPDATE\b", re.I)
SAME_AS = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}


class Untagged:
    """The part of a Session that takes untagged responses, one method on_NAME each."""

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

    def piece(self, known, name, uid, value, r):
        """A partial: its name tells where it begins, and not how long it is; what two of a name have in common is the same."""
        value = value[:8192]
        old = known.get(name, b"")
        n = min(len(old), len(value))
        if old[:n] != value[:n]:
            self.fault(f"{name} of UID {uid} has changed", r.raw)
        known[name] = max(old, value, key=len)

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
            if isinstance(value, bytes) and name.endswith(">"):
                self.piece(known, name, uid, value, r)
                continue
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
