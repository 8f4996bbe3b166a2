# SPDX-License-Identifier: Apache-2.0
"""account: what a group of processes costs: CPU of all of them, ended ones included, and their memory.

With a control group (version 2, or version 1's cpuacct) the kernel's own counter is read: exact, microseconds. Without one (no root) the
times of the tree of processes are summed from /proc, in ticks of ten milliseconds.
"""
import os
import re
import time

PLACES = (("/sys/fs/cgroup", "cpu.stat"), ("/sys/fs/cgroup/unified", "cpu.stat"), ("/sys/fs/cgroup/cpuacct", "cpuacct.usage"))
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class Group:
    def __init__(self, name):
        self.root, self.folder, self.counter = None, None, None
        for place, counter in PLACES:
            folder = os.path.join(place, f"mansio-bench-{os.getpid()}-{name}")
            try:
                os.mkdir(folder)
            except OSError:
                continue
            if os.path.exists(os.path.join(folder, counter)) and os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
                self.folder, self.counter = folder, os.path.join(folder, counter)
                return
            os.rmdir(folder)

    def enter(self):
        """Run in the child before exec."""
        if self.folder:
            with open(os.path.join(self.folder, "cgroup.procs"), "w") as f:
                f.write(str(os.getpid()))

    def started(self, pid):
        self.root = pid

    def pids(self):
        if self.folder:
            with open(os.path.join(self.folder, "cgroup.procs")) as f:
                return [int(line) for line in f]
        return tree(self.root)

    def cpu_us(self):
        if not self.folder:
            return sum(ticks(pid) for pid in self.pids()) * TICK_US
        with open(self.counter) as f:
            text = f.read()
        return int(text) / 1000 if self.counter.endswith("usage") else float(re.search(r"usage_usec (\d+)", text).group(1))

    def settle(self, limit=3.0, quiet_us=600, step=0.1):
        """Waits until the processes do nothing, and returns the counter then: work put off until after the answer counts too."""
        last, end = self.cpu_us(), time.monotonic() + limit
        while time.monotonic() < end:
            time.sleep(step)
            now = self.cpu_us()
            if now - last < quiet_us:
                return now
            last = now
        return last

    def pss_kb(self):
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
            except (OSError, AttributeError):
                continue        # ended meanwhile
        return total

    def descriptors(self):
        total = 0
        for pid in self.pids():
            try:
                total += len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
        return total

    def remove(self):
        if self.folder:
            for _ in range(50):
                try:
                    return os.rmdir(self.folder)
                except OSError:
                    time.sleep(0.1)
        return None


def stat_fields(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(") ", 1)[1].split()


def ticks(pid):
    try:
        return sum(map(int, stat_fields(pid)[11:15]))     # utime, stime, cutime, cstime
    except OSError:
        return 0


def tree(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents.setdefault(int(stat_fields(name)[1]), []).append(int(name))
            except OSError:
                continue
    out, wait = [], [root]
    while wait:
        pid = wait.pop()
        out.append(pid)
        wait += parents.get(pid, [])
    return out
