# SPDX-License-Identifier: Apache-2.0
"""parts: the tree of parts that BODYSTRUCTURE gives, and the one that Python's email package finds in the same octets."""
import email
import email.policy


class Leaf:
    def __init__(self, path, kind, octets=None, raw=None):
        self.path, self.kind, self.octets, self.raw = path, kind, octets, raw


def ours(structure):
    """[Leaf] of a parsed BODYSTRUCTURE, with the part numbers of FETCH (RFC 3501 6.4.5)."""
    out = []
    stack = [(structure, "", True)]
    while stack:
        node, path, top = stack.pop()
        kind = (node["type"] + b"/" + node["subtype"]).lower().decode("latin-1")
        if node["type"].upper() == b"MULTIPART":
            children = [(c, f"{path}.{i}" if path else str(i), False) for i, c in enumerate(node["parts"], 1)]
            stack += reversed(children)
            continue
        path = path or "1"
        out.append(Leaf(path, kind, node["octets"]))
        if node["parts"]:
            inner = node["parts"][0]
            deeper = path if inner["type"].upper() == b"MULTIPART" else path + ".1"
            stack.append((inner, deeper, False))
    return out


def theirs(text):
    """[Leaf] as Python's email package sees the message; raw is None where it does not keep the octets."""
    out = []
    stack = [(email.message_from_bytes(text, policy=email.policy.compat32), "")]
    while stack:
        node, path = stack.pop()
        kind = node.get_content_type()
        if node.get_content_maintype() == "multipart" and node.is_multipart():
            children = [(c, f"{path}.{i}" if path else str(i)) for i, c in enumerate(node.get_payload(), 1)]
            stack += reversed(children)
            continue
        path = path or "1"
        raw = node._payload.encode("ascii", "surrogateescape") if isinstance(node._payload, str) else None
        out.append(Leaf(path, kind, None if raw is None else len(raw), raw))
        if kind == "message/rfc822" and node.is_multipart():
            inner = node.get_payload()[0]
            nested = inner.get_content_maintype() == "multipart" and inner.is_multipart()
            stack.append((inner, path if nested else path + ".1"))
    return out


def difference(structure_leaves, python_leaves, fetched):
    """None when both agree, else (category, what differs). fetched: {path: octets} of FETCH BODY[path]."""
    a, b = {x.path: x for x in structure_leaves}, {x.path: x for x in python_leaves}
    for path, leaf in a.items():
        if path in fetched and fetched[path] is not None and len(fetched[path]) != leaf.octets:
            return "size", f"BODYSTRUCTURE says {leaf.octets} octets for part {path}, FETCH gives {len(fetched[path])}"
    if set(a) != set(b):
        return "tree", f"parts {' '.join(a)} here, {' '.join(b)} in Python"
    for path, leaf in a.items():
        if leaf.kind != b[path].kind:
            return "type", f"part {path} is {leaf.kind} here, {b[path].kind} in Python"
        if b[path].raw is not None and path in fetched and fetched[path] != b[path].raw:
            return "octets", f"part {path} ({leaf.kind}) has {len(fetched[path] or b'')} octets here, {len(b[path].raw)} in Python"
    return None
