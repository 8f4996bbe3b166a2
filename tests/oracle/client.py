# SPDX-License-Identifier: Apache-2.0
"""client: the client's own stream, cut into commands: which are under way, which literals were asked for."""
import re

CLIENT_LITERAL = re.compile(rb"~?\{(\d+)([+-]?)\}$")


class ClientStream:
    """Cuts what the client sends into commands, well enough to know their tags and names."""

    def __init__(self):
        self.buf = b""
        self.line = b""
        self.literal = 0
        self.sync = False       # a synchronising literal waits for its "+"
        self.out = []

    def feed(self, data):
        self.buf += data
        while self.buf:
            if self.literal:
                n = min(self.literal, len(self.buf))
                self.line += self.buf[:n] if len(self.line) < 100000 else b""
                self.buf = self.buf[n:]
                self.literal -= n
                self.sync = False
                continue
            nl = self.buf.find(b"\n")
            if nl < 0:
                break
            self.sync = False
            part = self.buf[:nl].rstrip(b"\r")
            self.buf = self.buf[nl + 1:]
            self.line += part
            m = CLIENT_LITERAL.search(part)
            if m:
                self.literal = int(m.group(1))
                self.sync = not m.group(2)
                self.line += b"\n"
                if self.literal > 1 << 40:
                    self.literal = 0
                continue
            self.out.append(self.line)
            self.line = b""
        out, self.out = self.out, []
        return out

    def refused(self):
        """A tagged answer came instead of the "+": the literal will not be sent."""
        if self.sync:
            self.line, self.literal, self.sync = b"", 0, False
