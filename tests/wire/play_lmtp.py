# SPDX-License-Identifier: Apache-2.0
"""play_lmtp: the lines of a wire script that speak LMTP."""
import re

from lib.imapclient import Closed
from .script import Pattern, unescape_latin, unquote


class LmtpLines:
    """A part of Player."""

    def lmtp_line(self, name, party, step, text):
        lmtp = party.client
        if text.startswith("send "):
            lmtp.send(unescape_latin(unquote(self.vars.insert(text[5:]))))
            return
        if text == "expect eof":
            try:
                self.fail(f"expected the end of the connection, got {lmtp.line(5)}")
            except Closed:
                return
        if text.startswith("expect "):
            code, texts = lmtp.reply()
            want, got = self.vars.insert(unquote(text[7:].strip())), f"{code} {texts[-1]}"
            if not Pattern(want, self.vars).match(got.encode(), self.vars):
                self.fail(f"expected {want!r}, got {got!r}")
            return
        if text == "handshake":
            lmtp.link.starttls()
            return
        if text == "close":
            lmtp.close()
            return
        command, result = self.split_arrow(text) if "->" in text else (text, "")
        words = command.split()
        if words and words[0] == "body":
            lmtp.data(self.vars[words[1]])
        elif words and words[0] == "bdat":
            data = self.vars[words[1]]
            lmtp.send(f"BDAT {len(data)}{' LAST' if 'last' in words else ''}\r\n".encode() + data)
        elif command != "reply":
            lmtp.send(self.vars.insert(command).encode("latin-1") + b"\r\n")
        self.lmtp_result(step, lmtp, self.vars.insert(result))

    def lmtp_result(self, step, lmtp, result):
        m = re.match(r"(\d{3}(?: \d{3})*)(?: (.*))?$", result)
        if not m:
            if result:
                self.fail(f"what is the result {result!r}")
            return
        for want in m.group(1).split():
            code, texts = lmtp.reply()
            if code != int(want):
                self.fail(f"expected {want}, got {code} {texts}")
        if m.group(2) and not Pattern(m.group(2), self.vars).match(texts[-1].encode(), self.vars):
            self.fail(f"expected {result!r}, got {texts}")
        self.compare_lines(step, texts)
