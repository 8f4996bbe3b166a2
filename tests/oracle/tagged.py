# SPDX-License-Identifier: Apache-2.0
"""tagged: what a command must have brought when its OK comes, and what it changes."""
import re

from .words import NO_EXPUNGE


class Tagged:
    """The part of a Session that takes the OK of a command, one method did_NAME each."""

    def did_login(self, cmd, r):
        self.authenticated = True
        if "CAPABILITY" not in cmd.seen and not (r.code and r.code[0] == "CAPABILITY"):
            self.strictly("no CAPABILITY with the answer to a login (T01)", r.raw)

    did_authenticate = did_login

    def did_unauthenticate(self, cmd, r):
        self.authenticated = False
        self.mailbox = None
        self.context.utf8 = self.context.rev2 = self.context.accept = self.context.language = False
        self.condstore = self.qresync = self.uidonly = self.notify = False

    def did_notify(self, cmd, r):
        self.notify = any(c.name == "NOTIFY" for c in self.queue) or cmd.line.upper().split()[2:3] != [b"NONE"]

    def did_starttls(self, cmd, r):
        self.caps = []
        self.context.language = False

    def did_select(self, cmd, r):
        m = self.mailbox
        if m is None:
            self.fault("SELECT without any data", r.raw)
            return
        m.ready = True
        m.codes.update(cmd.codes)
        for name in ("FLAGS", "EXISTS") + (() if self.context.rev2 else ("RECENT",)):
            if name not in m.seen and not (name == "LIST"):
                self.fault(f"{cmd.name} without {name} (T40)", r.raw)
        for name in ("UIDVALIDITY", "UIDNEXT", "PERMANENTFLAGS"):
            if name not in m.codes:
                self.fault(f"{cmd.name} without {name} (T40)", r.raw)
        if self.context.rev2 and "LIST" not in cmd.seen:
            self.strictly(f"{cmd.name} in an IMAP4rev2 session without LIST", r.raw)
        if not r.code or r.code[0] not in ("READ-WRITE", "READ-ONLY"):
            self.fault(f"{cmd.name} without READ-WRITE or READ-ONLY", r.raw)
        if cmd.name == "EXAMINE" and r.code and r.code[0] != "READ-ONLY":
            self.fault("EXAMINE is not READ-ONLY", r.raw)

    did_examine = did_select

    def did_close(self, cmd, r):
        self.mailbox = None

    did_unselect = did_close

    def did_logout(self, cmd, r):
        if not self.bye:
            self.fault("LOGOUT without BYE (T93)", r.raw)
        self.over = True

    def did_search(self, cmd, r):
        returns = re.search(rb"SEARCH RETURN \(([^)]*)\)", cmd.line.upper())
        if returns and returns.group(1).split() == [b"SAVE"]:
            return
        want = "ESEARCH" if returns or self.context.rev2 else "SEARCH"
        if want not in cmd.seen:
            self.fault(f"OK to {cmd.name} without {want} (T70)", r.raw)

    did_uid_search = did_search

    def did_cancelupdate(self, cmd, r):
        for tag in re.findall(rb'"([^"]*)"', cmd.line):
            if self.mailbox:
                self.mailbox.live.pop(tag.decode("latin-1"), None)

    def did_status(self, cmd, r):
        asked = re.search(rb"\(([^()]*)\)\s*$", cmd.line)
        if asked and cmd.status_items is not None:
            want = {w.upper().decode("latin-1") for w in asked.group(1).split()}
            if want != cmd.status_items:
                self.fault(f"STATUS gives {sorted(cmd.status_items)} where {sorted(want)} was asked for", r.raw)

    def did_append(self, cmd, r):
        if b"UIDPLUS" in self.caps and not (r.code and r.code[0] == "APPENDUID"):
            self.strictly("OK to APPEND without APPENDUID (T86)", r.raw)

    def did_list(self, cmd, r):
        if cmd.line.upper().endswith(b' LIST "" ""') and "LIST" not in cmd.seen:
            self.fault('LIST "" "" gives nothing (T20)', r.raw)

    def did_copy(self, cmd, r):
        if r.code and r.code[0] == "COPYUID":
            sets = r.code[1]
            for ranges in sets[1:]:
                flat = [a for a, _ in ranges]
                if len(set(flat)) != len(flat):
                    self.fault("COPYUID names a UID twice", r.raw)

    did_uid_copy = did_copy

    def did_move(self, cmd, r):
        """Other sessions' expunges may come first, the moved messages' come after COPYUID. A mailbox that another session deletes at that moment, under commands
        that were sent ahead, is told to be empty with the next answer that may: no earlier than those commands' own news, nothing after it."""
        if self.mailbox is None or self.mailbox.exists == 0 or cmd.expunges >= cmd.moved:
            return  # of one that an answer before has told to be empty there is nothing left to tell
        if self.queue:
            self.owed = r.raw
        else:
            self.fault("COPYUID after the EXPUNGEs of MOVE (T84)", r.raw)

    def settle(self, cmd, r):
        """An answer after that of such a MOVE."""
        if not self.owed or (self.mailbox is not None and (cmd.name in NO_EXPUNGE or r.name != "OK")):
            return
        if self.mailbox is not None and cmd.name not in ("SELECT", "EXAMINE") and self.mailbox.exists != 0:
            self.fault("the EXPUNGEs of a MOVE are not even in the next answer (T84)", self.owed)
        self.owed = None

    did_uid_move = did_move
