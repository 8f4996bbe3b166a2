# SPDX-License-Identifier: Apache-2.0
"""namespace: a part of the suite inside a mount namespace of its own, where an ordinary user may make small and read-only disks."""
import os
import subprocess
import sys

INSIDE = "MANSIO_FAULTS_INSIDE"


def here():
    return INSIDE in os.environ


def there():
    """Whether this machine has such namespaces."""
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


def again(args, part, errors):
    """Runs the part once more, inside."""
    r = subprocess.run(["unshare", "-rm", sys.executable, sys.argv[0], "--mansio", args.mansio, part] + ["--long"] * args.long,
                       env=dict(os.environ, **{INSIDE: "1"}), stdout=subprocess.PIPE)
    print(r.stdout.decode(), end="")
    errors += [] if r.returncode == 0 else ["see above"]


class Disk:
    """A small disk at a folder."""

    def __init__(self, folder, options):
        self.folder = folder
        self.mount(options)

    def mount(self, options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.folder], check=True)

    def change(self, options):
        subprocess.run(["mount", "-o", "remount," + options, self.folder], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        subprocess.run(["umount", "-l", self.folder], check=True)
