# SPDX-License-Identifier: Apache-2.0
"""reference: what is in each mailbox, as the RFCs have it; and what a client that synchronises remembers."""

BOXES = ["INBOX", "M1", "M2"]
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "$a", "$b"]
TEXT = b"Subject: m\r\n\r\nx\r\n"


class Wrong(Exception):
    pass


def must(condition, text):
    if not condition:
        raise Wrong(text)


class Message:
    def __init__(self, uid, flags, when):
        self.uid, self.flags, self.when = uid, frozenset(flags), when
        self.born = when
        self.touched = {}       # flag: when it was set or removed last
        self.before = None      # the flags before the change that this step makes: news may still tell them


class Box:
    """The truth about one mailbox. `now` counts its changes; a mod-sequence belongs to a count."""

    def __init__(self, name):
        self.name = name
        self.messages = {}      # uid: Message
        self.gone = {}          # uid: when
        self.now = 0
        self.uidnext = 1
        self.high = {}          # now: HIGHESTMODSEQ as any session was told
        self.recent = {}        # uid: the session that saw \Recent
        self.fresh = set()      # came while nobody had the mailbox selected: the next one sees \Recent
        self.validity = None
        self.after = 0          # UIDVALIDITY of the mailbox that had this name before

    def uids(self):
        return sorted(self.messages)

    def add(self, uid, flags):
        must(uid >= self.uidnext, f"{self.name}: the new UID {uid} is below UIDNEXT {self.uidnext}")
        self.now += 1
        self.uidnext = uid + 1
        self.messages[uid] = Message(uid, flags, self.now)

    def set_flags(self, uids, how, flags):
        changed = []
        for uid in uids:
            m = self.messages.get(uid)
            if m is None:
                continue
            new = m.flags | flags if how == "+" else m.flags - flags if how == "-" else flags
            if new != m.flags:
                changed.append((m, frozenset(new)))
        if changed:
            self.now += 1
        for m, new in changed:
            m.touched.update((f, self.now) for f in m.flags ^ new)
            m.before, m.flags, m.when = m.flags, new, self.now

    def expunge(self, uids):
        uids = [u for u in uids if u in self.messages]
        if uids:
            self.now += 1
        for u in uids:
            del self.messages[u]
            self.gone[u] = self.now

    def told_high(self, value):
        """HIGHESTMODSEQ at this moment: the same for all sessions, rising with changes."""
        old = self.high.get(self.now)
        must(old is None or old == value, f"{self.name}: HIGHESTMODSEQ is {value} and was {old} with nothing changed")
        for when, v in self.high.items():
            must(v < value if when < self.now else v >= value, f"{self.name}: HIGHESTMODSEQ {value} at {self.now}, {v} at {when}")
        self.high[self.now] = value


    def told_validity(self, value):
        must(value > self.after, f"{self.name}: UIDVALIDITY {value}, the deleted mailbox of this name had {self.after}")
        must(self.validity in (None, value), f"{self.name}: UIDVALIDITY {value} and was {self.validity}")
        self.validity = value


class Cache:
    """What a QRESYNC client keeps when it is away."""

    def __init__(self, validity, modseq, flags):
        self.validity, self.modseq, self.flags = validity, modseq, flags


def show(flags):
    return "{" + ", ".join(f"{u}: {' '.join(sorted(f))}" for u, f in sorted(flags.items())) + "}"
