# SPDX-License-Identifier: Apache-2.0
"""party: a session and its view, built from the untagged responses as a client would, checked against the reference."""
from lib.imapclient import Client
from reference import Cache, Wrong, must, show


class Party:
    """One session: what it was told."""

    def __init__(self, world, number, kind):
        self.world, self.number, self.kind = world, number, kind
        self.client = self.box = None
        self.caches = {}        # mailbox: Cache
        self.by_uid = kind == "uidonly"
        self.resyncs = kind in ("qresync", "uidonly")
        self.connect()

    def connect(self):
        w = self.world
        self.client = Client(w.server.imap, timeout=30, strict=w.server.strict, trace=self.trace if w.verbose else None)
        self.begin()

    def begin(self):
        self.client.login("alice")
        enable = {"qresync": "QRESYNC", "condstore": "CONDSTORE", "uidonly": "QRESYNC UIDONLY", "rev2": "IMAP4rev2 CONDSTORE"}.get(self.kind)
        if enable:
            self.client.ok("ENABLE " + enable)
        self.box = None
        self.saved = set()      # what $ stands for
        self.contexts = {}      # tag: command of a search whose results are kept up

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
                        self.vanish(uid)
                        self.lose(uid)
        elif r.name == "FETCH" and self.box:
            must(not self.by_uid, "FETCH in a session with UIDONLY")
            self.fetched(r)
        elif r.name == "UIDFETCH" and self.box:
            self.uid_fetched(r)
        elif r.code and r.code[0] == "CLOSED":
            self.box = None

    def vanish(self, uid):
        """Takes a UID out of the view. Where it stands may not be known yet: then it is one of the unknown ones between its neighbours."""
        if uid in self.view:
            self.view.remove(uid)
            return
        if self.by_uid:
            must(None in self.view, f"VANISHED {uid}, which is not in the view")
            self.view.remove(None)
            return
        low = max((i for i, u in enumerate(self.view) if u is not None and 0 < u < uid), default=-1) + 1
        high = min((i for i, u in enumerate(self.view) if u is not None and u > uid), default=len(self.view))
        gap = self.view[low:high]
        must(gap, f"VANISHED {uid}, which is not in the view")
        del self.view[low + gap.index(None if None in gap else -1)]

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
        elif not self.by_uid and None not in self.view and all(u in self.truth.messages for u in new):
            self.view += new[:missing]
        else:
            self.view += [None] * missing
            return
        self.top = max([u for u in self.view if u] + [self.top])

    def lose(self, uid):
        must(uid in self.truth.gone or uid == -1, f"UID {uid} was told to be expunged, and is not")
        self.flags.pop(uid, None)
        self.saved.discard(uid)

    def uid_fetched(self, r):
        """UIDFETCH (RFC 9586 3.3): where in the mailbox the message stands is not said; the unknown ones are kept last."""
        must(r.data.get("UID", r.num) == r.num, f"UIDFETCH {r.num} with UID {r.data.get('UID')}")
        if r.num not in self.view:
            must(None in self.view, f"UIDFETCH {r.num}, which is not in the view {self.view}")
            self.view.remove(None)
            known = sorted([u for u in self.view if u is not None] + [r.num])
            self.view = known + [None] * (len(self.view) - len(known) + 1)
            self.top = max(self.top, r.num)
        self.learn(r.num, r.data)

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
        self.learn(uid, r.data)

    def learn(self, uid, data):
        if "FLAGS" in data:
            flags = frozenset(f.decode() for f in data["FLAGS"])
            if "\\Recent" in flags:
                self.recent.add(uid)
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
        qresync = self.resyncs and cache and not readonly and self.world.rng.random() < 0.8
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
        self.view, self.flags, self.recent, self.saved = [], {}, set(), set()
        self.contexts = {}
        self.top = 0
        must(a.one("EXISTS").num == len(truth.messages), f"SELECT {name}: EXISTS {a.one('EXISTS').num}, the model has {len(truth.messages)}")
        must(a.ucode("UIDNEXT") >= truth.uidnext, f"UIDNEXT {a.ucode('UIDNEXT')} below {truth.uidnext}")
        self.view = truth.uids()
        self.top = max(self.view, default=0)
        if a.ucode("HIGHESTMODSEQ") is not None:
            truth.told_high(a.ucode("HIGHESTMODSEQ"))
        self.validity = a.ucode("UIDVALIDITY")
        truth.told_validity(self.validity)
        unseen = a.ucode("UNSEEN")
        want = next((i for i, u in enumerate(self.view, 1) if "\\Seen" not in truth.messages[u].flags), None)
        if unseen is not None:
            must(unseen == want, f"UNSEEN {unseen}, the model says {want}")
        if qresync and cache.validity == self.validity:
            self.resync(a, cache, truth)
        else:
            self.full()
            self.check_recent(a, truth)
        if not readonly:
            truth.fresh.clear()

    def check_recent(self, a, truth):
        """RFC 3501 2.3.2: \\Recent for the first session that is told of a message; RECENT counts them."""
        if self.kind == "rev2":
            must(not self.recent and not a.one("RECENT"), "\\Recent in a session with IMAP4rev2")
            return
        must(a.one("RECENT").num == len(self.recent), f"RECENT {a.one('RECENT').num}, the flag is on {sorted(self.recent)}")
        fresh = truth.fresh & set(truth.messages)
        must(fresh <= self.recent, f"{truth.name}: {sorted(fresh - self.recent)} have been told to nobody and are not \\Recent")

    def resync(self, a, cache, truth):
        """VANISHED (EARLIER) and FETCH bring the old state to the present one, exactly (RFC 7162 3.2.5)."""
        flags = dict(cache.flags)
        for r in a.all("VANISHED"):
            must(r.data["earlier"], "VANISHED without (EARLIER) in SELECT")
            for low, high in r.data["uids"]:
                for uid in range(low, min(high, truth.uidnext) + 1):
                    must(uid not in truth.messages, f"VANISHED (EARLIER) names UID {uid}, which is there")
                    flags.pop(uid, None)
        for r in fetches(a):
            must((self.by_uid or "UID" in r.data) and "MODSEQ" in r.data, "FETCH in SELECT without UID or MODSEQ")
            flags[uid_of(r)] = frozenset(f.decode() for f in r.data["FLAGS"]) - {"\\Recent"}
        # new messages must have been told when the whole mailbox was asked for; known-uids may leave them out
        for uid, m in truth.messages.items():
            if uid not in cache.flags and uid not in flags:
                flags[uid] = m.flags
        want = {u: m.flags for u, m in truth.messages.items()}
        must(flags == want, f"QRESYNC of {truth.name} from {cache.modseq}: the client ends with {show(flags)}, the server has {show(want)}")
        self.flags = flags

    def full(self):
        if self.view:
            a = self.ok("UID FETCH 1:* (FLAGS)" if self.by_uid else "FETCH 1:* (UID FLAGS)")
            must(len(fetches(a)) >= len(self.view), "FETCH 1:* leaves messages out")

    def leave(self):
        """Keeps what a QRESYNC client would keep."""
        if self.box and self.resyncs:
            self.settle()
            high = self.truth.high.get(self.truth.now)
            if high is not None:
                self.caches[self.box] = Cache(self.validity, high, dict(self.flags))

    def resolve(self):
        """Asks for the UIDs of messages that are known by number only."""
        while None in self.view:
            first = self.view.index(None) + 1
            a = self.cmd("UID FETCH 1:* (UID)" if self.by_uid else f"FETCH {first}:{len(self.view)} (UID)")
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
        self.check_contexts()
        if self.kind != "plain":
            a = self.ok(f'STATUS "{self.box}" (HIGHESTMODSEQ)')
            truth.told_high(a.one("STATUS").data["items"]["HIGHESTMODSEQ"])

    def check_contexts(self):
        """RFC 5267 4.3: what ADDTO and REMOVEFROM made of the results (the oracle carries them out) is what a search finds now. Only when
        everything has been told."""
        mailbox = self.client.oracle.mailbox
        for tag, line in self.contexts.items():
            live = mailbox.live.get(tag) if mailbox else None
            if live is None or live.list is None:
                continue
            now = results(self.ok(line.replace("UPDATE ", "")))
            kept = live.list if live.sort else sorted(live.list)
            must(kept == now, f"the results of {line} are kept up as {kept}, a search finds {now}")

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


def found(a, extended):
    """What SEARCH found: ESEARCH in extended form (RFC 4731; in rev2 always), else SEARCH."""
    if not extended:
        return set(a.one("SEARCH").data["numbers"]) if a.one("SEARCH") else set()
    return set(results(a))


def results(a):
    """ALL of the answer, in its order; ESEARCH also tells how kept results change (RFC 5267 4.3)."""
    items = [r for r in a.all("ESEARCH") if not r.data["updates"]][-1].data["items"]
    return [n for low, high in items.get("ALL", ()) for n in range(low, high + 1)]


def fetches(a):
    return a.all("FETCH") + a.all("UIDFETCH")


def uid_of(r):
    return r.num if r.name == "UIDFETCH" else r.data["UID"]
