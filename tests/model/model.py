#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model: random commands from several sessions, every view checked against a reference model (RFC 3501, 3502, 4315, 5182, 6851, 7162, 8437, 8508, 9051, 9586;
S12, T30, T45, T56, T80, T81)."""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.imapclient import Client, Closed, Fault, Timeout  # noqa: E402
from lib.server import Dovecot, Server, default_binary  # noqa: E402
from party import Party, fetches, found, set_text, uid_of  # noqa: E402
from reference import BOXES, Box, FLAGS, TEXT, Wrong, must  # noqa: E402


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
        kinds = ["plain", "qresync", "uidonly", "condstore", "qresync", "rev2", "plain"]
        kinds = [k if {"rev2": b"IMAP4REV2"}.get(k, k.upper().encode()) in caps else "plain" for k in kinds]
        self.parties = [Party(self, i, kinds[i % len(kinds)]) for i in range(args.sessions)]

    def run(self):
        for self.step in range(1, self.args.steps + 1):
            p = self.rng.choice(self.parties)
            name = self.rng.choices(list(ACTIONS), [w for w in ACTIONS.values()])[0]
            if p.box is None and name not in ("append", "multiappend", "status", "drop", "rename", "delete", "unauthenticate"):
                p.select(self.rng.choice(list(self.boxes)))
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

    def add(self, box, uid, flags):
        box.add(uid, flags)
        if not any(p.box == box.name and not p.readonly for p in self.parties):
            box.fresh.add(uid)

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
        self.append(p, 1)

    def do_multiappend(self, p):
        self.append(p, self.rng.randint(2, 4))

    def append(self, p, n):
        box = self.rng.choice(list(self.boxes.values()))
        if len(box.messages) > 60:
            return
        each = [self.random_flags(2) for _ in range(n)]
        a = p.cmd(f'APPEND "{box.name}"' + "".join(f' ({" ".join(flags)}) {{}}' for flags in each), *[TEXT] * n)
        must(a.status == "OK", f"APPEND answered {a.status} {a.text}")
        uids = [u for low, high in a.code[1][1] for u in range(low, high + 1)]
        must(len(uids) == n, f"APPENDUID names {uids} for {n} messages")
        for uid, flags in zip(uids, each):
            self.add(box, uid, flags)
        if p.box:
            p.take(a.untagged)

    def do_replace(self, p):
        """RFC 8508: the new one is there and the old one gone, or neither."""
        uids, numbers = self.some(p, 1)
        if not uids or p.readonly or uids[0] not in self.boxes[p.box].messages:
            return
        box, target, flags = self.boxes[p.box], self.rng.choice(list(self.boxes.values())), self.random_flags(2)
        what = f"UID REPLACE {uids[0]}" if p.by_uid or self.rng.random() < 0.5 else f"REPLACE {numbers[0]}"
        a = p.cmd(f'{what} "{target.name}" ({" ".join(flags)}) {{}}', TEXT)
        must(a.status == "OK", f"{what} answered {a.status} {a.code} {a.text}")
        code = a.ucode("APPENDUID")
        must(code is not None, "REPLACE without APPENDUID")
        self.add(target, code[1][0][0], flags)
        box.expunge(uids)
        p.take(a.untagged)
        must(uids[0] not in p.view, "REPLACE did not tell that the old one is gone")

    def do_store(self, p, uid_form=None):
        uids, numbers = self.some(p)
        if not uids or p.readonly:
            return
        how = self.rng.choice(["+", "-", ""])
        flags = self.random_flags()
        silent = self.rng.choice(["", ".SILENT"])
        by_uid = p.by_uid or self.rng.random() < 0.5
        what = f"UID STORE {set_text(uids)}" if by_uid else f"STORE {set_text(numbers)}"
        alive = [u for u in uids if u in self.boxes[p.box].messages]
        if not by_uid and len(alive) < len(uids):
            a = p.cmd(f"{what} {how}FLAGS{silent} ({' '.join(flags)})")
            # NO when all are gone; else it was done for those that are left (RFC 2180 4.2.2, T106)
            must(a.status == ("OK" if alive else "NO"), f"STORE of {len(uids)} messages, {len(alive)} of them there, answered {a.status}")
            must(alive or a.code and a.code[0] == "EXPUNGEISSUED", f"STORE of expunged messages answered {a.status} {a.code}")
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
        # Changes of other flags do not count (RFC 7162 3.1.12); those that one command made of several messages may count for all of them.
        most = {u for u in uids if box.messages[u].when > when}
        late = {u for u in most if box.messages[u].born > when or any(box.messages[u].touched.get(f, 0) > when for f in flags)}
        a = p.cmd(f"UID STORE {set_text(uids)} (UNCHANGEDSINCE {box.high[when]}) +FLAGS ({' '.join(flags)})")
        must(a.status in ("OK", "NO"), f"UNCHANGEDSINCE answered {a.status} {a.text}")
        modified = set()
        if a.code and a.code[0] == "MODIFIED":
            modified = {u for lo, hi in a.code[1] for u in range(lo, hi + 1)}
        must(late <= modified <= most, f"UNCHANGEDSINCE {box.high[when]}: MODIFIED {sorted(modified)}, the model says {sorted(late)}")
        box.set_flags([u for u in uids if u not in modified], "+", flags)
        p.take(a.untagged)

    def do_changedsince(self, p):
        box = self.boxes[p.box]
        if p.kind == "plain" or not box.high:
            return
        when = self.rng.choice(sorted(box.high)[-8:])
        vanished = p.kind == "qresync" and self.rng.random() < 0.6
        a = p.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {box.high[when]}{' VANISHED' if vanished else ''})")
        got = {uid_of(r) for r in fetches(a)}
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
        if p.by_uid or self.rng.random() < 0.5:
            a = p.ok(f"UID FETCH {set_text(uids)} (FLAGS RFC822.SIZE)")
            got = {uid_of(r) for r in fetches(a)}
            must({u for u in uids if u in self.boxes[p.box].messages} <= got, "UID FETCH leaves messages out")
        else:
            a = p.cmd(f"FETCH {set_text(numbers)} (UID FLAGS RFC822.SIZE)")
            alive = [u for u in uids if u in self.boxes[p.box].messages]
            must(a.status == "OK" or not alive and a.code and a.code[0] == "EXPUNGEISSUED", f"FETCH answered {a.status} {a.code}")
            must(a.status != "OK" or fetches(a), "FETCH is OK without a line")
            p.take(a.untagged)

    def do_seen(self, p):
        uids, _ = self.some(p, 2)
        uids = [u for u in uids if u in self.boxes[p.box].messages]
        if not uids:
            return
        if not p.readonly:
            self.boxes[p.box].set_flags(uids, "+", frozenset(["\\Seen"]))
        a = p.ok(f"UID FETCH {set_text(uids)} BODY[]")
        for r in fetches(a):
            if "BODY[]" in r.data:
                must(r.data["BODY[]"] == TEXT, "another text")

    def do_search(self, p):
        flag = self.rng.choice(FLAGS[:5])
        key = flag[1:].upper()
        box = self.boxes[p.box]
        by_uid = p.by_uid or self.rng.random() < 0.5
        view = list(p.view)
        how = self.rng.choice(["", "RETURN (ALL) ", "RETURN (SAVE ALL COUNT) "])
        a = p.ok(("UID " if by_uid else "") + "SEARCH " + how + key)
        numbers = found(a, p.kind == "rev2" or how)
        if "SAVE" in how:
            p.saved = {view[n - 1] for n in numbers} if not by_uid else numbers
            if None in p.saved or -1 in p.saved or by_uid and (p.saved - set(p.view)):
                p.ok("UID SEARCH RETURN (SAVE) UID 1 NOT UID 1")
                p.saved = set()
        must(by_uid or not numbers or max(numbers) <= len(view), "SEARCH names a message before EXISTS told it")
        if None in view or -1 in view:
            return
        got = numbers if by_uid else {view[n - 1] for n in numbers}
        least = {u for u, m in box.messages.items() if flag in m.flags and u in view}
        want = {u for u, m in box.messages.items() if flag in m.flags and (by_uid or u in view)}
        must(least <= {u for u in got if u in box.messages} <= want, f"SEARCH {key}: {sorted(got)}, the model says {sorted(want)}")

    def do_context(self, p):
        """A search whose results are kept up; or the end of one."""
        if len(p.contexts) > 5 or p.contexts and self.rng.random() < 0.2:
            tag = self.rng.choice(list(p.contexts))
            a = p.cmd(f'CANCELUPDATE "{tag}"')
            must(a.status in ("OK", "NO"), f"CANCELUPDATE answered {a.status}")
            p.take(a.untagged)
            del p.contexts[tag]
            return
        flags = [f[1:].upper() if f[0] == "\\" else "KEYWORD " + f for f in self.rng.sample(FLAGS, 2)]
        keys = self.rng.choice(["ALL", flags[0], "NOT " + flags[0], f"OR {flags[0]} {flags[1]}", f"NOT {flags[0]} NOT {flags[1]}",
                                "UID *", f"UID {self.rng.randint(1, 40)}:* {flags[0]}", f"NOT UID * {flags[0]}"])
        line = "UID " if p.by_uid or self.rng.random() < 0.6 else ""
        if self.rng.random() < 0.5:
            line += f"SEARCH RETURN (UPDATE ALL) {keys}"
        else:
            by = self.rng.choice(["ARRIVAL", "REVERSE ARRIVAL", "SIZE", "REVERSE SIZE SUBJECT", "SUBJECT", "REVERSE SUBJECT DATE"])
            line += f"SORT RETURN (UPDATE ALL) ({by}) UTF-8 {keys}"
        p.contexts[p.ok(line).tagged.tag] = line

    def do_saved(self, p):
        """What $ stands for: the messages found, without those that the session was told to be gone (RFC 5182 2.1)."""
        box = self.boxes[p.box]
        alive = sorted(u for u in p.saved if u in box.messages)
        way = self.rng.choice(["search", "fetch", "store", "copy"])
        if way == "store" and not p.readonly:
            box.set_flags(alive, "+", frozenset(["$b"]))
            p.ok("UID STORE $ +FLAGS ($b)")
        elif way == "copy" and len(box.messages) < 60:
            a = p.cmd(f'UID COPY $ "{box.name}"')
            must(a.status == "OK", f"COPY of $ answered {a.status} {a.text}")
            flags = {u: box.messages[u].flags for u in alive}
            for old, new in self.copied(a, box, box, alive):
                self.add(box, new, flags[old])
            p.take(a.untagged)
        elif way == "fetch":
            before = set(p.saved)
            a = p.cmd("UID FETCH $ (FLAGS MODSEQ)" if p.kind != "plain" else "UID FETCH $ (FLAGS)")
            must(a.status in ("OK", "NO"), f"FETCH of $ answered {a.status}")
            got = {uid_of(r) for r in fetches(a)}
            must(set(alive) <= got, f"FETCH of $ left out {sorted(set(alive) - got)} of {sorted(before)}")
            p.take(a.untagged)
        else:
            before = set(p.saved)
            numbers = found(p.ok("UID SEARCH RETURN (ALL) $"), True)
            must(set(alive) <= numbers <= before, f"$ is {sorted(numbers)}, the model says {sorted(alive)} of {sorted(before)}")

    def do_unauthenticate(self, p):
        """RFC 8437: the session begins anew on the same connection; nothing is enabled, nothing selected."""
        p.leave()
        a = p.client.cmd("UNAUTHENTICATE")
        must(a.status == "OK", f"UNAUTHENTICATE answered {a.status} {a.text}")
        p.begin()

    def do_rename(self, p):
        """Sessions that have it selected go on; UIDs and mod-sequences stay."""
        old = self.rng.choice([b for b in self.boxes if b != "INBOX"])
        new = old[:-1] if old.endswith("x") else old + "x"
        a = p.cmd(f'RENAME "{old}" "{new}"')
        must(a.status == "OK", f"RENAME answered {a.status} {a.text}")
        box = self.boxes[new] = self.boxes.pop(old)
        box.name = new
        for q in self.parties:
            if q.box == old:
                q.box = new
            if old in q.caches:
                q.caches[new] = q.caches.pop(old)
        if p.box:
            p.take(a.untagged)

    def do_delete(self, p):
        """DELETE and CREATE again. Sessions that had it selected are told that all is gone, or that it is closed (T30)."""
        name = self.rng.choice([b for b in self.boxes if b != "INBOX"])
        box = self.boxes[name]
        box.expunge(box.uids())
        a = p.cmd(f'DELETE "{name}"')
        must(a.status == "OK", f"DELETE answered {a.status} {a.text}")
        if p.box:
            p.take(a.untagged)
        made = p.cmd(f'CREATE "{name}"')
        must(made.status == "OK", f"CREATE answered {made.status} {made.text}")
        if p.box:
            p.take(made.untagged)
        for q in self.parties:
            if q.box == name:
                self.deleted_under(q)
        self.boxes[name] = Box(name)
        self.boxes[name].after = box.validity or 0

    def deleted_under(self, p):
        line = self.rng.choice(["NOOP", "UID FETCH 1:* (FLAGS)", "UID SEARCH ALL", "CHECK"])
        a = p.cmd(line)
        must(a.status == ("OK" if line == "NOOP" else "NO"), f"{line} in a deleted mailbox answered {a.status}")
        p.take(a.untagged)
        if p.box:
            a = p.cmd("NOOP")
            p.take(a.untagged)
        must(p.box is None or not p.view, f"the mailbox was deleted, the session still has {p.view}")
        if p.box and self.rng.random() < 0.5:
            p.cmd(self.rng.choice(["UNSELECT", "CLOSE"]))
        p.box, p.saved = None, set()

    def do_expunge(self, p):
        if p.readonly:
            return
        box = self.boxes[p.box]
        deleted = [u for u in box.uids() if "\\Deleted" in box.messages[u].flags]
        if self.rng.random() < 0.5:
            box.expunge(deleted)
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
        box, target = self.boxes[p.box], self.rng.choice(list(self.boxes.values()))
        uids = [u for u in uids if u in box.messages]
        if not uids or len(target.messages) > 60:
            return
        a = p.cmd(f'UID COPY {set_text(uids)} "{target.name}"')
        must(a.status == "OK", f"COPY answered {a.status} {a.text}")
        pairs = self.copied(a, box, target, uids)
        for old, new in pairs:
            self.add(target, new, box.messages[old].flags)
        p.take(a.untagged)

    def do_move(self, p):
        uids, _ = self.some(p)
        box, target = self.boxes[p.box], self.boxes[self.rng.choice([b for b in self.boxes if b != p.box])]
        uids = [u for u in uids if u in box.messages]
        if not uids or p.readonly or len(target.messages) > 60:
            return
        a = p.cmd(f'UID MOVE {set_text(uids)} "{target.name}"')
        must(a.status == "OK", f"MOVE answered {a.status} {a.text}")
        for old, new in self.copied(a, box, target, uids):
            self.add(target, new, box.messages[old].flags)
        box.expunge(uids)
        p.take(a.untagged)

    def do_noop(self, p):
        p.settle()

    def do_select(self, p):
        p.select(self.rng.choice(list(self.boxes)), self.rng.random() < 0.15)

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
        box = self.rng.choice(list(self.boxes.values()))
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
        getattr(self, self.rng.choice(["do_append", "do_multiappend", "do_replace", "do_store", "do_move", "do_expunge"]))(other)
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
           "move": 6, "noop": 10, "select": 6, "close": 2, "status": 5, "idle": 3, "drop": 3, "multiappend": 3, "replace": 4,
           "saved": 5, "context": 4, "unauthenticate": 2, "rename": 2, "delete": 1}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--dovecot", action="store_true")
    p.add_argument("--steps", type=int, default=3000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--sessions", type=int, default=6)
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
                fault = server.ended()
                must(not fault, fault)
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


if __name__ == "__main__":
    sys.exit(main())
