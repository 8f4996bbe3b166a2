# SPDX-License-Identifier: Apache-2.0
"""cases: runs the functions test_*(server, tmp) of a script, each with a server of its own that is not started, and a folder of its own."""
import argparse
import shutil
import sys
import tempfile
import time
import traceback

from lib.server import Server


def run_cases(names, prefix, accounts):
    p = argparse.ArgumentParser()
    p.add_argument("--mansio")
    p.add_argument("only", nargs="*")
    args = p.parse_args()
    passed = failed = 0
    for name, test in sorted(names.items()):
        if not name.startswith("test_") or (args.only and not any(o in name for o in args.only)):
            continue
        tmp = tempfile.mkdtemp(prefix=prefix)
        server = Server(args.mansio, accounts=accounts)
        began = time.time()
        try:
            test(server, tmp)
            if server.alive():
                assert server.stop() == 0, "the server ended badly"
            assert not server.crashed(), server.crashed()
            print(f"ok   {name} ({time.time() - began:.1f} s)", flush=True)
            passed += 1
        except Exception:  # noqa: BLE001
            print(f"FAIL {name}\n{traceback.format_exc()}\n{server.log_tail(8)}", flush=True)
            failed += 1
        finally:
            server.close()
            shutil.rmtree(tmp, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
