# SPDX-License-Identifier: Apache-2.0
"""disk: the record of what a server did to its files, and what a disk may hold when the power fails at some point of it.

Sure is only what was synced: the bytes of a file by a sync of the file, its name by a sync of its folder. Of what came after, the
system may have written anything in any order."""
import mmap
import os
import struct
from collections import namedtuple

SECTOR = 512
Event = namedtuple("Event", "kind path other at n data end")    # data: offset in the record; end: where the next event begins

# What became of what was not synced. Of a mode without "names" all names or none are there, too.
MODES = ("lose", "keep", "prefix", "some", "all-but-one", "only-one", "sectors", "stale", "no-names", "only-names")


def read_record(path):
    """(events, bytes of the record)."""
    events = []
    with open(path, "rb") as f:
        raw = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    at = 0
    while at < len(raw):
        kind, path_n, other_n, where, n = struct.unpack_from("<cHHQQ", raw, at)
        at += 21
        name, other = raw[at:at + path_n].decode(), raw[at + path_n:at + path_n + other_n].decode()
        at += path_n + other_n
        data = at
        if kind == b"w":
            at += n
        events.append(Event(kind.decode(), name, other, where, n, data, at))
    return events, raw


class Inode:
    def __init__(self):
        self.safe = bytearray()
        self.pending = []       # events that were not synced
        self.version = 0        # of the safe bytes


def apply(content, raw, e):
    if e.kind == "t":
        if e.at < len(content):
            del content[e.at:]
        else:
            content.extend(bytes(e.at - len(content)))
        return
    put(content, e.at, raw[e.data:e.data + e.n] if e.kind == "w" else bytes(e.n))


def put(content, at, data):
    if at > len(content):
        content.extend(bytes(at - len(content)))
    content[at:at + len(data)] = data


def folder_of(path):
    return os.path.dirname(path)


class Disk:
    """Plays the record from its beginning; images may be taken at any time."""

    def __init__(self, root):
        self.root = root.rstrip("/")
        self.names = {}         # what the running system sees: path to Inode, or None for a folder
        self.safe = {}          # names that are sure
        self.pending = []       # changes of names that are not: (kind, path, other, Inode)
        self.inodes = 0

    def load(self, folder):
        """Begins with what lies in a folder; all of it is sure."""
        for base, _, files in os.walk(folder):
            self.names[base] = self.safe[base] = None
            for name in files:
                inode = Inode()
                with open(os.path.join(base, name), "rb") as f:
                    inode.safe = bytearray(f.read())
                self.names[os.path.join(base, name)] = self.safe[os.path.join(base, name)] = inode

    def play(self, raw, e):
        if e.kind in "wzt":
            self.names[e.path].pending.append(e)
        elif e.kind == "s":
            inode = self.names[e.path]
            for p in inode.pending:
                apply(inode.safe, raw, p)
            inode.version += bool(inode.pending)
            inode.pending = []
        elif e.kind == "n":
            where = folder_of(e.path)
            for p in self.pending:
                if folder_of(p[1]) == where:
                    change_name(self.safe, p)
            self.pending = [p for p in self.pending if folder_of(p[1]) != where]
        else:
            inode = None if e.kind == "f" else Inode() if e.kind == "c" else self.names.get(e.path)
            change = (e.kind, e.path, e.other, inode)
            change_name(self.names, change)
            self.pending.append(change)

    def image(self, mode, rng):
        """A possible image: {path: (Inode, chosen events, sectors left out)} and what distinguishes it from others."""
        names = dict(self.safe)
        if mode in ("keep", "only-names", "all-but-one"):
            chosen = self.pending
        elif mode in ("lose", "no-names"):
            chosen = []
        elif mode == "prefix":
            chosen = self.pending[:rng.randint(0, len(self.pending))]
        else:
            chosen = [p for p in self.pending if rng.random() < 0.5]
        for p in chosen:
            change_name(names, p)
        files, mark = {}, [mode if mode in ("sectors", "stale") else ""]
        for path, inode in sorted(names.items()):
            if not self.reachable(path, names):
                continue
            picked = self.pick(inode.pending, mode, rng) if inode else []
            files[path] = (inode, picked, mode, rng.random())
            mark.append((path, id(inode), inode.version if inode else 0, tuple(e.end for e in picked)))
            if picked and mode in ("sectors", "stale"):
                mark.append(files[path][3])
        return files, hash(tuple(mark))

    def reachable(self, path, names):
        where = folder_of(path)
        while len(where) > len(self.root):
            if where not in names:
                return False
            where = folder_of(where)
        return True

    @staticmethod
    def pick(pending, mode, rng):
        if not pending or mode in ("lose", "only-names"):
            return []
        if mode in ("keep", "no-names", "sectors", "stale"):
            return list(pending)
        if mode == "prefix":
            return pending[:rng.randint(0, len(pending))]
        if mode == "some":
            return [e for e in pending if rng.random() < 0.5]
        at = rng.randrange(len(pending))
        return pending[at:at + 1] if mode == "only-one" else pending[:at] + pending[at + 1:]


def change_name(names, change):
    kind, path, other, inode = change
    if kind in "cf":
        names[path] = inode
    elif kind == "d":
        names.pop(path, None)
    elif kind == "l":
        names[other] = inode
    elif kind == "r":
        names.pop(path, None)
        names[other] = inode


def content_of(raw, inode, picked, mode, seed, rng_class):
    """The bytes of a file in an image."""
    content = bytearray(inode.safe)
    rng = rng_class(seed)
    sure = len(content)
    for e in picked:
        if mode not in ("sectors", "stale") or e.kind == "t":
            apply(content, raw, e)
            continue
        data = raw[e.data:e.data + e.n] if e.kind == "w" else bytes(e.n)
        for part, at in cut_sectors(data, e.at):
            if rng.random() < 0.6:
                put(content, at, part)
            elif mode == "stale" and at + len(part) > max(len(content), sure):
                put(content, at, rng.randbytes(len(part)))    # the file has grown, the block has what was there before
    return content


def cut_sectors(data, at):
    i = 0
    while i < len(data):
        n = min(SECTOR - (at + i) % SECTOR, len(data) - i)
        yield data[i:i + n], at + i
        i += n


def write_image(files, raw, old_root, new_root, rng_class):
    for path, (inode, picked, mode, seed) in files.items():
        target = new_root + path[len(old_root):]
        if inode is None:
            os.makedirs(target, exist_ok=True)
            continue
        with open(target, "wb") as f:
            if path.endswith("-reserve"):      # zeroes, whatever part of them
                f.truncate(max([len(inode.safe)] + [e.at + e.n if e.kind != "t" else e.at for e in picked]))
            else:
                f.write(content_of(raw, inode, picked, mode, seed, rng_class))
