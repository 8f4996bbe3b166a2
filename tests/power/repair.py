#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""repair: the power fails at any moment of a repair. Afterwards the store is as it was before it, or as it is after it, never in between.

usage: repair.py [--mansio PROGRAM] [--seeds 2]
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.server import PASSWORD, Server, default_binary  # noqa: E402
from power import disk  # noqa: E402
from power.power import RESTING, Probe, difference  # noqa: E402
from power.state import Lost, Raw, dump  # noqa: E402

# A wrong count is what repair mends; the log is left as a crash leaves it.
SPOIL = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute("UPDATE account SET mailboxes = 77")
os._exit(0)
"""


def make(binary, folder):
    server = Server(binary, ["alice"], RESTING, folder=folder)
    server.start()
    with Raw(server.imap) as c:
        c.ok(f"LOGIN alice {PASSWORD}")
        for i in range(12):
            text = b"Subject: %d\r\n\r\n" % i + b"x" * 3000 + b"\r\n"
            c.ok(b"APPEND INBOX {%d+}\r\n" % len(text) + text)
        c.ok("SELECT INBOX")
        c.ok("UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
    server.kill()
    subprocess.run([sys.executable, "-c", SPOIL, os.path.join(server.data, "mansio.db")], check=True)


def state_of(probe):
    probe.start()
    try:
        return dump(probe.server.imap, "alice", [PASSWORD])
    finally:
        probe.server.kill()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--seeds", type=int, default=2)
    args = p.parse_args()
    binary = os.path.abspath(args.mansio or default_binary())
    folder = tempfile.mkdtemp(prefix="mansio-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        return run(binary, folder, args.seeds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(binary, folder, seeds):
    make(binary, folder)
    probe, first, record = Probe(binary, folder), os.path.join(folder, "first"), os.path.join(folder, "record")
    shutil.copytree(probe.data, first, ignore=shutil.ignore_patterns("*.sock"))
    before = state_of(probe)

    def again():
        shutil.rmtree(probe.data, ignore_errors=True)
        shutil.copytree(first, probe.data)

    again()
    probe.server.env["MANSIO_RECORD"] = record
    if probe.server.cli("repair", check=False).returncode not in (0, 1):  # 1: something was lost, as is meant here
        raise RuntimeError("the repair did not end")
    del probe.server.env["MANSIO_RECORD"]
    after, faults, images = state_of(probe), [], 0
    if probe.server.cli("check", check=False).returncode:
        faults.append("not sound after the repair")
    events, raw = disk.read_record(record)
    again()
    d = disk.Disk(folder)
    d.load(probe.data)
    # The names are what matters here: all moments from the one on at which the new file gets its own.
    begun = max(0, min(i for i, e in enumerate(events) if e.kind == "r") - 4)
    for i, e in enumerate(events + [None]):
        for mode in disk.MODES if i >= begun or i % 40 == 0 else ():
            for seed in range(seeds):
                files, _ = d.image(mode, random.Random(i * 1000 + seed))
                shutil.rmtree(probe.data, ignore_errors=True)
                disk.write_image(files, raw, folder, folder, random.Random)
                images += 1
                try:
                    state = state_of(probe)
                    if state not in (before, after):
                        faults.append(f"cut after event {i}, {mode}, seed {seed}:\n" + difference(before, state))
                except (Lost, OSError) as err:
                    faults.append(f"cut after event {i}, {mode}, seed {seed}: {err}")
        if e:
            d.play(raw, e)
    for f in faults[:10]:
        print("FAIL " + f)
    print(f"{images} images of a repair, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
