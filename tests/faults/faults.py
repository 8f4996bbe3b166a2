#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""faults: a real server while its disk, memory, descriptors, clock and clients fail: never a lost or a wrong answer.

usage: faults.py [--long] [--mansio PROGRAM] [first|calls|leaving|full|descriptors|memory|clock|slow|blocks ...]
"""
import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.server import default_binary  # noqa: E402

PARTS = ("first", "calls", "leaving", "full", "descriptors", "memory", "clock", "slow", "blocks")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("--long", action="store_true")
    p.add_argument("parts", nargs="*")
    args = p.parse_args()
    args.mansio = os.path.abspath(args.mansio or default_binary())
    errors, total = [], 0
    for part in args.parts or PARTS:
        folder = tempfile.mkdtemp(prefix="mansio-faults-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        began, before = time.monotonic(), len(errors)
        try:
            total += importlib.import_module("faults." + part).run(args, folder, errors)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        for e in errors[before:]:
            print(f"FAIL {part}: {e}", flush=True)
        print(f"{part}: {time.monotonic() - began:.0f} s", flush=True)
    print(f"{total} faults injected, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
