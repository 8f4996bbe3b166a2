# SPDX-License-Identifier: Apache-2.0
"""play_pop3: the lines of a wire script that speak POP3."""
from lib.imapclient import Closed
from .script import Pattern, unescape_latin, unquote


class Pop3Lines:
    """A part of Player."""

    def pop3_line(self, name, party, step, text):
        pop3 = party.client
        if text.startswith("send "):
            pop3.raw(unescape_latin(unquote(self.vars.insert(text[5:]))))
        elif text == "expect eof":
            try:
                self.fail(f"expected the end of the connection, got {pop3.next_line(5)}")
            except Closed:
                return
        elif text == "handshake":
            pop3.link.starttls()
        elif text == "close":
            pop3.close()
        elif "->" not in text:
            pop3.start(self.vars.insert(text).encode("latin-1"))
        else:
            command, result = self.split_arrow(text)
            command = self.vars.insert(command).encode("latin-1")
            if command == b"line":
                self.pop3_result(step, result, *pop3.answer(b""))
            elif command == b"reply":
                self.pop3_result(step, result, *pop3.answer())
            else:
                self.pop3_result(step, result, *pop3.cmd(command))

    def pop3_result(self, step, result, line, lines):
        want, got = self.vars.insert(result), line.decode("latin-1")
        if want in ("+OK", "-ERR", "+"):
            if got.split(" ")[0] != want:
                self.fail(f"expected {want}, got {got!r}")
        elif not Pattern(want, self.vars).match(line, self.vars):
            self.fail(f"expected {want!r}, got {got!r}")
        self.compare_lines(step, [x.decode("latin-1") for x in lines or []])
