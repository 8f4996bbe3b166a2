# SPDX-License-Identifier: Apache-2.0
"""script: reads a wire script into steps, and its texts and patterns."""
import base64
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ScriptError(Exception):
    """The script is ill-formed, or what it expects did not happen."""


class Skipped(Exception):
    pass


class Step:
    """line: its number; words: the text; expect: the lines below it that start with *, | or are '...'."""

    def __init__(self, line, text):
        self.line, self.text = line, text
        self.expect = []
        self.body = None        # of let name <<END, or of a loop

    def __repr__(self):
        return f"{self.line}: {self.text}"


class Script:
    def __init__(self, name):
        self.name = name
        self.id = re.sub(r"[^a-z0-9]", "", name.split("-")[0].lower()) or "x"
        self.steps = []
        self.settings, self.accounts, self.allow = [], [], []
        self.own_server = self.lax = self.stopped = False

    def real(self, account):
        """The account's name on the server: on a shared one every script has its own."""
        return account if self.own_server else f"{account}-{self.serial}"


SERIAL = {}


def parse_file(path):
    name = os.path.basename(path)[:-4]
    script = Script(name)
    SERIAL[script.id] = SERIAL.get(script.id, 0) + 1
    script.serial = script.id + (f"x{SERIAL[script.id]}" if SERIAL[script.id] > 1 else "")
    with open(path, encoding="utf-8", newline="\n") as f:
        lines = f.read().split("\n")
    if not lines[0].startswith("#"):
        raise ScriptError("the first line must be a comment that says what is tested")
    script.steps = read_steps(script, number_lines(lines), False)
    find_accounts(script, "\n".join(lines))
    return script


def number_lines(lines):
    return [(i, line) for i, line in enumerate(lines, 1)]


def read_steps(script, lines, inner):
    steps = []
    while lines:
        number, raw = lines.pop(0)
        line = raw.rstrip()
        while line.endswith(" \\") and lines:
            line = line[:-1] + lines.pop(0)[1].strip()
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped[0] in "*|" or stripped == "...":
            if not steps:
                raise ScriptError(f"line {number}: nothing to expect this from")
            steps[-1].expect.append((number, stripped))
            continue
        if stripped == "end":
            if not inner:
                raise ScriptError(f"line {number}: end without repeat or for")
            return steps
        step = Step(number, stripped)
        word = stripped.split()[0]
        if word == "let" and re.search(r"<<\w+$", stripped):
            step.body = here_text(step, lines)
        elif word in ("repeat", "for"):
            step.body = read_steps(script, lines, True)
        elif word == "server":
            script.own_server = True
            script.settings += re.findall(r"--set (\S+)", stripped)
            continue
        elif word in ("restart", "stop", "start", "kill", "reload"):
            script.own_server = True
            script.stopped = word in ("stop", "kill")
        elif word == "accounts":
            script.accounts += stripped.split()[1:]
            continue
        elif word == "lax":
            script.lax = True
            continue
        elif word == "allow":
            script.allow.append(unquote(stripped[5:].strip()))
            continue
        steps.append(step)
    if inner:
        raise ScriptError("a repeat or for has no end")
    return steps


def here_text(step, lines):
    mark = re.search(r"<<(\w+)$", step.text).group(1)
    out = []
    while lines:
        _, line = lines.pop(0)
        if line == mark:
            nl = "\n" if re.match(r"let \w+ raw ", step.text) else "\r\n"
            return "".join(x + nl for x in out).encode()
        out.append(line)
    raise ScriptError(f"line {step.line}: no {mark} ends this text")


def find_accounts(script, text):
    names = set(script.accounts)
    names |= set(re.findall(r"\blogin ([a-z]\w*)\s*$", text, re.M))
    names |= set(re.findall(r"\blogin ([a-z]\w*)\s", text))
    for m in re.finditer(r"^\s*deliver \w+ to (.+)$", text, re.M):
        names |= {n for n in m.group(1).split("->")[0].split() if re.fullmatch(r"[a-z]\w*", n)}
    for name in re.findall(r"\$\{(alice|bob|carol|dave|erin)\}", text):
        names.add(name)
    script.accounts = sorted(names)


ESCAPE = re.compile(r'\\(x[0-9A-Fa-f]{2}|[0-7]{1,3}|.)', re.S)
SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", '"': b'"', "a": b"\a", "b": b"\b", "e": b"\x1b"}


def unescape(text):
    """C escapes to bytes; all else as UTF-8."""
    out, at = bytearray(), 0
    for m in ESCAPE.finditer(text):
        out += text[at:m.start()].encode()
        e = m.group(1)
        if e[0] == "x" and len(e) == 3:
            out.append(int(e[1:], 16))
        elif e[0].isdigit():
            out.append(int(e, 8) & 255)
        elif e in SIMPLE:
            out += SIMPLE[e]
        else:
            out += b"\\" + e.encode()
        at = m.end()
    return bytes(out + text[at:].encode())


def unquote(text):
    m = re.fullmatch(r'"(.*)"', text, re.S)
    if not m:
        raise ScriptError(f"expected a text in quotes: {text}")
    return m.group(1)


INNER = re.compile(r"\$\{([^${}]*)\}")


class Variables(dict):
    """name: bytes. Inserts ${...} from the inside out; leaves the patterns ${*} ${#} ${?} ${x=} ${x=*} alone."""

    def __init__(self, script):
        super().__init__()
        for a in script.accounts:
            self[a] = script.real(a).encode()

    def value(self, expr):
        m = re.fullmatch(r"(\w+)\s*([+*-])\s*(\d+)", expr)
        if m and m.group(1) in self:
            a, b = int(self[m.group(1)]), int(m.group(3))
            return str({"+": a + b, "-": a - b, "*": a * b}[m.group(2)]).encode()
        if expr.startswith("len ") and expr[4:] in self:
            return str(len(self[expr[4:]])).encode()
        if expr.startswith("b64 "):
            return base64.b64encode(unescape(expr[4:]))
        if expr in self:
            return self[expr]
        raise ScriptError(f"no variable {expr}")

    def insert(self, text):
        """text with its values, as str in latin-1 (bytes survive)."""
        text = text.encode().decode("latin-1")
        while True:
            for m in INNER.finditer(text):
                expr = m.group(1)
                if expr in ("*", "#", "?") or re.fullmatch(r"\w+=\*?", expr):
                    continue
                text = text[:m.start()] + self.value(expr).decode("latin-1") + text[m.end():]
                break
            else:
                return text


# a literal in a command: {name} {name+} ~{name} {"text"} {"text"+}
COMMAND_LITERAL = re.compile(r'(~?)\{(?:([A-Za-z_]\w*)|"((?:[^"\\]|\\.)*)")([+-]?)\}')


def command_parts(text, variables):
    """[bytes, (data, prefix, non-sync), bytes, ...] of a command line whose values are inserted."""
    out, at = [], 0
    for m in COMMAND_LITERAL.finditer(text):
        if m.group(2) is not None and m.group(2) not in variables:
            continue
        data = variables[m.group(2)] if m.group(2) is not None else unescape_latin(m.group(3))
        out.append(text[at:m.start()].encode("latin-1"))
        out.append((data, m.group(1), m.group(4)))
        at = m.end()
    out.append(text[at:].encode("latin-1"))
    return out


def unescape_latin(text):
    return unescape(text.encode("latin-1").decode("utf-8"))


TOKEN = re.compile(
    r'\$\{(?P<cap>\w+)=(?P<any>\*)?\}|\$\{(?P<wild>[*#?])\}'
    r'|(?P<tilde>~?)\{(?:(?P<star>\*)|(?P<lcap>\w+)=|(?P<lname>[A-Za-z_]\w*)|"(?P<ltext>(?:[^"\\]|\\.)*)")\}'
    r'|str\{(?:(?P<sname>[A-Za-z_]\w*)|"(?P<stext>(?:[^"\\]|\\.)*)")\}')


class Pattern:
    """An expected line as a regular expression over the raw response (without its last CRLF)."""

    def __init__(self, text, variables):
        self.text = text
        self.captures = []      # (group, variable, is a literal)
        self.literals = []      # groups that hold "{n}" and must be cut by size: (group, variable or None)
        out, at = [], 0
        for m in TOKEN.finditer(text):
            if m.group("lname") and m.group("lname") not in variables or m.group("sname") and m.group("sname") not in variables:
                continue
            out.append(re.escape(text[at:m.start()].encode("latin-1")))
            out.append(self.token(m, variables))
            at = m.end()
        out.append(re.escape(text[at:].encode("latin-1")))
        self.regex = re.compile(b"".join(out), re.S)

    def group(self, body, variable=None, literal=False):
        self.captures.append((variable, literal))
        return b"(" + body + b")"

    def token(self, m, variables):
        if m.group("cap"):
            return self.group(rb".*?" if m.group("any") else rb'[^ ()\[\]"\r\n]+', m.group("cap"))
        if m.group("wild"):
            return {"*": rb".*?", "#": rb"\d+", "?": rb'[^ ()\[\]"\r\n]+'}[m.group("wild")]
        if m.group("star") or m.group("lcap"):
            return re.escape(m.group("tilde").encode()) + self.group(rb"\{\d+\}\r\n.*?", m.group("lcap"), True)
        if m.group("sname") or m.group("stext") is not None:
            data = variables[m.group("sname")] if m.group("sname") else unescape_latin(m.group("stext"))
            quoted = b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
            return b"(?:" + re.escape(b"{%d}\r\n" % len(data) + data) + b"|" + re.escape(quoted) + b")"
        data = variables[m.group("lname")] if m.group("lname") else unescape_latin(m.group("ltext"))
        return re.escape(m.group("tilde").encode() + b"{%d}\r\n" % len(data) + data)

    def match(self, raw, variables):
        """True if the whole of raw fits; then its captures are taken."""
        m = self.regex.fullmatch(raw)
        if not m:
            return False
        found = {}
        for i, (variable, literal) in enumerate(self.captures, 1):
            value = m.group(i)
            if literal:
                head, _, value = value.partition(b"\r\n")
                if int(head[1:-1]) != len(value):
                    return False
            if variable:
                found[variable] = value
        variables.update(found)
        return True


SETS = re.compile(rb"\b(FLAGS|PERMANENTFLAGS|LIST|LSUB) \(((?:[^()${}]|\$(?!\{))*)\)")
SECTION = re.compile(rb"\bBODY\[[^\]]{1,300}\]")
CAPABILITY = re.compile(rb"CAPABILITY ([^\]\r\n]*)")


def canonical(raw):
    """Members of flag lists and capabilities in one order."""
    def sort(m):
        return m.group(1) + b" (" + b" ".join(sorted(m.group(2).split(b" "), key=bytes.lower)) + b")"
    raw = SECTION.sub(lambda m: m.group(0).upper() if b"${" not in m.group(0) else m.group(0), raw) if len(raw) < 100000 else raw
    raw = SETS.sub(sort, raw) if len(raw) < 100000 else raw
    if b"CAPABILITY " in raw[:40] and b"${" not in raw:
        raw = CAPABILITY.sub(lambda m: b"CAPABILITY " + b" ".join(sorted(m.group(1).split(b" "))), raw)
    return raw
