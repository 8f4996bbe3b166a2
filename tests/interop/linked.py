# SPDX-License-Identifier: Apache-2.0
"""linked: the scenarios over a slow link, on Mansio and on Debian's Dovecot: flights, bytes, packets and time of each program."""
import os
import shutil
import sys
import tempfile
import time
import traceback

from interop.programs import Skip
from lib.server import TOP, Dovecot, Server, default_binary
from link import link as links

sys.path.insert(0, os.path.join(TOP, "bench"))
import report  # noqa: E402
import report_network  # noqa: E402

RTT_MS, MBIT, LOSS = 80, 20, 0.1
# What the Dovecot of the tests is not set up with, and these insist on.
NOT_THERE = {"perl": "COMPRESS", "ruby": "TLS", "mutt_files": "our import", "interimap": "a second server of ours", "scram": "our rounds"}


class Run:
    def __init__(self, link, folder):
        self.link, self.folder, self.rows, self.failed = link, folder, {}, 0

    def scenario(self, server, kind, name, run):
        """One program on one server; a failure costs one cell."""
        if kind == "dovecot" and name in NOT_THERE:
            print(f"skip {name} ({kind}): it needs {NOT_THERE[name]}", flush=True)
            return
        own = os.path.join(self.folder, f"{kind}-{name}")
        os.mkdir(own)
        os.chmod(own, 0o755)
        self.link.read()
        began = time.monotonic()
        try:
            run(server, f"{name}user", own)
        except Skip as e:
            print(f"skip {name} ({kind}): {e}", flush=True)
            return
        except Exception as e:      # whatever it is  # pylint: disable=broad-exception-caught
            self.failed += kind == "mansio"
            self.rows.setdefault(name, {})[kind] = {"failed": f"{type(e).__name__}: {e}"[:200]}
            print(f"FAIL {name} ({kind}): {type(e).__name__}: {str(e)[:600]}", flush=True)
            if kind == "mansio":
                traceback.print_tb(e.__traceback__, file=sys.stdout)
            return
        took = time.monotonic() - began
        time.sleep(3 * RTT_MS / 1000)
        use = sum(self.link.read())
        if not use:
            print(f"skip {name} ({kind}): it does not use the link", flush=True)
            return
        cell = {**use.json(), "ms": round(1000 * took, 1)}
        self.rows.setdefault(name, {})[kind] = cell
        print(f"ok   {name} ({kind}): {use.connections} connections, {report_network.cell(cell)}", flush=True)


def main(args, scenarios):
    if why := links.unavailable():
        print(f"skipped: {why}")
        return 77
    links.enter()
    os.environ.update(MANSIO_TEST_BESIDE=links.BESIDE, MANSIO_TEST_RTT=str(RTT_MS / 1000))
    began = time.time()
    folder = tempfile.mkdtemp(prefix="mansio-interop-link-")
    os.chmod(folder, 0o755)
    users = [f"{n}user" for n in scenarios]
    servers = {"mansio": Server(args.mansio or default_binary(), users)}
    if shutil.which("dovecot") and os.getuid() == 0:
        servers["dovecot"] = Dovecot(users)
    fault = ""
    with links.Link(RTT_MS, MBIT, LOSS) as link:
        run = Run(link, folder)
        try:
            for server in servers.values():
                server.start()
            for name, scenario in scenarios.items():
                for kind, server in servers.items():
                    run.scenario(server, kind, name, scenario)
            fault = servers["mansio"].ended()
        finally:
            for server in servers.values():
                server.close()
            if not args.keep:
                shutil.rmtree(folder, ignore_errors=True)
    if fault:
        print(f"FAIL {fault}")
    titles = {"mansio": {"title": "Mansio"}, "dovecot": {"title": "Dovecot"}}
    result = {"rtt_ms": RTT_MS, "mbit": MBIT, "loss_percent": LOSS, "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
              "seconds": round(time.time() - began), "revision": report.revision(), "servers": {k: titles[k] for k in servers},
              "rows": [{"name": n, "servers": cells} for n, cells in run.rows.items()]}
    if args.write:
        report_network.write_clients(result, os.path.join(TOP, "docs"), args.as_before)
    print(f"{len(run.rows)} programs, {run.failed} failed")
    return 1 if run.failed or fault else 0
