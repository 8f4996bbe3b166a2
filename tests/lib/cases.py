# SPDX-License-Identifier: Apache-2.0
"""cases: runs the functions test_*(server, tmp) of a script, each with a server of its own that is not started, and a folder of its own. A case that
this machine does not let be tried raises LeftOut, and is counted as that."""
import argparse
import shutil
import sys
import tempfile
import time
import traceback

from lib.server import Server


class LeftOut(Exception):
    """Why a case, or the rest of it, was not tried."""


def run_cases(names, prefix, accounts):
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("only", nargs="*")
    args = p.parse_args()
    passed = failed = left_out = 0
    for name, test in sorted(names.items()):
        if not name.startswith("test_") or (args.only and not any(o in name for o in args.only)):
            continue
        tmp = tempfile.mkdtemp(prefix=prefix)
        server = Server(args.mansio, accounts=accounts)
        began = time.time()
        try:
            reason = ""
            try:
                test(server, tmp)
            except LeftOut as e:
                reason = str(e)
            if server.alive():
                assert server.stop() == 0, "the server ended badly"
            assert not server.crashed(), server.crashed()
            print(f"skip {name}: {reason}" if reason else f"ok   {name} ({time.time() - began:.1f} s)", flush=True)
            left_out += bool(reason)
            passed += not reason
        except Exception:  # noqa: BLE001
            print(f"FAIL {name}\n{traceback.format_exc()}\n{server.log_tail(8)}", flush=True)
            failed += 1
        finally:
            server.close()
            shutil.rmtree(tmp, ignore_errors=True)
    print(f"{passed} passed, {failed} failed" + (f", {left_out} left out" if left_out else ""))
    sys.exit(1 if failed or not passed + left_out else 0)
