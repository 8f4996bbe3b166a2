# SPDX-License-Identifier: Apache-2.0
"""language: plays scripts in another language (run --language de): what is said then must stand in the catalogue."""
import importlib.machinery
import importlib.util
import os
import re
from oracle.lex import RE_BASE64

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_tool():
    loader = importlib.machinery.SourceFileLoader("texts", os.path.join(TOP, "tools", "texts"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("texts", loader))
    loader.exec_module(module)
    return module


class Language:
    def __init__(self, tag):
        tool = load_tool()
        column = tool.languages().index(tag)
        self.tag = tag
        rows = [(english, row[column]) for _, english, row in tool.catalogue()]
        self.texts = [re.compile(r"(?:UID )?[A-Z0-9]+".join(map(re.escape, text.split("%s")))) for english, text in rows
                      if not english.startswith("%s: ")]
        # Syntax errors (imap/core/syntax.h): the command, what was expected, which is a text itself, and the place.
        nouns = "|".join(re.escape(text) for english, text in rows if not english[0].isupper() or english.startswith("FLAGS,"))
        for english, text in rows:
            if english.startswith("%s: "):
                parts = [r"(?:UID )?[A-Z0-9]+", f"(?:{nouns})", r"\S{1,40}"]
                pieces = list(map(re.escape, text.split("%s")))
                self.texts.append(re.compile("".join(x + y for x, y in zip(pieces, parts)) + pieces[-1] if len(pieces) == 4 else
                                             pieces[0] + parts[0] + pieces[1] + parts[1] + pieces[2]))

    def knows(self, response):
        """Challenges and the "OK" that asks for a literal are not for people."""
        if response.kind == "continue" and (response.text == "OK" or RE_BASE64.fullmatch(response.text.encode())):
            return True
        return any(t.fullmatch(response.text) for t in self.texts)

    def choose(self, client):
        client.oracle.known_text = self.knows
        client.ok("LANGUAGE " + self.tag)
