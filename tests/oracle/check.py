# SPDX-License-Identifier: Apache-2.0
"""check: reads recorded bytes of a server (the grammar only) and prints what is ill-formed."""
import sys
from .grammar import Context, parse_response
from .lex import Bad, Splitter


def main():
    bad = total = 0
    context = Context()
    context.utf8 = "--utf8" in sys.argv
    for path in [a for a in sys.argv[1:] if not a.startswith("--")]:
        splitter = Splitter()
        with open(path, "rb") as f:
            responses = splitter.feed(f.read())
        for raw in responses:
            total += 1
            try:
                parse_response(raw, context)
            except Bad as e:
                bad += 1
                print(f"{path}: {e.message}")
        for fault in splitter.faults + (["cut off"] if splitter.rest() else []):
            bad += 1
            print(f"{path}: {fault}")
    print(f"{total} responses, {bad} faults")
    return 1 if bad else 0


sys.exit(main())
