# SPDX-License-Identifier: Apache-2.0
"""world: what two accounts were told that they have, and what they may be shown after something failed."""
import copy
import hashlib
import os
import time

from lib.imapclient import Client, Closed, Fault, Lmtp, Timeout
from lib.server import PASSWORD

USERS = ("alice", "bob")
BOXES = ("INBOX", "Box")
GONE = (Closed, Timeout, OSError)
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "$k1"]
OK, NO, LOST = "ok", "no", "lost"


def digest(text):
    return hashlib.sha1(text).hexdigest()


class World:
    """have[user][box][uid] = (digest, flags). LMTP gives no UIDs: those digests are in new[user]."""

    def __init__(self, rng):
        self.rng = rng
        self.have = {u: {b: {} for b in BOXES} for u in USERS}
        self.new = {u: [] for u in USERS}
        self.other = None       # what is there as well, if a change that got no answer was made
        self.serial = 0
        self.count = {OK: 0, NO: 0, LOST: 0}

    def text(self, user, size=None):
        self.serial += 1
        size = size or self.rng.choice([30, 900, 5000, 40000])
        noise = os.urandom(size // 2).hex()
        lines = "\r\n".join(noise[i:i + 70] for i in range(0, len(noise), 70))
        return f"X-Owner: {user}\r\nSubject: {self.serial}\r\n\r\n{lines}\r\n".encode()

    # ---- changes: each gives (command, literals, what becomes of the mailboxes) ----

    def append(self, user):
        box, text, flags = self.rng.choice(BOXES), self.text(user), frozenset(self.rng.sample(FLAGS[:2], 1))

        def done(have, a):
            have[box][a.code[1][1][0][0] if a else None] = (digest(text), flags)
        return f'APPEND "{box}" ({" ".join(flags)}) {{}}', [text], done

    def store(self, user):
        box, uid = self.any(user)
        flags = frozenset(self.rng.sample(FLAGS, 2))

        def done(have, a):
            have[box][uid] = (have[box][uid][0], flags)
        return (box, f"UID STORE {uid} FLAGS.SILENT ({' '.join(flags)})"), [], done

    def copy(self, user, verb="COPY"):
        box, uid = self.any(user)
        target = [b for b in BOXES if b != box][0]

        def done(have, a):
            code = (a.code[1] if a and a.code and a.code[0] == "COPYUID" else a and a.ucode("COPYUID")) or None
            have[target][code[2][0][0] if code else None] = have[box][uid]
            if verb == "MOVE":
                del have[box][uid]
        return (box, f'UID {verb} {uid} "{target}"'), [], done

    def move(self, user):
        return self.copy(user, "MOVE")

    def expunge(self, user):
        box = self.any(user)[0]

        def done(have, a):
            have[box] = {u: v for u, v in have[box].items() if "\\Deleted" not in v[1]}
        return (box, "EXPUNGE"), [], done

    def any(self, user):
        box = self.rng.choice([b for b in BOXES if self.have[user][b]] or ["INBOX"])
        return box, self.rng.choice(sorted(self.have[user][box]) or [1])

    # ---- doing them ----

    def change(self, server, clients, user, kind=None):
        """One change; OK, NO or LOST. After LOST there is no client, and nothing more is to be changed."""
        line, literals, done = getattr(self, kind or self.rng.choice(["append", "append", "store", "copy", "move", "expunge"]))(user)
        if isinstance(line, tuple) and not any(self.have[user].values()):
            return NO
        after = copy.deepcopy(self.have[user])
        self.other = (user, after)
        try:
            c = clients.get(user) or self.login(server, user)
            clients[user] = c
            if isinstance(line, tuple):
                if c.cmd(f'SELECT "{line[0]}"').status != "OK":
                    return self.told(NO)
                line = line[1]
            sent = True
            a = c.cmd(line, *literals)
        except GONE:
            done(after, None)
            clients.pop(user, None)
            return self.told(LOST)
        except Fault:       # at login: it could not be served
            clients.pop(user, None)
            return self.told(NO)
        if a.status == "BYE":
            done(after, None)
            clients.pop(user, None)
            return self.told(LOST)
        if a.status == "OK" and sent:
            done(self.have[user], a)
        return self.told(OK if a.status == "OK" else NO)

    def told(self, outcome):
        if outcome != LOST:
            self.other = None
        self.count[outcome] += 1
        return outcome

    def deliver(self, server, user):
        text = self.text(user, 2000)
        try:
            lmtp = Lmtp(server.lmtp, lhlo="x", timeout=15)
            code = lmtp.deliver("s@example.org", [user], text)[0][0]
            lmtp.close()
        except GONE:
            code = 0
        except Fault:       # a 4xx before the end
            code = 451
        if code == 250:
            self.new[user].append(digest(text))
        elif code == 0:
            self.new[user].append("?" + digest(text))
        return OK if code == 250 else NO if code else LOST

    @staticmethod
    def login(server, user):
        c = Client(server.imap, timeout=20)
        c.login(user, PASSWORD)
        return c

    # ---- looking ----

    def right(self, user, box, uid, text, errors):
        """A text that was served: of this account, and the one that was stored."""
        if b"X-Owner: " + user.encode() + b"\r\n" not in text[:60]:
            errors.append(f"{user} was given another's mail in {box}: {text[:60]!r}")
        want = self.have[user][box].get(uid)
        if want and want[0] != digest(text):
            errors.append(f"{user} {box} {uid}: another text than was stored")
        return want is not None

    def look(self, server, errors):
        """After everything failed that would: what was told is there, and nothing else."""
        for user in USERS:
            try:
                with self.login(server, user) as c:
                    there = {box: fetch_all(c, box) for box in BOXES}
            except (Fault, *GONE) as e:
                errors.append(f"{user} is not served: {type(e).__name__}: {e}")
                continue
            for box in BOXES:
                for uid, (_, text, _) in there[box].items():
                    self.right(user, box, uid, text, errors)
            self.compare(user, {b: {u: (d, f) for u, (d, _, f) in m.items()} for b, m in there.items()}, errors)

    def compare(self, user, there, errors):
        first, *others = self.choices(user)
        if not any(same(want, there, self.new[user]) for want in [first, *others]):
            errors.append(f"{user}: told {brief(first)}" + "".join(f" or {brief(o)}" for o in others) + f", there is {brief(there)}")
            return
        # What came by LMTP, or with a change that got no answer, has its UID now.
        self.have[user], self.new[user], self.other = there, [], None if self.other and self.other[0] == user else self.other

    def choices(self, user):
        return [self.have[user]] + ([self.other[1]] if self.other and self.other[0] == user else [])


def same(want, there, new):
    """Whether what is there is what was told; new: digests that may, or (without ?) must be in INBOX under any UID."""
    must, may = sorted(d for d in new if d[0] != "?"), [d[1:] for d in new if d[0] == "?"]
    for box in BOXES:
        left = dict(there[box])
        unknown = [v for u, v in want[box].items() if u is None]
        for uid, v in want[box].items():
            if uid is not None and left.pop(uid, None) != v:
                return False
        rest = list(left.values())
        for v in unknown:
            if v not in rest:
                return False
            rest.remove(v)
        rest = [d for d, _ in rest]
        for d in must if box == "INBOX" else []:
            if d not in rest:
                return False
            rest.remove(d)
        if any(d not in may or box != "INBOX" for d in rest):
            return False
    return True


def brief(have):
    return {b: {u: (v[0][:6], sorted(v[1])) for u, v in m.items()} for b, m in have.items()}


def fetch_all(c, box):
    """{uid: (digest, text, flags)}"""
    if not c.ok(f'EXAMINE "{box}"').one("EXISTS").num:
        return {}
    got = c.fetch("1:*", "(FLAGS BODY.PEEK[])")
    out = {}
    for uid, d in got.items():
        text = own_part(d["BODY[]"] or b"")
        out[uid] = (digest(text), text, frozenset(f.decode() for f in d["FLAGS"]) - {"\\Recent"})
    return out


def own_part(text):
    """Without what LMTP puts before it."""
    return text[max(text.find(b"X-Owner: "), 0):]


def wait_until(fn, seconds=10):
    limit = time.monotonic() + seconds
    while not (v := fn()):
        if time.monotonic() > limit:
            return v
        time.sleep(0.02)
    return v
