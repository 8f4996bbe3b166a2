# SPDX-License-Identifier: Apache-2.0
"""play_imap: the lines of a wire script that speak IMAP: commands, what is expected, waiting."""
import re
import time

from lib.imapclient import Closed, Timeout
from .expect import Expectation, duration
from .script import Pattern, ScriptError, canonical, command_parts, unescape_latin, unquote


class ImapLines:
    """A part of Player."""

    def imap_line(self, name, party, step, text):
        word, _, rest = text.partition(" ")
        if word in ("wait", "quiet", "send", "expect", "handshake", "deflate", "plain", "close", "reply") and not (word == "close" and "->" in text):
            getattr(self, "imap_" + word)(party, step, rest.strip())
            return
        if word == "&":
            self.queue_command(party, step, rest.strip())
            return
        command, arrow, result = text.partition("->") if "->" in text else (text, "", "")
        if arrow:
            command, result = self.split_arrow(text)
        if word == ">" or word == "done":
            self.continue_command(party, step, "> DONE" if word == "done" else command, result)
            return
        party.tags += 1
        tag = f"{name}.{party.tags}"
        self.flush_and_send(party, step, tag, command.strip())
        if not arrow:
            party.pending.append((tag, step))
            return
        self.await_result(party, step, tag, result.strip())

    @staticmethod
    def split_arrow(text):
        at = text.rindex("->")
        return text[:at].strip(), text[at + 2:].strip()

    def queue_command(self, party, step, text):
        command, result = self.split_arrow(text) if "->" in text else (text, None)
        party.tags += 1
        tag = f"q{party.tags}"
        out = b"" if command.startswith("> ") else tag.encode() + b" "
        command = command[2:] if command.startswith("> ") else command
        for part in command_parts(self.vars.insert(command), self.vars):
            if isinstance(part, tuple):
                if part[2] != "+":
                    self.fail("a pipelined line needs non-synchronising literals {x+}")
                out += part[1].encode() + b"{%d+}\r\n" % len(part[0]) + part[0]
            else:
                out += part
        party.queued += out + b"\r\n"
        party.queued_steps.append((tag, step, result))

    def flush_and_send(self, party, step, tag, command):
        """The queued lines and this one in one segment; then the queued lines' answers are compared."""
        out = party.queued + tag.encode() + b" "
        party.queued = b""
        for part in command_parts(self.vars.insert(command), self.vars):
            if not isinstance(part, tuple):
                out += part
                continue
            data, prefix, plus = part
            out += prefix.encode() + b"{%d%s}\r\n" % (len(data), plus.encode())
            if not plus:
                party.client.send(out)
                self.queued_answers(party)
                if not self.literal_continuation(party, tag):
                    return
                out = b""
            out += data
        party.client.send(out + b"\r\n")
        self.queued_answers(party)

    def literal_continuation(self, party, tag):
        while True:
            r = party.client.response()
            if r.kind == "continue":
                return True
            party.client.queue.insert(0, r) if r.kind == "tagged" else party.late.append(r)
            if r.kind == "tagged":
                return False

    def queued_answers(self, party):
        steps, party.queued_steps = party.queued_steps, []
        for tag, step, result in steps:
            self.line = step.line
            if result is None:
                if not step.text.split("&")[1].strip().startswith(">"):
                    party.pending.append((tag, step))
                continue
            if step.text.split("&")[1].strip().startswith(">") and party.pending:
                tag = party.pending.pop()[0]
            self.await_result(party, step, tag, result)

    def continue_command(self, party, step, command, result):
        line = self.vars.insert(command[1:].strip())
        party.client.send(party.queued + line.encode("latin-1") + b"\r\n")
        party.queued = b""
        self.queued_answers(party)
        if not party.pending:
            self.fail("no command is open")
        tag = party.pending.pop()[0]
        self.await_result(party, step, tag, result.strip() or "OK")

    def await_result(self, party, step, tag, result):
        if result == "+" or result.startswith("+ "):
            self.await_continuation(party, step, tag, result[1:].strip())
            return
        untagged = party.late
        party.late = []
        tagged = None
        while tagged is None:
            try:
                r = party.client.response()
            except Closed:
                if not result.startswith("BYE"):
                    raise
                break
            if r.kind == "tagged" and r.tag == tag:
                tagged = r
            else:
                untagged.append(r)
        lax = result.endswith("...")
        self.compare_untagged(step, [r for r in untagged], lax, bye=result.startswith("BYE"))
        if tagged is None:
            return
        self.compare_result(tagged, result[:-3].strip() if lax else result)

    def await_continuation(self, party, step, tag, text):
        untagged = party.late
        party.late = []
        while True:
            r = party.client.response()
            if r.kind == "continue":
                break
            if r.kind == "tagged":
                self.fail(f"expected a continuation, got {r.raw!r}")
            untagged.append(r)
        lax = text.endswith("...")
        text = text[:-3].strip() if lax else text
        self.compare_untagged(step, untagged, lax)
        if text and not Pattern(self.vars.insert(text), self.vars).match(r.raw[2:-2], self.vars):
            self.fail(f"expected the continuation {text!r}, got {r.raw!r}")
        party.pending.append((tag, step))

    def compare_result(self, r, want):
        m = re.fullmatch(r"((?:OK|NO|BAD)(?:\|(?:OK|NO|BAD))*)(?:\s+(\[.*?\]))?(?:\s+(.*))?", self.vars.insert(want), re.S)
        if not m:
            self.fail(f"what is the result {want!r}")
        raw = canonical(r.raw[:-2])
        status, code, text = m.groups()
        rest = raw.split(b" ", 1)[1]
        if r.name not in status.split("|"):
            self.fail(f"expected {want}, got {rest.decode('latin-1')}")
        got_code = re.match(rb"\w+ (\[[^\]]*\])", rest)
        if code == "[]" and got_code or code and code != "[]" and not (
                got_code and Pattern(canonical(code.encode("latin-1")).decode("latin-1"), self.vars).match(got_code.group(1), self.vars)):
            self.fail(f"expected {want}, got {rest.decode('latin-1')}")
        if text and not Pattern(text, self.vars).match(re.sub(rb"^\w+ (\[[^\]]*\] )?", b"", rest), self.vars):
            self.fail(f"expected {want}, got {rest.decode('latin-1')}")

    def compare_untagged(self, step, responses, lax=False, bye=False):
        lax = lax or self.script.lax or any(t == "..." for _, t in step.expect)
        wanted = [Expectation(n, t, self.vars) for n, t in step.expect if t.startswith("*")]
        raws = [r.raw[:-2] for r in responses]
        used = set()
        last = -1
        for e in wanted:
            start = last + 1 if e.then else 0
            e.at = next((i for i in range(start, len(raws)) if i not in used and e.match(raws[i])), None)
            if e.at is None:
                if e.optional:
                    continue
                self.line = e.number
                self.fail(f"did not come{' in this order' if e.then else ''}: {e.text}\n       came: "
                          + "\n             ".join(raw.decode("latin-1")[:300] for i, raw in enumerate(raws) if i not in used))
            used.add(e.at)
            last = e.at
        extra = [raw for i, raw in enumerate(raws) if i not in used]
        if bye:
            extra = [x for x in extra if not x.startswith(b"* BYE")]
        if extra and not lax:
            self.fail("unlisted: " + "\n                 ".join(x.decode("latin-1")[:300] for x in extra[:8]))

    def imap_reply(self, party, step, rest):
        if not party.pending:
            self.fail("no command is open")
        self.await_result(party, step, party.pending.pop(0)[0], rest.lstrip("-> ").strip())

    def imap_wait(self, party, step, rest):
        deadline = time.monotonic() + duration(rest, 5)
        got = party.late
        party.late = []
        while not self.all_there(step, got):
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise Timeout()
                got.append(party.client.response(left))
            except (Timeout, Closed):
                self.compare_untagged(step, got)
                self.fail("the end of the connection, or nothing, while waiting")
        while party.client.queue and party.client.queue[0].kind == "untagged":
            party.late.append(party.client.queue.pop(0))
        self.compare_untagged(step, got)

    def all_there(self, step, got):
        try:
            keep = dict(self.vars)
            number = self.line
            self.compare_untagged(step, got, lax=True)
            return True
        except ScriptError:
            self.line = number
            return False
        finally:
            self.vars.update(keep)

    def imap_quiet(self, party, step, rest):
        if party.late:
            self.fail(f"came: {party.late[0].raw!r}")
        try:
            r = party.client.response(duration(rest, 0.2))
        except Timeout:
            return
        self.fail(f"came: {r.raw!r}")

    def imap_send(self, party, step, rest):
        if rest.startswith("${"):
            data = self.vars.insert(rest).encode("latin-1")
        else:
            data = unescape_latin(unquote(self.vars.insert(rest)))
        party.client.send(party.queued + data)
        party.queued = b""

    def imap_expect(self, party, step, rest):
        if rest == "eof":
            try:
                r = party.client.response(5)
            except Closed:
                return
            self.fail(f"expected the end of the connection, got {r.raw!r}")
        text = self.vars.insert(unquote(rest))
        r = party.late.pop(0) if party.late else party.client.response()
        if not Pattern(canonical(text.encode("latin-1")).decode("latin-1"), self.vars).match(canonical(r.raw[:-2]), self.vars):
            self.fail(f"expected {text!r}, got {r.raw!r}")

    def imap_handshake(self, party, step, rest):
        party.client.starttls()

    def imap_deflate(self, party, step, rest):
        party.client.link.deflate()

    def imap_plain(self, party, step, rest):
        party.client.link.packer = None

    def imap_close(self, party, step, rest):
        party.client.close()
        party.client.ended = True
