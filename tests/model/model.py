#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model: random commands from several sessions, every view checked against a reference model (RFC 3501, 4315, 6851, 7162; S12, T45, T56, T80, T81)."""
import argparse
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Fault, Timeout  # noqa: E402
from lib.server import Dovecot, Server, default_binary  # noqa: E402

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


class Cache:
    """What a QRESYNC client keeps when it is away."""

    def __init__(self, validity, modseq, flags):
        self.validity, self.modseq, self.flags = validity, modseq, flags


class Party:
    """One session: what it was told."""

    def __init__(self, world, number, kind):
        self.world, self.number, self.kind = world, number, kind
        self.client = self.box = None
        self.caches = {}        # mailbox: Cache
        self.connect()

    def connect(self):
        w = self.world
        self.client = Client(w.server.imap, timeout=30, strict=w.server.strict, trace=self.trace if w.verbose else None)
        self.client.login("alice")
        if self.kind == "qresync":
            self.client.ok("ENABLE QRESYNC")
        elif self.kind == "condstore":
            self.client.ok("ENABLE CONDSTORE")
        self.box = None
        self.idling = None

    def trace(self, side, data):
        self.world.log.append(f"{side}{self.number} {bytes(data[:300])!r}")

    # the view, from untagged responses

    def take(self, responses, solicited=None):
        for r in responses:
            self.take_one(r, solicited)

    def take_one(self, r, solicited=None):
        if r.name == "EXISTS":
            must(r.num >= len(self.view), f"EXISTS {r.num} with {len(self.view)} in the view")
            self.grow(r.num)
        elif r.name == "EXPUNGE":
            must(1 <= r.num <= len(self.view), f"EXPUNGE {r.num} of {len(self.view)}")
            uid = self.view.pop(r.num - 1)
            if uid is not None:
                self.lose(uid)
        elif r.name == "VANISHED":
            for low, high in r.data["uids"]:
                for uid in range(low, high + 1):
                    if uid in self.flags or not r.data["earlier"]:
                        must(uid in self.view or None in self.view, f"VANISHED {uid}, which is not in the view")
                        self.view.remove(uid if uid in self.view else None)
                        self.lose(uid)
        elif r.name == "FETCH" and self.box:
            self.fetched(r)
        elif r.code and r.code[0] == "CLOSED":
            self.box = None

    def grow(self, n):
        """New messages: the next UIDs of the model that are above what the view has. Of those that came and went between two
        tellings some may be counted: then the UIDs stay unknown (None) until they are told."""
        last = max([u for u in self.view if u] + [self.top])
        new = sorted([u for u in self.truth.messages if u > last] + [u for u in self.truth.gone if u > last])
        missing = n - len(self.view)
        if missing > len(new):
            raise Wrong(f"EXISTS {n}: {missing} new messages, the model knows {len(new)}")
        if len(new) == missing:
            self.view += new
        elif None not in self.view and all(u in self.truth.messages for u in new):
            self.view += new[:missing]
        else:
            self.view += [None] * missing
            return
        self.top = max([u for u in self.view if u] + [self.top])

    def lose(self, uid):
        must(uid in self.truth.gone or uid == -1, f"UID {uid} was told to be expunged, and is not")
        self.flags.pop(uid, None)

    def fetched(self, r):
        must(r.num <= len(self.view), f"FETCH {r.num} of {len(self.view)}")
        uid = self.view[r.num - 1]
        if uid is None:
            uid = self.view[r.num - 1] = r.data.get("UID")
            if uid is None:
                return
            self.top = max(self.top, uid)
        if "UID" in r.data:
            must(r.data["UID"] == uid, f"message {r.num} should be UID {uid}, FETCH says {r.data['UID']}")
        if "FLAGS" in r.data:
            flags = frozenset(f.decode() for f in r.data["FLAGS"])
            if "\\Recent" in flags and not self.readonly:
                other = self.truth.recent.setdefault(uid, (self.number, self.serial))
                must(other == (self.number, self.serial), f"UID {uid} is \\Recent for two sessions")
            flags -= {"\\Recent"}
            m = self.truth.messages.get(uid)
            if m:
                must(flags == m.flags or flags == m.before, f"flags of UID {uid} are {sorted(flags)}, the model has {sorted(m.flags)}")
            self.flags[uid] = flags

    @property
    def truth(self):
        return self.world.boxes[self.box]

    # commands

    def cmd(self, line, *literals):
        """Sends, takes what comes; returns the answer."""
        a = self.client.cmd(line, *literals)
        if self.client.oracle.faults:
            raise Wrong("the oracle: " + "; ".join(self.client.oracle.faults[:3]))
        return a

    def ok(self, line, *literals, expunge=True):
        a = self.cmd(line, *literals)
        must(a.status == "OK", f"{line[:120]} answered {a.status} {a.code} {a.text}")
        if self.box:
            self.take(a.untagged)
        return a

    def select(self, name, readonly=False):
        self.leave()
        truth = self.world.boxes[name]
        cache = self.caches.get(name)
        qresync = self.kind == "qresync" and cache and not readonly and self.world.rng.random() < 0.8
        line = f'{"EXAMINE" if readonly else "SELECT"} "{name}"'
        known = None
        if qresync:
            known = sorted(cache.flags)
            extra = ""
            if known and self.world.rng.random() < 0.5:
                extra = f" {set_text(known)}"
            line += f" (QRESYNC ({cache.validity} {cache.modseq}{extra}))"
        a = self.cmd(line)
        must(a.status == "OK", f"{line} answered {a.status} {a.text}")
        self.box, self.readonly, self.serial = name, readonly, self.world.step
        self.view, self.flags = [], {}
        self.top = 0
        must(a.one("EXISTS").num == len(truth.messages), f"SELECT {name}: EXISTS {a.one('EXISTS').num}, the model has {len(truth.messages)}")
        must(a.ucode("UIDNEXT") >= truth.uidnext, f"UIDNEXT {a.ucode('UIDNEXT')} below {truth.uidnext}")
        self.view = truth.uids()
        self.top = max(self.view, default=0)
        if a.ucode("HIGHESTMODSEQ") is not None:
            truth.told_high(a.ucode("HIGHESTMODSEQ"))
        self.validity = a.ucode("UIDVALIDITY")
        unseen = a.ucode("UNSEEN")
        want = next((i for i, u in enumerate(self.view, 1) if "\\Seen" not in truth.messages[u].flags), None)
        if unseen is not None:
            must(unseen == want, f"UNSEEN {unseen}, the model says {want}")
        if qresync and cache.validity == self.validity:
            self.resync(a, cache, truth)
        else:
            self.full()

    def resync(self, a, cache, truth):
        """VANISHED (EARLIER) and FETCH bring the old state to the present one, exactly (RFC 7162 3.2.5)."""
        flags = dict(cache.flags)
        for r in a.all("VANISHED"):
            must(r.data["earlier"], "VANISHED without (EARLIER) in SELECT")
            for low, high in r.data["uids"]:
                for uid in range(low, min(high, truth.uidnext) + 1):
                    must(uid not in truth.messages, f"VANISHED (EARLIER) names UID {uid}, which is there")
                    flags.pop(uid, None)
        for r in a.all("FETCH"):
            must("UID" in r.data and "MODSEQ" in r.data, "FETCH in SELECT without UID or MODSEQ")
            flags[r.data["UID"]] = frozenset(f.decode() for f in r.data["FLAGS"]) - {"\\Recent"}
        # new messages must have been told when the whole mailbox was asked for; known-uids may leave them out
        for uid, m in truth.messages.items():
            if uid not in cache.flags and uid not in flags:
                flags[uid] = m.flags
        want = {u: m.flags for u, m in truth.messages.items()}
        must(flags == want, f"QRESYNC of {truth.name} from {cache.modseq}: the client ends with {show(flags)}, the server has {show(want)}")
        self.flags = flags

    def full(self):
        if self.view:
            a = self.ok("FETCH 1:* (UID FLAGS)")
            must(len(a.all("FETCH")) >= len(self.view), "FETCH 1:* leaves messages out")

    def leave(self):
        """Keeps what a QRESYNC client would keep."""
        if self.box and self.kind == "qresync":
            self.settle()
            high = self.truth.high.get(self.truth.now)
            if high is not None:
                self.caches[self.box] = Cache(self.validity, high, dict(self.flags))

    def resolve(self):
        """Asks for the UIDs of messages that are known by number only."""
        while None in self.view:
            first = self.view.index(None) + 1
            a = self.cmd(f"FETCH {first}:{len(self.view)} (UID)")
            must(a.status in ("OK", "NO"), f"FETCH UID answered {a.status}")
            self.take(a.untagged)
            self.view = [u if u is not None else -1 for u in self.view]     # expunged already
        self.view = list(self.view)

    def settle(self):
        """After NOOP everything has been told."""
        self.ok("NOOP")
        self.resolve()
        truth = self.truth
        must(self.view == truth.uids(), f"after NOOP the view is {self.view}, the model has {truth.uids()}")
        new = [u for u in self.view if u not in self.flags]
        if new:
            self.ok(f"UID FETCH {set_text(new)} (FLAGS)")
        want = {u: m.flags for u, m in truth.messages.items()}
        must(self.flags == want, f"after NOOP the flags are {show(self.flags)}, the model has {show(want)}")
        if self.kind != "plain":
            a = self.ok(f'STATUS "{self.box}" (HIGHESTMODSEQ)')
            truth.told_high(a.one("STATUS").data["items"]["HIGHESTMODSEQ"])

    def drop(self):
        """Breaks off; a QRESYNC client has saved its state."""
        self.leave()
        if self.world.rng.random() < 0.5:
            self.client.cmd("LOGOUT")
        self.client.close()
        self.connect()


def set_text(uids):
    """A set, in ranges where they are next to each other."""
    out, run = [], []
    for u in sorted(uids):
        if run and u == run[-1] + 1:
            run.append(u)
            continue
        if run:
            out.append((run[0], run[-1]))
        run = [u]
    if run:
        out.append((run[0], run[-1]))
    return ",".join(f"{a}" if a == z else f"{a}:{z}" for a, z in out)


def show(flags):
    return "{" + ", ".join(f"{u}: {' '.join(sorted(f))}" for u, f in sorted(flags.items())) + "}"


class World:
    def __init__(self, args, server):
        self.args, self.server = args, server
        self.rng = random.Random(args.seed)
        self.verbose = True
        self.log = []
        self.step = 0
        self.boxes = {b: Box(b) for b in BOXES}
        with Client(server.imap, strict=server.strict) as c:
            c.login("alice")
            for b in BOXES[1:]:
                c.ok(f"CREATE {b}")
            caps = c.oracle.caps
        kinds = ["plain", "plain", "qresync", "condstore", "qresync"]
        kinds = [k if k.upper().encode() in caps else "plain" for k in kinds]
        self.parties = [Party(self, i, kinds[i % len(kinds)]) for i in range(args.sessions)]

    def run(self):
        for self.step in range(1, self.args.steps + 1):
            p = self.rng.choice(self.parties)
            name = self.rng.choices(list(ACTIONS), [w for w in ACTIONS.values()])[0]
            if p.box is None and name not in ("append", "status", "drop"):
                p.select(self.rng.choice(BOXES))
                continue
            del self.log[:-400]
            self.log.append(f"-- step {self.step}: session {p.number} ({p.kind}) {name}")
            getattr(self, "do_" + name)(p)
            for box in self.boxes.values():
                for m in box.messages.values():
                    m.before = None
        for p in self.parties:
            if p.box:
                p.settle()
            p.client.cmd("LOGOUT")

    def some(self, p, most=4):
        """UIDs of the view, and their message numbers."""
        if not p.view:
            return [], []
        sure = [i for i, u in enumerate(p.view) if u is not None and u > 0]
        picked = sorted(self.rng.sample(sure, min(len(sure), self.rng.randint(1, most))))
        return [p.view[i] for i in picked], [i + 1 for i in picked]

    def random_flags(self, most=3):
        return frozenset(self.rng.sample(FLAGS, self.rng.randint(0, most)))

    def do_append(self, p):
        box = self.rng.choice(BOXES)
        if len(self.boxes[box].messages) > 60:
            return
        flags = self.random_flags(2)
        a = p.cmd(f'APPEND "{box}" ({" ".join(flags)}) {{}}', TEXT)
        must(a.status == "OK", f"APPEND answered {a.status} {a.text}")
        self.boxes[box].add(a.code[1][1][0][0], flags)
        if p.box:
            p.take(a.untagged)

    def do_store(self, p, uid_form=None):
        uids, numbers = self.some(p)
        if not uids or p.readonly:
            return
        how = self.rng.choice(["+", "-", ""])
        flags = self.random_flags()
        silent = self.rng.choice(["", ".SILENT"])
        by_uid = self.rng.random() < 0.5
        what = f"UID STORE {set_text(uids)}" if by_uid else f"STORE {set_text(numbers)}"
        alive = [u for u in uids if u in self.boxes[p.box].messages]
        if not by_uid and len(alive) < len(uids):
            a = p.cmd(f"{what} {how}FLAGS{silent} ({' '.join(flags)})")
            must(a.status in ("OK", "NO"), f"STORE of expunged messages answered {a.status}")
            if a.status == "OK" or True:
                # it may have been done for those that are left: look
                self.look(p, a, alive, how, flags)
            return
        self.boxes[p.box].set_flags(alive, how, flags)
        a = p.cmd(f"{what} {how}FLAGS{silent} ({' '.join(flags)})")
        must(a.status == "OK", f"{what} answered {a.status} {a.code} {a.text}")
        p.take(a.untagged)
        for u in alive:
            if silent and u in p.flags:
                p.flags[u] = self.boxes[p.box].messages[u].flags
            elif not silent:
                must(p.flags.get(u) == self.boxes[p.box].messages[u].flags, f"STORE did not tell the flags of UID {u}")

    def look(self, p, a, alive, how, flags):
        """Whether an answer that may go both ways has changed anything, asked in another session."""
        box = self.boxes[p.box]
        with Client(self.server.imap, strict=self.server.strict) as c:
            c.login("alice")
            c.ok(f'EXAMINE "{p.box}"')
            there = c.fetch("1:*", "(FLAGS)") if box.messages else {}
        for u in alive:
            got = frozenset(f.decode() for f in there[u]["FLAGS"]) - {"\\Recent"}
            if got != box.messages[u].flags:
                box.set_flags([u], how, flags)
                must(got == box.messages[u].flags, f"STORE made the flags of UID {u} {sorted(got)}")
        p.take(a.untagged)
        for u in alive:
            if u in p.flags:
                p.flags[u] = box.messages[u].flags

    def do_unchangedsince(self, p):
        uids, _ = self.some(p)
        box = self.boxes[p.box]
        if not uids or p.readonly or p.kind == "plain" or not box.high:
            return
        uids = [u for u in uids if u in box.messages]
        when = self.rng.choice(sorted(box.high)[-6:])
        flags = self.random_flags(2)
        if not uids or not flags:
            return
        late = {u for u in uids if box.messages[u].when > when}
        a = p.cmd(f"UID STORE {set_text(uids)} (UNCHANGEDSINCE {box.high[when]}) +FLAGS ({' '.join(flags)})")
        must(a.status in ("OK", "NO"), f"UNCHANGEDSINCE answered {a.status} {a.text}")
        modified = set()
        if a.code and a.code[0] == "MODIFIED":
            modified = {u for lo, hi in a.code[1] for u in range(lo, hi + 1)}
        must(modified == late, f"UNCHANGEDSINCE {box.high[when]}: MODIFIED {sorted(modified)}, the model says {sorted(late)}")
        box.set_flags([u for u in uids if u not in late], "+", flags)
        p.take(a.untagged)

    def do_changedsince(self, p):
        box = self.boxes[p.box]
        if p.kind == "plain" or not box.high:
            return
        when = self.rng.choice(sorted(box.high)[-8:])
        vanished = p.kind == "qresync" and self.rng.random() < 0.6
        a = p.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {box.high[when]}{' VANISHED' if vanished else ''})")
        got = {r.data["UID"] for r in a.all("FETCH")}
        want = {u for u, m in box.messages.items() if m.when > when}
        must(want <= got, f"CHANGEDSINCE {box.high[when]} leaves out {sorted(want - got)}")
        if vanished:
            told = {u for r in a.all("VANISHED") if r.data["earlier"] for lo, hi in r.data["uids"] for u in range(lo, min(hi, box.uidnext) + 1)}
            top = max(box.messages, default=box.uidnext)       # what * stands for (RFC 3501, seq-number)
            must({u for u, t in box.gone.items() if t > when and u <= top} <= told, f"VANISHED (EARLIER) since {box.high[when]}: {sorted(told)}")
            must(not told & set(box.messages), "VANISHED (EARLIER) names messages that are there")

    def do_fetch(self, p):
        uids, numbers = self.some(p, 6)
        if not uids:
            return
        if self.rng.random() < 0.5:
            a = p.ok(f"UID FETCH {set_text(uids)} (FLAGS RFC822.SIZE)")
            got = {r.data["UID"] for r in a.all("FETCH")}
            must({u for u in uids if u in self.boxes[p.box].messages} <= got, "UID FETCH leaves messages out")
        else:
            a = p.cmd(f"FETCH {set_text(numbers)} (UID FLAGS RFC822.SIZE)")
            gone = [u for u in uids if u not in self.boxes[p.box].messages]
            must(a.status == "OK" or gone and a.code and a.code[0] == "EXPUNGEISSUED", f"FETCH answered {a.status} {a.code}")
            p.take(a.untagged)

    def do_seen(self, p):
        uids, _ = self.some(p, 2)
        uids = [u for u in uids if u in self.boxes[p.box].messages]
        if not uids:
            return
        if not p.readonly:
            self.boxes[p.box].set_flags(uids, "+", frozenset(["\\Seen"]))
        a = p.ok(f"UID FETCH {set_text(uids)} BODY[]")
        for r in a.all("FETCH"):
            if "BODY[]" in r.data:
                must(r.data["BODY[]"] == TEXT, "another text")

    def do_search(self, p):
        flag = self.rng.choice(FLAGS[:5])
        key = flag[1:].upper()
        box = self.boxes[p.box]
        by_uid = self.rng.random() < 0.5
        view = list(p.view)
        a = p.ok(("UID " if by_uid else "") + "SEARCH " + key)
        numbers = set(a.one("SEARCH").data["numbers"]) if a.one("SEARCH") else set()
        must(by_uid or not numbers or max(numbers) <= len(view), "SEARCH names a message before EXISTS told it")
        if None in view or -1 in view:
            return
        got = numbers if by_uid else {view[n - 1] for n in numbers}
        least = {u for u, m in box.messages.items() if flag in m.flags and u in view}
        want = {u for u, m in box.messages.items() if flag in m.flags and (by_uid or u in view)}
        must(least <= {u for u in got if u in box.messages} <= want, f"SEARCH {key}: {sorted(got)}, the model says {sorted(want)}")

    def do_expunge(self, p):
        if p.readonly:
            return
        box = self.boxes[p.box]
        deleted = [u for u in box.uids() if "\\Deleted" in box.messages[u].flags]
        if self.rng.random() < 0.5:
            # only what this session has been told of must go; what is newer may stay
            known = [u for u in deleted]
            box.expunge(known)
            p.ok("EXPUNGE")
        else:
            uids, _ = self.some(p, 8)
            if not uids:
                return
            box.expunge([u for u in uids if u in deleted])
            p.ok(f"UID EXPUNGE {set_text(uids)}")

    def copied(self, a, box, target, uids):
        code = a.code[1] if a.code and a.code[0] == "COPYUID" else a.ucode("COPYUID")
        alive = [u for u in uids if u in box.messages]
        if not alive:
            return []
        must(code is not None, "no COPYUID")
        flat = [[u for lo, hi in ranges for u in range(lo, hi + 1)] for ranges in code[1:]]
        must(set(alive) <= set(flat[0]), f"COPYUID names {flat[0]} instead of {alive}")
        return list(zip(*flat))

    def do_copy(self, p):
        uids, _ = self.some(p)
        box, target = self.boxes[p.box], self.boxes[self.rng.choice(BOXES)]
        uids = [u for u in uids if u in box.messages]
        if not uids or len(target.messages) > 60:
            return
        a = p.cmd(f'UID COPY {set_text(uids)} "{target.name}"')
        must(a.status == "OK", f"COPY answered {a.status} {a.text}")
        pairs = self.copied(a, box, target, uids)
        for old, new in pairs:
            target.add(new, box.messages[old].flags)
        p.take(a.untagged)

    def do_move(self, p):
        uids, _ = self.some(p)
        box, target = self.boxes[p.box], self.boxes[self.rng.choice([b for b in BOXES if b != p.box])]
        uids = [u for u in uids if u in box.messages]
        if not uids or p.readonly or len(target.messages) > 60:
            return
        a = p.cmd(f'UID MOVE {set_text(uids)} "{target.name}"')
        must(a.status == "OK", f"MOVE answered {a.status} {a.text}")
        for old, new in self.copied(a, box, target, uids):
            target.add(new, box.messages[old].flags)
        box.expunge(uids)
        p.take(a.untagged)

    def do_noop(self, p):
        p.settle()

    def do_select(self, p):
        p.select(self.rng.choice(BOXES), self.rng.random() < 0.15)

    def do_close(self, p):
        box = self.boxes[p.box]
        p.leave()
        if self.rng.random() < 0.5:
            if not p.readonly:
                gone = [u for u in box.uids() if "\\Deleted" in box.messages[u].flags]
                box.expunge(gone)
            a = p.cmd("CLOSE")
            if a.code and a.code[0] == "HIGHESTMODSEQ":
                raise Wrong("HIGHESTMODSEQ in the answer to CLOSE (T89)")
        else:
            a = p.cmd("UNSELECT")
        must(a.status == "OK", f"CLOSE answered {a.status}")
        p.box = None

    def do_status(self, p):
        box = self.boxes[self.rng.choice(BOXES)]
        a = p.cmd(f'STATUS "{box.name}" (MESSAGES UIDNEXT UNSEEN)')
        items = a.one("STATUS").data["items"]
        if p.box:
            p.take([r for r in a.untagged if r.name != "STATUS"])
        unseen = sum("\\Seen" not in m.flags for m in box.messages.values())
        must(items == {"MESSAGES": len(box.messages), "UIDNEXT": box.uidnext, "UNSEEN": unseen},
             f"STATUS {items}, the model has {len(box.messages)}, {box.uidnext}, {unseen}")

    def do_idle(self, p):
        """IDLE while another session changes something: it must be told within two seconds."""
        other = self.rng.choice([x for x in self.parties if x is not p])
        c = p.client
        tag = c.start("IDLE")
        while True:
            r = c.response()
            if r.kind == "continue":
                break
            p.take_one(r)
        if other.box is None:
            other.select(p.box)
        getattr(self, self.rng.choice(["do_append", "do_store", "do_move", "do_expunge"]))(other)
        deadline = time.monotonic() + 3
        box = p.truth
        while time.monotonic() < deadline:
            if len(p.view) == len(box.messages) and all(p.flags.get(u, m.flags) == m.flags for u, m in box.messages.items()):
                break
            try:
                p.take_one(c.response(0.5))
            except Timeout:
                continue
        c.send(b"DONE\r\n")
        p.take(c.finish(tag).untagged)
        p.resolve()
        must(p.view == box.uids(), f"IDLE was not told: the view is {p.view}, the model has {box.uids()}")
        must(all(p.flags.get(u, m.flags) == m.flags for u, m in box.messages.items()), "IDLE was not told of flags")

    def do_drop(self, p):
        p.drop()


ACTIONS = {"append": 14, "store": 16, "unchangedsince": 5, "changedsince": 4, "fetch": 8, "seen": 4, "search": 6, "expunge": 8, "copy": 6,
           "move": 6, "noop": 10, "select": 6, "close": 2, "status": 5, "idle": 3, "drop": 3}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--dovecot", action="store_true")
    p.add_argument("--steps", type=int, default=3000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--sessions", type=int, default=5)
    p.add_argument("--runs", type=int, default=1, help="so many runs, with following seeds")
    args = p.parse_args()
    failures = 0
    began = time.monotonic()
    for seed in range(args.seed, args.seed + args.runs):
        args.seed = seed
        server = Dovecot(["alice"]) if args.dovecot else Server(args.mansio or default_binary(), ["alice"])
        world = None
        try:
            server.start()
            world = World(args, server)
            world.run()
            if not args.dovecot:
                code = server.stop()
                must(not code and not server.crashed(), f"the server ended with {code}: {server.crashed() or server.log_tail()}")
                must(server.cli("check", check=False).returncode == 0, "mansio check is not clean")
        except (Wrong, Fault, Closed, Timeout) as e:
            failures += 1
            print("\n".join(x for x in world.log[-60:]) if world else "")
            print(f"FAIL seed {seed}, step {world.step if world else 0}: {type(e).__name__}: {e}")
            if not args.dovecot and not server.alive():
                print(server.log_tail())
        finally:
            server.close()
    print(f"{args.runs} runs of {args.steps} steps, {failures} failures (last seed {args.seed}, {time.monotonic() - began:.1f} s)")
    return 1 if failures else 0


__all__ = ["re"]
if __name__ == "__main__":
    sys.exit(main())
