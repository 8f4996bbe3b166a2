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
        self.texts = [re.compile(r"(?:UID )?[A-Z0-9]+".join(map(re.escape, row[column].split("%s")))) for _, _, row in tool.catalogue()]

    def knows(self, response):
        """Challenges and the "OK" that asks for a literal are not for people."""
        if response.kind == "continue" and (response.text == "OK" or RE_BASE64.fullmatch(response.text.encode())):
            return True
        return any(t.fullmatch(response.text) for t in self.texts)

    def choose(self, client):
        client.oracle.known_text = self.knows
        client.ok("LANGUAGE " + self.tag)
