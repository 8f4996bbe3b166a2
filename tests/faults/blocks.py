# SPDX-License-Identifier: Apache-2.0
"""blocks: damage to every block of the store in turn: a bit, a page of zeroes, the end of the file. What is served is right, what is not is
named, and repair ends with a sound store that has the rest."""
import copy
import os
import random
import shutil

from faults.calls import make_store
from faults.world import BOXES, GONE, OK, USERS, own_part
from lib.imapclient import Fault
from lib.server import Server

BLOCK = 8192


def run(args, folder, errors):
    base = os.path.join(folder, "base")
    os.makedirs(base)
    world = make_store(args.mansio, base)
    server = Server(args.mansio, (), ["imaps.listen=none"], folder=base)
    clients = {}
    with server:        # more to lose: flags, a copy, something expunged
        for i in range(24):
            world.change(server, clients, USERS[i % 2])
        world.look(server, errors)
    n = os.path.getsize(os.path.join(base, "data", "mansio.db")) // BLOCK
    cases = [(kind, i) for i in range(n) for kind in ("bit", "zeroes", "end")]
    if not args.long:
        cases = cases[::max(1, len(cases) // 21)]
    named = unharmed = kept = 0
    for kind, i in cases:
        result = one_case(args, base, copy.deepcopy(world), kind, i, os.path.join(folder, "run"), errors)
        named += result[0]
        unharmed += not result[0]
        kept += result[1]
        if len(errors) > 20:
            break
    print(f"blocks: {len(cases)} damages of {n} blocks, {named} named by check, {unharmed} hurt nothing that is used, "
          f"{kept} messages served in all after repair")
    return len(cases)


def damage(path, kind, i):
    with open(path, "r+b") as f:
        if kind == "end":
            f.truncate(i * BLOCK)
            return
        f.seek(i * BLOCK)
        page = bytearray(f.read(BLOCK))
        if kind == "zeroes":
            page = bytes(BLOCK)
        else:
            rng = random.Random(i)
            at = rng.randrange(BLOCK)
            page[at] ^= 1 << rng.randrange(8)
        f.seek(i * BLOCK)
        f.write(page)


def read_all(world, server, errors, must, named=False):
    """Reads everything that is served. Messages that came as they should; whether something that should be there was not."""
    right, missing = 0, False
    for user in USERS:
        for box in BOXES:
            want = {u: v for u, v in world.have[user][box].items()}
            try:
                with world.login(server, user) as c:
                    if not c.ok(f'EXAMINE "{box}"').one("EXISTS").num:
                        missing = missing or bool(want)
                        continue
                    for uid in sorted(want):
                        a = c.cmd(f"UID FETCH {uid} (FLAGS BODY.PEEK[])")
                        got = [r.data for r in a.all("FETCH") if r.data.get("UID") == uid]
                        text = own_part(got[0].get("BODY[]") or b"") if got else b""
                        if text:
                            world.right(user, box, uid, text, errors)
                            right += 1
                            if not must and {f.decode() for f in got[0]["FLAGS"]} - {"\\Recent"} != want[uid][1]:
                                errors.append(f"{user} {box} {uid}: wrong flags")
                        missing = missing or not text
            except (Fault, *GONE) as e:
                missing = True
                # Passwords may be what was lost: the administrator gives new ones. Or a mailbox's name: it has another then.
                if must and not (named and ("AUTHENTICATIONFAILED" in str(e) or "NONEXISTENT" in str(e))):
                    errors.append(f"{user} {box}: not served after repair: {e}")
    return right, missing


def one_case(args, base, world, kind, i, folder, errors):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    damage(os.path.join(folder, "data", "mansio.db"), kind, i)
    server = Server(args.mansio, (), ["imaps.listen=none"], folder=folder)
    mine, missing, kept, started = [], True, 0, True
    try:
        server.start()
        right, missing = read_all(world, server, mine, False)
    except RuntimeError:
        started = False     # it says why, and serves nothing
    if server.crashed():
        mine.append(server.crashed()[:500])
    server.kill()
    named = server.cli("check", check=False).returncode != 0
    if (missing or not started) and not named:
        mine.append("something is missing, and check does not name it")
    mine += repair(args, world, server, i)
    try:
        server.start()
        kept, _ = read_all(world, server, mine, not (kind == "end" and i < 4), named)
        if named is False and kept < sum(len(b) for u in USERS for b in world.have[u].values()):
            mine.append(f"check named nothing, and repair left {kept} messages")
        if kept and world.change(server, {}, USERS[0], "append") != OK:
            mine.append("nothing can be stored after repair")
    except RuntimeError as e:
        if not unreadable(kind, i):
            mine.append(f"no start after repair: {e}")
    server.kill()
    errors += [f"{kind} in block {i}: {e}" for e in mine]
    return named, kept


def unreadable(kind, i):
    """Nothing at all is left to be read: repair says so and leaves the file alone."""
    return kind == "end" and i == 0


def repair(args, world, server, i):
    """It ends, and the store is sound then; a second time there is nothing left to do."""
    out = []
    for turn in range(2):
        r = server.cli("repair", check=False)
        text = (r.stdout + r.stderr).decode(errors="replace")
        if i >= 2 and ("things lost" not in text or r.returncode != (0 if " 0 things lost" in text else 1)):
            out.append(f"repair: {text[-300:]}")
        if turn == 1 and "lost:" in text:
            out.append(f"the second repair still finds something: {text[-300:]}")
    if i >= 2 and (r := server.cli("check", check=False)).returncode:
        out.append("not sound after repair: " + (r.stdout + r.stderr).decode(errors="replace")[-300:])
    return out
