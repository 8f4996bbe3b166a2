# SPDX-License-Identifier: Apache-2.0
"""play: runs the steps of one wire script."""
import os
import re
import time

from lib.imapclient import Client, Closed, Fault, Lmtp, Timeout
from lib.pop3client import Pop3
from .expect import duration
from .play_imap import ImapLines
from .play_lmtp import LmtpLines
from .play_pop3 import Pop3Lines
from .script import TOP, Pattern, ScriptError, Skipped, Variables, unescape_latin, unquote

# The values of `for`: words, or quoted.
WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


class Party:
    """One client of a script. speaks: imap, lmtp or pop3."""

    def __init__(self, client, speaks):
        self.client, self.speaks = client, speaks
        self.pending = []       # (tag, step) of commands sent without an awaited answer
        self.queued = b""       # pipelined bytes that wait for the next line
        self.queued_steps = []  # their (tag, step, result)
        self.late = []          # untagged responses not yet compared
        self.tags = 0


class Player(ImapLines, LmtpLines, Pop3Lines):
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
        if party.speaks == "imap":
            self.oracle(party.client)

    def close(self):
        for party in self.parties.values():
            party.client.close()

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
            except Fault as e:
                self.fail(f"{e} at: {step.text}")
            except Closed as e:
                self.fail(f"the connection ended at: {step.text} ({e})")
            for p in self.parties.values():
                if p.speaks == "imap":
                    self.oracle(p.client)

    def step(self, step):
        word, _, rest = step.text.partition(" ")
        if word.isdigit():
            party = self.parties.get(word)
            if party is None:
                self.fail(f"there is no client {word}")
            getattr(self, party.speaks + "_line")(word, party, step, rest.strip())
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
            old.client.close()
        trace = self.trace(name)
        if "lmtp" in words:
            self.parties[name] = Party(Lmtp(self.server.lmtp, trace=trace, greeting="nogreet" not in words), "lmtp")
            return
        if "pop3" in words or "pop3s" in words:
            self.parties[name] = Party(self.pop3_client(words, trace), "pop3")
            return
        tls = "tls" in words
        client = Client(self.server.imaps if tls else self.server.imap, tls=tls, greeting="nogreet" not in words,
                        allow=self.script.allow, trace=trace, strict=self.server.strict)
        self.parties[name] = Party(client, "imap")
        if "starttls" in words:
            client.ok("STARTTLS")
            client.starttls()
        if self.language and "nogreet" not in words and client.greeting.name == "OK":
            self.language.choose(client)
        if "login" in words:
            account = words[words.index("login") + 1]
            client.login(self.script.real(account))
        client.number = 0

    def pop3_client(self, words, trace):
        tls = "pop3s" in words
        client = Pop3(self.server.pop3s if tls else self.server.pop3, tls=tls, greeting="nogreet" not in words, trace=trace)
        if "login" in words:
            client.login(self.script.real(words[words.index("login") + 1]))
        return client

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
        words = [unescape_latin(q).decode("latin-1") if q else w for q, w in WORDS.findall(self.vars.insert(rest))]
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
            party.client.close()
            if party.speaks == "imap":
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
