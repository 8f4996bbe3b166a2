# SPDX-License-Identifier: Apache-2.0
"""prose: lines of prose in Markdown files end at 100 columns, so that a diff shows what was changed. Tables, code and headings are what they are.

usage: tools/prose.py FILE...    wraps the paragraphs that have a longer line
"""
import re
import sys

COLUMNS = 100
ITEM = re.compile(r"( *)([-*+]|\d+[.)]) +")
MARKUP = re.compile(r"([-+*]|#{1,6}|\d+[.)]|[>|].*|```.*)$")  # would be more than a word at the begin of a line
VERBATIM = re.compile(r"(\||#|<|>|    |\t|\[[^]]+\]: )")


def blocks(text):
    """Yields (first line's number, lines, is it prose?): a paragraph, an item of a list, or anything else, a line at a time."""
    fenced, block, start, in_item = False, [], 0, False
    for number, line in enumerate(text.split("\n"), 1):
        fence = line.lstrip().startswith("```")
        plain = not fenced and not fence and line.strip() and (in_item or not VERBATIM.match(line)) and not line.lstrip().startswith("|")
        if block and (not plain or ITEM.match(line)):
            yield start, block, True
            block, in_item = [], False
            plain = plain and (ITEM.match(line) or not VERBATIM.match(line))
        if not plain:
            yield number, [line], False
        else:
            if not block:
                start, in_item = number, bool(ITEM.match(line))
            block.append(line)
        fenced ^= fence
    if block:
        yield start, block, True


def words(text):
    """Words that a line may end behind: what stands in backticks stays together, and so does what would be markup at a line's begin."""
    found = re.findall(r"(?:`+[^`]*`+|[^\s`]|`)+", text)
    out = []
    for word in found:
        if out and MARKUP.match(word):
            out[-1] += " " + word
        else:
            out.append(word)
    return out


def wrap_block(lines):
    item = ITEM.match(lines[0])
    head = item.group(0) if item else ""
    indent = " " * len(head) if item else ""
    out, line = [], head
    for word in words(" ".join(x.strip() for x in [lines[0][len(head):], *lines[1:]])):
        bare = line in (head, indent)
        if not bare and len(line) + 1 + len(word) > COLUMNS:
            out.append(line)
            line, bare = indent, True
        line += word if bare else " " + word
    return [*out, line]


def too_long(block):
    """A longer line, where it could be shorter."""
    return any(len(x) > COLUMNS for x in block) and wrap_block(block) != block and not any(x.endswith("  ") for x in block)


def wrap(text):
    out = []
    for _, block, prose in blocks(text):
        out += wrap_block(block) if prose and too_long(block) else block
    return "\n".join(out)


def long_lines(text):
    """The numbers of paragraphs that have one."""
    return [number for number, block, prose in blocks(text) if prose and too_long(block)]


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            before = f.read()
        if wrap(before) != before:
            with open(path, "w", encoding="utf-8") as f:
                f.write(wrap(before))
