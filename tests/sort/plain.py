# SPDX-License-Identifier: Apache-2.0
"""plain: SORT and THREAD as RFC 5256 describes them step by step, slow and recursive where the RFC is. Written for the test; shares nothing
with src/. A message is a dict: uid, date (sent, or internal), arrival, size, subject (base), reply, from, to, cc, id, refs."""
import re
import sys

sys.setrecursionlimit(100000)


# ---- base subjects (RFC 5256 2.1) ----

LEADER = re.compile(r"(?:(?:\[[^\[\]]*\][ ]*)*(?:re|fwd?)[ ]*(?:\[[^\[\]]*\][ ]*)?:|[ ])", re.I)
BLOB = re.compile(r"\[[^\[\]]*\][ ]*")


def base_subject(text):
    reply = False
    s = re.sub(r"[ \t]+", " ", text)
    while True:
        while True:
            if s[-5:].lower() == "(fwd)":
                s, reply = s[:-5], True
            elif s.endswith(" "):
                s = s[:-1]
            else:
                break
        again = True
        while again:
            again = False
            m = LEADER.match(s)
            if m:
                reply = reply or m.group(0) != " "
                s, again = s[m.end():], True
                continue
            m = BLOB.match(s)
            if m and s[m.end():]:
                s, again = s[m.end():], True
        if s[:5].lower() == "[fwd:" and s.endswith("]"):
            s, reply = s[5:-1], True
            continue
        return s, reply


# ---- ids ----

def message_ids(value):
    out = []
    for m in re.finditer(r"<([^<>]*)>", value):
        text = re.sub(r"\s", "", m.group(1))
        if '"' in text:
            text = re.sub(r'\\(.)', r"\1", text).replace('"', "")
        if text:
            out.append(text)
    return out


def references(refs, reply_to):
    ids = message_ids(refs or "")
    return ids if ids else message_ids(reply_to or "")[:1]


# ---- SORT ----

def sort(messages, criteria):
    out = list(messages)
    for name in reversed(criteria):
        reverse = name.startswith("-")
        out.sort(key=lambda m: m[name.lstrip("-")], reverse=reverse)
    return [m["uid"] for m in out]


# ---- THREAD ----

class Node:
    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []

    def above(self, other):
        while other is not None:
            if other is self:
                return True
            other = other.parent
        return False

    def unlink(self):
        if self.parent:
            self.parent.children.remove(self)
            self.parent = None

    def adopt(self, child):
        child.unlink()
        child.parent = self
        self.children.append(child)

    def first(self):
        return self.message or self.children[0].message


def when(node):
    m = node.first()
    return m["date"], m["uid"]


def ordered_subject(messages):
    groups = {}
    for m in messages:
        groups.setdefault(m["subject"], []).append(m)
    threads = []
    for g in groups.values():
        g.sort(key=lambda m: (m["date"], m["uid"]))
        threads.append(g)
    threads.sort(key=lambda g: (g[0]["date"], g[0]["uid"]))
    roots = []
    for g in threads:
        head = Node(g[0])
        for m in g[1:]:
            head.adopt(Node(m))
        roots.append(head)
    return roots


def link_all(messages):
    by_id, nodes = {}, []
    for m in messages:
        node = None
        if m["id"]:
            node = by_id.setdefault(m["id"], Node())
        if node is None or node.message is not None:
            node = Node()
        node.message = m
        nodes.append(node)
    for node in nodes:
        last = None
        for ref in node.message["refs"]:
            x = by_id.setdefault(ref, Node())
            if last is not None and x.parent is None and not x.above(last):
                last.adopt(x)
            last = x
        node.unlink()
        if last is not None and not node.above(last):
            last.adopt(node)
    every = {id(n): n for n in list(by_id.values()) + nodes}
    return [n for n in every.values() if n.parent is None]


def prune(node, at_root):
    """The nodes that stand in node's place."""
    kids = []
    for k in list(node.children):
        kids += prune(k, False)
    node.children = []
    for k in kids:
        k.parent = node
        node.children.append(k)
    if node.message is not None:
        return [node]
    if not kids:
        return []
    if at_root and len(kids) > 1:
        return [node]
    for k in kids:
        k.parent = None
    return kids


def sort_all(nodes):
    for n in nodes:
        sort_all(n.children)
    nodes.sort(key=when)


def gather_subjects(roots):
    for r in roots:
        if r.message is None:
            r.children.sort(key=when)
    roots.sort(key=when)
    table = {}
    for r in roots:
        s = r.first()["subject"]
        if not s:
            continue
        t = table.get(s)
        if t is None or (t.message is not None and (r.message is None or (t.message["reply"] and not r.message["reply"]))):
            table[s] = r
    standing = {id(r): r for r in roots}
    for r in list(roots):
        s = r.first()["subject"]
        if not s or id(r) not in standing:
            continue
        t = table[s]
        if t is r:
            continue
        del standing[id(r)]
        if t.message is None and r.message is None:
            for k in list(r.children):
                t.adopt(k)
        elif t.message is None or (r.message is not None and r.message["reply"] and not t.message["reply"]):
            t.adopt(r)
        else:
            dummy = Node()
            del standing[id(t)]
            standing[id(dummy)] = dummy
            dummy.adopt(t)
            dummy.adopt(r)
            table[s] = dummy
    return list(standing.values())


def newest(node):
    best = node.message["arrival"] if node.message else -1 << 62
    return max([best] + [newest(k) for k in node.children])


def thread(messages, algorithm):
    if algorithm == "ORDEREDSUBJECT":
        roots = ordered_subject(messages)
    else:
        roots = []
        for r in link_all(messages):
            roots += prune(r, True)
        if algorithm == "REFERENCES":
            roots = gather_subjects(roots)
        sort_all(roots)
        if algorithm == "REFS":
            roots.sort(key=newest)
    return "".join(print_thread(r) for r in roots)


def print_thread(node):
    if node.message is None:
        return "(" + "".join(print_thread(k) for k in node.children) + ")"
    out = "(" + str(node.message["uid"])
    while len(node.children) == 1:
        node = node.children[0]
        out += " " + str(node.message["uid"])
    if node.children:
        out += " " + "".join(print_thread(k) for k in node.children)
    return out + ")"
