# SPDX-License-Identifier: Apache-2.0
"""pop3client: a POP3 client whose every answer the oracle reads."""
from oracle import pop3
from .imapclient import Fault, LineClient, Link


class Pop3(LineClient):
    """Answers are (status line, lines or None), in bytes."""

    def __init__(self, port, host="127.0.0.1", tls=False, timeout=15, greeting=True, trace=None):
        self.link = Link(host, port, tls, timeout)
        self.timeout, self.trace, self.buf = timeout, trace, b""
        self.asked = []  # commands without an answer yet
        self.heard = pop3.Heard()
        if greeting:
            self.greeting = self.answer(b"")[0]

    def raw(self, data):
        if self.trace:
            self.trace("C", data)
        self.link.send(data)

    def start(self, command):
        """Sends; answer() later."""
        self.asked.append(command)
        self.raw(command + b"\r\n")

    def answer(self, command=None):
        if command is None:
            command = self.asked.pop(0) if self.asked else b""
        line, lines = self.next_line(), None
        if line[:2] == b"+ ":
            return line, None
        if line.startswith(b"+OK") and pop3.multiline(command):
            lines = []
            while (more := self.next_line()) != b".":
                lines.append(more[1:] if more.startswith(b".") else more)
        faults = pop3.faults(command, line, lines, self.heard)
        if faults:
            raise Fault("POP3: " + "; ".join(faults[:4]))
        return line, lines

    def cmd(self, command):
        command = command.encode() if isinstance(command, str) else command
        self.start(command)
        return self.answer()

    def ok(self, command):
        line, lines = self.cmd(command)
        if not line.startswith(b"+OK"):
            raise Fault(f"POP3: {command} answered {line}")
        return line if lines is None else lines

    def login(self, user, password="secret"):
        self.ok(f"USER {user}")
        return self.ok(f"PASS {password}")
