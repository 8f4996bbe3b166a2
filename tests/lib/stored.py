# SPDX-License-Identifier: Apache-2.0
"""stored: what a mailbox holds, read with Python's own imaplib."""
import re


def messages(c, name):
    """[(flags, internal date, bytes)] in order of UID; c: an imaplib connection that has logged in."""
    typ, data = c.select(f'"{name}"', readonly=True)
    assert typ == "OK", data
    out = []
    for item in c.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")[1] if int(data[0]) else []:
        if isinstance(item, tuple):
            flags = re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode().split()
            out.append((frozenset(flags) - {"\\Recent"}, re.search(rb'INTERNALDATE "([^"]*)"', item[0]).group(1).decode(), item[1]))
    return out
