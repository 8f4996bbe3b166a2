# SPDX-License-Identifier: Apache-2.0
"""scanner: a plain search through one mail, written from the RFCs on Python's own libraries; nothing here comes from the server."""
import codecs
import email
import email.policy
import email.utils
import html.parser
import quopri
import re
import unicodedata

# What mail means by these names (the WHATWG encoding standard), where Python's codec of that name is narrower.
SUPERSETS = {
    "us-ascii": None, "ascii": None, "iso-8859-1": "cp1252", "latin1": "cp1252", "iso8859-1": "cp1252", "iso-8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "shift_jis": "cp932", "shift-jis": "cp932", "iso-8859-8-i": "iso-8859-8", "tis-620": "cp874", "big5": "big5hkscs",
}
FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\n]|\n[ \t])*)\n?")
ADDRESSES = (b"from", b"to", b"cc", b"bcc", b"sender", b"reply-to")
WORD = re.compile(r"=\?([^?\s]+)\?([bqBQ])\?(.*?)\?=")
BLOCKS = {"a", "abbr", "acronym", "b", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "ins", "kbd", "mark", "o:p", "q", "s", "samp", "small", "span",
          "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"}  # those that are none


def simple_title(c):
    t = c.title()
    return t if len(t) == 1 else c


def casemap(text):
    """i;unicode-casemap (RFC 5051): title case of each character, then full compatibility decomposition, in no order."""
    if text.isascii():
        return text.upper()
    return "".join(unicodedata.normalize("NFKD", simple_title(c)) for c in text)


def guess(octets):
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        out = []
        while octets:
            for n in (1, 2, 3, 4):
                try:
                    out.append(octets[:n].decode("utf-8"))
                    break
                except UnicodeDecodeError:
                    continue
            else:
                n = 1
                out.append(octets[:1].decode("cp1252", "ignore") or chr(octets[0]))
            octets = octets[n:]
        return "".join(out)


def decode(octets, charset):
    name = (charset or "us-ascii").strip().strip("'\"").lower().partition("*")[0]
    name = SUPERSETS.get(name, name)
    try:
        codec = codecs.lookup(name) if name else None
    except (LookupError, ValueError):
        codec = None
    if codec is None or not getattr(codec, "_is_text_encoding", True):
        return guess(octets)
    if codec.name == "cp1252":
        return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in octets) if not octets.isascii() else octets.decode()
    return octets.decode(name, "replace")


def base64_octets(text):
    out, bits, n = bytearray(), 0, 0
    for c in text:
        v = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(c)
        if c == 0x3d and (n or out):
            break
        if v >= 0:
            bits, n = (bits << 6 | v) & 0xffffff, n + 6
            if n >= 8:
                n -= 8
                out.append(bits >> n & 255)
    return bytes(out)


def blanks(text):
    return re.sub(r"[ \t]+", " ", text)


def header_text(raw):
    """A field's text: unfolded, encoded words decoded, raw 8-bit guessed, runs of blanks one."""
    text = re.sub(rb"\r?\n", b"", raw).strip(b" \t\r\n")
    line = text.decode("latin-1")
    out, last, after, pending, octets = [], 0, False, None, b""

    def flush():
        nonlocal octets, pending
        if pending:
            out.append(decode(octets, pending))
        octets, pending = b"", None

    for m in WORD.finditer(line):
        between = line[last:m.start()]
        if not (after and not between.strip(" \t")):
            flush()
            out.append(raw_text(between))
        if pending and pending.lower() != m[1].lower():
            flush()
        pending = m[1]
        data = m[3].encode("latin-1")
        octets += base64_octets(data) if m[2] in "bB" else quopri.decodestring(data.replace(b"_", b" ").replace(b" ", b"=20"))
        last, after = m.end(), True
    flush()
    out.append(raw_text(line[last:]))
    return blanks(re.sub(r"[\r\n\0]", " ", "".join(out)))


def raw_text(latin):
    octets = latin.encode("latin-1")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in octets)


class Seen(html.parser.HTMLParser):
    """What is seen of HTML: tags of blocks are a blank, runs of blanks one."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out, self.off = [], 0

    def handle_starttag(self, tag, attrs):
        self.out.append("" if tag in BLOCKS else " ")

    handle_endtag = lambda self, tag: self.handle_starttag(tag, None)  # noqa: E731

    def handle_data(self, data):
        if self.cdata_elem is None:
            self.out.append(data)


def seen(text):
    p = Seen()
    try:
        p.feed(text)
        p.close()
    except (AssertionError, ValueError):
        return ""
    return re.sub(r"[ \t\r\n\f]+", " ", "".join(p.out)).rstrip(" ")


def addresses(raw):
    """"name <local@domain>, ..." as ENVELOPE shows them: comments and quoting undone."""
    line = re.sub(rb"\r?\n", b"", raw).decode("latin-1")
    out = []
    for name, address in email.utils.getaddresses([line]):
        name = header_text(name.encode("latin-1", "replace"))
        address = raw_text(address)
        out.append(f"{name} <{address}>" if name and address else name or address)
    return blanks(", ".join(out))


class Raw(email.policy.Compat32):
    """Values of fields as they stand, with the blank in front of them or without."""

    def header_source_parse(self, sourcelines):
        name, value = sourcelines[0].split(":", 1)
        return name, (value + "".join(sourcelines[1:])).rstrip("\r\n")


class Mail:
    """All that can be found in a mail: views, each a text; what is found is a substring of one of them."""

    def __init__(self, octets):
        self.header = {}
        self.head, self.inner, self.body = [], [], []  # fields of the mail, of its parts; texts
        head, _, _ = re.sub(rb"\r\n", b"\n", octets).partition(b"\n\n")
        for name, value in FIELD.findall(head + b"\n"):
            text = header_text(value)
            self.header.setdefault(name.decode("latin-1").lower(), []).append(text)
            self.head.append(blanks(header_text(name + b":" + value)))
            if name.lower() in ADDRESSES:
                self.header[name.decode().lower()].append(addresses(value))
                self.head.append(addresses(value))
        self.walk(email.message_from_bytes(octets, policy=Raw()), True)
        self.mapped = {}

    def walk(self, top, root):
        stack = [(top, root)]
        while stack:
            node, root = stack.pop()
            if not root:
                self.inner += [blanks(header_text(k.encode("latin-1", "replace") + b":" + str(v).encode("ascii", "surrogateescape"))) for k, v in node._headers]
            if node.is_multipart():
                stack += [(c, False) for c in reversed(node.get_payload())]
            elif node.get_content_maintype() in ("text", "message"):
                self.leaf(node)

    def leaf(self, node):
        payload = node._payload
        octets = payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else b""
        cte = str(node.get("content-transfer-encoding", "")).strip().lower()
        if cte.startswith("base64"):
            octets = base64_octets(octets)
        elif cte.startswith("quoted-printable"):
            octets = quopri.decodestring(re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", octets))  # RFC 2045 6.7, rule 3
        try:
            charset = node.get_param("charset") if node.get_content_maintype() == "text" else None
        except (TypeError, ValueError):
            charset = None
        text = decode(octets, charset if isinstance(charset, str) else charset[2] if charset else None)
        self.body.append(text)
        if node.get_content_subtype() == "html":
            self.body.append(seen(text))

    def views(self, key):
        """The texts that a search key looks at."""
        if key == "BODY":
            return self.body + self.inner
        if key == "TEXT":
            return self.body + self.inner + self.head
        return self.header.get(key.lower(), [])

    def find(self, key, needle):
        """needle: casemapped."""
        if key not in self.mapped:
            self.mapped[key] = [casemap(v) for v in self.views(key)]
        texts = len(self.body) if key in ("BODY", "TEXT") else 0  # there blanks count
        joined = blanks(needle)
        return any((needle if i < texts else joined) in v for i, v in enumerate(self.mapped[key]))
