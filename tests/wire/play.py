# SPDX-License-Identifier: Apache-2.0
"""play: runs the steps of one wire script."""
import os
import re
import time

from lib.imapclient import Client, Closed, Lmtp, Timeout, dot_stuff
from .script import (TOP, Pattern, ScriptError, Skipped, Variables, canonical, command_parts, unescape, unescape_latin, unquote)


def duration(text, default):
    if not text:
        return default
    m = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    if not m:
        raise ScriptError(f"not a time: {text}")
    return float(m.group(1)) / (1000 if m.group(2) == "ms" else 1)


class Party:
    """One client of a script."""

    def __init__(self, client, lmtp):
        self.client, self.lmtp = client, lmtp
        self.pending = []       # (tag, step) of commands sent without an awaited answer
        self.queued = b""       # pipelined bytes that wait for the next line
        self.queued_steps = []  # their (tag, step, result)
        self.late = []          # untagged responses not yet compared
        self.tags = 0


class Expectation:
    def __init__(self, number, text, variables):
        self.number, self.source = number, text
        self.then = text.startswith("*>")
        self.optional = text.startswith("*?")
        body = text[2:] if self.then or self.optional else text[1:]
        self.text = "* " + variables.insert(body.strip())
        self.variables = variables
        pattern = canonical(self.text.encode("latin-1")).decode("latin-1")
        self.pattern = Pattern(pattern, variables)
        self.at = None

    def match(self, raw):
        return self.pattern.match(canonical(raw), self.variables)


class Player:
    def __init__(self, script, server, language=None):
        self.script, self.server, self.language = script, server, language
        self.vars = Variables(script)
        self.parties = {}
        self.transcript = []
        self.line = 0
        self.ended_clients = []

    # the run as a whole

    def run(self):
        self.steps(self.script.steps)
        for name, party in self.parties.items():
            self.finish(name, party)
        for c in self.ended_clients:
            self.oracle(c)

    def finish(self, name, party):
        if party.queued or party.queued_steps:
            self.fail(f"client {name}: queued lines were never sent")
        if party.late and not self.script.lax:
            self.fail(f"client {name}: unlisted at the end: {party.late[0]!r}")
        if not party.lmtp:
            self.oracle(party.client)

    def close(self):
        for party in self.parties.values():
            (party.client.link if party.lmtp else party.client).close()

    def fail(self, message):
        raise ScriptError(f"line {self.line}: {message}")

    def oracle(self, client):
        faults = client.oracle.faults
        if faults:
            self.fail("the oracle: " + "\n       ".join(faults[:6]))

    def trace(self, name):
        def add(side, data):
            text = repr(bytes(data[:1500]))[2:-1].replace("\\r\\n", "\\r\\n\n            ").rstrip()
            self.transcript.append(f"{side}{name} {text}")
        return add

    def steps(self, steps):
        for step in steps:
            self.line = step.line
            try:
                self.step(step)
            except Timeout:
                self.fail(f"timeout at: {step.text}")
            except Closed as e:
                self.fail(f"the connection ended at: {step.text} ({e})")
            for p in self.parties.values():
                if not p.lmtp:
                    self.oracle(p.client)

    def step(self, step):
        word, _, rest = step.text.partition(" ")
        if word.isdigit():
            party = self.parties.get(word)
            if party is None:
                self.fail(f"there is no client {word}")
            (self.lmtp_line if party.lmtp else self.imap_line)(word, party, step, rest.strip())
            return
        handler = getattr(self, "do_" + word, None)
        if handler is None:
            self.fail(f"what is this: {step.text}")
        handler(step, rest.strip())

    # directives

    def do_client(self, step, rest):
        words = rest.split()
        name = words.pop(0)
        old = self.parties.pop(name, None)
        if old:
            self.finish(name, old)
            (old.client.link if old.lmtp else old.client).close()
        trace = self.trace(name)
        if "lmtp" in words:
            self.parties[name] = Party(Lmtp(self.server.lmtp, trace=trace, greeting="nogreet" not in words), True)
            return
        tls = "tls" in words
        client = Client(self.server.imaps if tls else self.server.imap, tls=tls, greeting="nogreet" not in words,
                        allow=self.script.allow, trace=trace, strict=self.server.strict)
        self.parties[name] = Party(client, False)
        if "starttls" in words:
            client.ok("STARTTLS")
            client.starttls()
        if self.language and "nogreet" not in words and client.greeting.name == "OK":
            self.language.choose(client)
        if "login" in words:
            account = words[words.index("login") + 1]
            client.login(self.script.real(account))
        client.number = 0

    def do_let(self, step, rest):
        if step.body is not None:
            name = rest.split()[0]
            self.vars[name] = self.vars.insert(step.body.decode()).encode("latin-1") if b"${" in step.body else step.body
            return
        m = re.fullmatch(r"(\w+)\s*=\s*(.*)", rest, re.S)
        if not m:
            self.fail("let NAME = ... or let NAME <<END")
        name, value = m.groups()
        value = self.vars.insert(value)
        if value.startswith("repeat "):
            count, text = value[7:].split(" ", 1)
            self.vars[name] = int(count) * unescape_latin(unquote(text.strip()))
        elif value.startswith("file "):
            with open(os.path.join(TOP, value[5:].strip()), "rb") as f:
                self.vars[name] = f.read()
        elif value.startswith('"'):
            self.vars[name] = b"".join(unescape_latin(t) for t in re.findall(r'"((?:[^"\\]|\\.)*)"', value))
        else:
            self.vars[name] = value.encode("latin-1")

    def do_repeat(self, step, rest):
        words = self.vars.insert(rest).split()
        for i in range(1, int(words[0]) + 1):
            if len(words) > 1:
                self.vars[words[1]] = str(i).encode()
            self.steps(step.body)

    def do_for(self, step, rest):
        words = self.vars.insert(rest).split()
        for value in words[2:]:
            self.vars[words[0]] = value.encode("latin-1")
            self.steps(step.body)

    def do_sleep(self, step, rest):
        time.sleep(duration(rest, 0))

    def do_english(self, step, rest):
        if self.language:
            raise Skipped("it looks at English texts")

    def do_long(self, step, rest):
        if not os.environ.get("MANSIO_LONG"):
            raise Skipped("takes long: MANSIO_LONG=1")

    def do_needs(self, step, rest):
        with Client(self.server.imap) as c:
            name = self.script.accounts[0] if self.script.accounts else None
            if name:
                c.login(self.script.real(name))
            caps = {x.decode() for x in c.ok("CAPABILITY").one("CAPABILITY").data}
            caps |= {x.decode() for x in c.greeting.code[1]}
        missing = [w for w in rest.upper().split() if w not in caps]
        if missing:
            raise Skipped("the server lacks " + " ".join(missing))

    def do_deliver(self, step, rest):
        name, _, to = rest.partition(" to ")
        lmtp = Lmtp(self.server.lmtp, trace=self.trace("L"), lhlo="client.example")
        users = [self.vars.insert(u) if "$" in u else self.script.real(u) for u in to.split()]
        for user, (code, texts) in zip(users, lmtp.deliver("sender@example.org", users, self.vars[name])):
            if code != 250:
                self.fail(f"delivery to {user}: {code} {texts}")
        lmtp.close()

    def do_cli(self, step, rest):
        args, _, want = rest.partition("->")
        stdin = b""
        args = self.vars.insert(args).strip()
        m = re.search(r"\s<(\w+)$", args)
        if m:
            stdin, args = self.vars[m.group(1)], args[:m.start()]
        words = [(a or b).encode("latin-1").decode("utf-8") for a, b in re.findall(r'"([^"]*)"|(\S+)', args)]
        r = self.server.cli(*words, stdin=stdin, check=False)
        self.transcript.append(f"$ mansio {args} -> {r.returncode}\n{(r.stdout + r.stderr).decode(errors='replace')[-1500:]}")
        if want.strip() and r.returncode != int(want):
            self.fail(f"mansio {args}: exit status {r.returncode}")
        self.compare_lines(step, r.stdout.decode("latin-1").splitlines())

    def compare_lines(self, step, lines):
        wanted = [(n, t) for n, t in step.expect if t.startswith("|")]
        if not wanted:
            return
        loose = any(t == "..." for _, t in step.expect)
        lines = list(lines)
        for number, text in wanted:
            p = Pattern(self.vars.insert(text[1:].strip()), self.vars)
            while lines and not p.match(lines[0].strip().encode("latin-1"), self.vars):
                if not loose:
                    self.line = number
                    self.fail(f"expected {text[1:].strip()!r}, got {lines[0]!r}")
                lines.pop(0)
            if not lines:
                self.line = number
                self.fail(f"did not come: {text[1:].strip()!r}")
            lines.pop(0)
        if lines and not loose:
            self.fail(f"unlisted line {lines[0]!r}")

    def lose_clients(self):
        for name, party in list(self.parties.items()):
            (party.client.link if party.lmtp else party.client).close()
            if not party.lmtp:
                self.ended_clients.append(party.client)
        self.parties.clear()

    def do_restart(self, step, rest):
        self.do_stop(step, rest)
        self.do_start(step, rest)

    def do_stop(self, step, rest):
        code = self.server.stop()
        self.lose_clients()
        if code:
            self.fail(f"the server ended with {code}:\n{self.server.log_tail()}")

    def do_start(self, step, rest):
        self.server.start()

    def do_conf(self, step, rest):
        """The configuration file, for the next start or reload."""
        with open(self.server.config, "wb") as f:
            f.write(self.vars[rest])

    def do_reload(self, step, rest):
        said = self.server.reload()
        if rest and rest.removeprefix("->").strip() not in said:
            self.fail(f"the log says: {said}")

    def do_kill(self, step, rest):
        self.server.kill()
        self.lose_clients()

    # IMAP lines

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

    # LMTP lines

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


__all__ = ["Player", "dot_stuff", "unescape"]
