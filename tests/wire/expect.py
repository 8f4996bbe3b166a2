# SPDX-License-Identifier: Apache-2.0
"""expect: an untagged response as a script expects it; times in scripts."""
import re

from .script import Pattern, ScriptError, canonical


def duration(text, default):
    if not text:
        return default
    m = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    if not m:
        raise ScriptError(f"not a time: {text}")
    return float(m.group(1)) / (1000 if m.group(2) == "ms" else 1)


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
