# SPDX-License-Identifier: Apache-2.0
"""commands: random commands. A search is a tree of keys, so that a difference can be traced to the one key that makes it."""
import random
import re

FLAGS = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen", "$Forwarded", "Work", "later"]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
FIELDS = ["Message-ID", "X-Mailer", "List-Id", "Content-Type", "In-Reply-To", "References", "Reply-To", "Sender", "Return-Path", "X-None", "MIME-Version", "Date",
          "Subject", "From", "To", "Cc"]
WORDS = ["the", "Linux", "free", "http://", "money", "example", "@", "re", "font", "a", "ISO", "<", ".com", "price", "Müller", "é"]
SORT = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"]
SECTIONS = ["HEADER", "TEXT", "1", "2", "1.1", "1.2", "2.1", "3", "1.MIME", "2.MIME", "1.1.MIME", "1.HEADER", "2.HEADER", "1.TEXT", "2.TEXT", "2.1.MIME", "4.2", ""]


class Key:
    """One search key: what is sent, its literals, and its kind for the table of differences."""

    def __init__(self, kind, line, *literals, field=None):
        self.kind, self.line, self.literals, self.field = kind, line, literals, field

    def leaves(self):
        return [self]

    def value(self, of, everything):
        return of[self.line, self.literals]


class Tree:
    """NOT, OR, or a list of keys that must all hold."""

    def __init__(self, kind, *keys):
        self.kind, self.keys = kind, keys
        word = {"NOT": "NOT ", "OR": "OR ", "AND": "("}[kind]
        self.line = word + " ".join(k.line for k in keys) + (")" if kind == "AND" else "")
        self.literals = tuple(x for k in keys for x in k.literals)

    def leaves(self):
        return [x for k in self.keys for x in k.leaves()]

    def value(self, of, everything):
        sets = [k.value(of, everything) for k in self.keys]
        if self.kind == "NOT":
            return everything - sets[0]
        return sets[0] | sets[1] if self.kind == "OR" else set.intersection(*sets)


class Command:
    """What is sent. kind: SEARCH, SORT, THREAD, FETCH, STORE ...; search: its tree of keys, if any."""

    def __init__(self, kind, line, *literals, search=None, changes=False):
        self.kind, self.line, self.literals, self.search, self.changes = kind, line, literals, search, changes

    def __str__(self):
        parts = self.line.split("{}")
        return parts[0] + "".join(f"{{{len(x)}}}{x!r}{p}" for x, p in zip(self.literals, parts[1:]))


def number_set(rng, top, n=4):
    """Of message numbers or UIDs; now and then one past the end, alone: together with others each server takes the error its own way."""
    if rng.random() < 0.05:
        return rng.choice([f"{top + 1}", f"{top + 3}:*", f"{top + 2}:{top + 5}"])
    out = []
    for _ in range(rng.randint(1, n)):
        a, b = rng.randint(1, top), rng.randint(1, top)
        out.append(rng.choice([str(a), str(a), f"{a}:{b}", f"{a}:*", "*", f"{a}:{min(a + 5, top)}"]))
    return ",".join(out)


def past(line, top):
    """Whether a set has a number past the end."""
    return any(int(n) > top for n in re.findall(r"\d+", line))


def date(rng):
    return f"{rng.randint(1, 28)}-{rng.choice(MONTHS)}-{rng.choice((1999, 2001, 2002, 2002, 2003, 2026))}"


def leaf(rng, top, needle):
    """needle(): (key, text) out of one of the mails."""
    n = rng.randrange(16)
    if n < 2:
        return Key("flag", rng.choice(["ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN"]))
    if n == 2:
        return Key("flag", rng.choice(["KEYWORD ", "UNKEYWORD "]) + rng.choice(FLAGS[5:] + ["never", "WORK"]))
    if n == 3:
        return Key("date", rng.choice(["BEFORE ", "ON ", "SINCE "]) + date(rng))
    if n == 4:
        return Key("sent", rng.choice(["SENTBEFORE ", "SENTON ", "SENTSINCE "]) + date(rng))
    if n == 5:
        return Key("size", rng.choice(["LARGER ", "SMALLER "]) + str(rng.choice([0, 500, 1500, 3000, 4000, 10000, rng.randint(0, 20000), 4294967295])))
    if n == 6:
        return Key("set", rng.choice(["", "UID "]) + number_set(rng, top))
    if n == 7:
        return Key("within", rng.choice(["OLDER ", "YOUNGER "]) + str(rng.choice([86400, 10 ** 8, 7 * 10 ** 8, 7.5 * 10 ** 8])).removesuffix(".0"))
    if n in (8, 9):
        field = rng.choice(FIELDS)
        return Key("header", f"HEADER {field} {{}}", rng.choice(["", "", rng.choice(WORDS), needle()[1]]).encode(), field=field)
    if n == 10:
        key = rng.choice(["BODY", "TEXT", "SUBJECT", "FROM", "TO", "CC", "BCC"])
        return Key("text", key + " {}", rng.choice(WORDS).encode(), field=key)
    key, text = needle()
    return Key("text", key + " {}", text.encode(), field=key)


def tree(rng, top, needle, depth=0):
    n = rng.random()
    if depth > 2 or n < 0.55:
        return leaf(rng, top, needle)
    if n < 0.7:
        return Tree("NOT", tree(rng, top, needle, depth + 1))
    return Tree(rng.choice(["OR", "AND"]), tree(rng, top, needle, depth + 1), tree(rng, top, needle, depth + 1))


def search(rng, top, needle):
    keys = tree(rng, top, needle)
    prefix = rng.choice(["UID ", ""])
    form = rng.choice(["", "", "", "RETURN (ALL) ", "RETURN (COUNT MIN MAX) ", "RETURN () "])
    charset = "CHARSET UTF-8 " if any(not x.isascii() for x in keys.literals) or rng.random() < 0.3 else ""
    return Command("SEARCH", f"{prefix}SEARCH {form}{charset}{keys.line}", *keys.literals, search=keys)


def calm(rng, top, kinds=("flag", "date", "size", "set")):
    """Keys whose result nobody doubts, to SORT and THREAD."""
    while True:
        keys = tree(rng, top, lambda: ("BODY", "x"))
        if all(k.kind in kinds and not (k.kind == "set" and past(k.line, top)) for k in keys.leaves()):
            return keys


def sort(rng, top):
    keys = calm(rng, top)
    by = " ".join(rng.choice(["", "", "REVERSE "]) + k for k in rng.sample(SORT, rng.randint(1, 2)))
    return Command("SORT", f"UID SORT ({by}) UTF-8 {keys.line}", search=keys)


def thread(rng, top):
    keys = calm(rng, top)
    return Command("THREAD", f"UID THREAD {rng.choice(['REFERENCES', 'REFS', 'ORDEREDSUBJECT'])} UTF-8 {keys.line}", search=keys)


def section(rng):
    name = rng.choice(SECTIONS)
    if rng.random() < 0.25:
        fields = " ".join(rng.sample(FIELDS, rng.randint(1, 4)))
        name = rng.choice(["", "1.", "2."]) + rng.choice(["HEADER.FIELDS", "HEADER.FIELDS", "HEADER.FIELDS.NOT"]) + f" ({fields})"
    partial = f"<{rng.choice([0, 1, 10, 100, 5000])}.{rng.choice([1, 20, 4000])}>" if rng.random() < 0.25 else ""
    return f"BODY.PEEK[{name}]{partial}"


def fetch(rng, top):
    items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.HEADER", section(rng), section(rng), section(rng)]
    what = " ".join(dict.fromkeys(rng.sample(items, rng.randint(1, 3))))
    n = rng.randint(1, top)
    which = rng.choice([str(n), f"{n}:{min(n + 6, top)}", f"{n},{rng.randint(1, top)}"])
    return Command("FETCH", f"{rng.choice(['UID FETCH', 'FETCH'])} {which} ({what})")


def look(rng, top, needle):
    """A command that changes nothing."""
    n = rng.random()
    if n < 0.45:
        return search(rng, top, needle)
    if n < 0.8:
        return fetch(rng, top)
    return sort(rng, top) if n < 0.92 else thread(rng, top)


def change(rng, uids, here, other):
    """A command that changes one of two mailboxes, or looks at them; uids: those of here."""
    uid = rng.choice(["UID ", ""])
    top = max(uids, default=1) if uid else max(len(uids), 1)
    sets = number_set(rng, top, 2)
    n = rng.randrange(14)
    if n < 4:
        flags = " ".join(rng.sample(FLAGS, rng.randint(0, 3)))
        return Command("STORE", f"{uid}STORE {sets} {rng.choice(['', '+', '-'])}FLAGS{rng.choice(['', '.SILENT'])} ({flags})", changes=True)
    if n < 6:
        return Command("COPY", f"{uid}COPY {sets} {rng.choice([other, other, here, here + '-none'])}", changes=True)
    if n < 8:
        return Command("MOVE", f"{uid}MOVE {number_set(rng, top, 1)} {rng.choice([other, other, other + '-none'])}", changes=True)
    if n == 8:
        return Command("EXPUNGE", rng.choice(["EXPUNGE", "UID EXPUNGE " + number_set(rng, max(uids, default=1), 2)]), changes=True)
    if n == 9:
        return Command("STATUS", f"STATUS {rng.choice([here, other, other + '-none'])} (MESSAGES UIDNEXT UNSEEN)")
    if n == 10:
        return Command("LIST", f'LIST "" "{rng.choice([here, here.split("/")[0]])}{rng.choice(["", "*", "%", "/%", "/*"])}"')
    if n == 11:
        return Command("FETCH", f"{uid}FETCH {sets} ({rng.choice(['FLAGS', 'FLAGS INTERNALDATE', 'BODY[HEADER.FIELDS (Subject)]', 'RFC822.SIZE UID'])})", changes=True)
    if n == 12:
        keys = calm(rng, max(len(uids), 1), ("flag", "set"))
        return Command("SEARCH", f"{uid}SEARCH {keys.line}", search=keys)
    return mailbox(rng, here.split("/")[0])


def mailbox(rng, base):
    """Mailboxes of one level below base: parents are made otherwise by each server (differences.py), and would be from there on."""
    a, b = f"{base}/{rng.choice('abc')}", f"{base}/{rng.choice('abcd')}"
    return Command("MAILBOX", rng.choice([f"CREATE {a}", f"DELETE {a}", f"RENAME {a} {b}", f"SUBSCRIBE {a}", f"UNSUBSCRIBE {a}"]), changes=True)


def seeded(*what):
    return random.Random(" ".join(str(x) for x in what))
