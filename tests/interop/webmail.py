# SPDX-License-Identifier: Apache-2.0
"""webmail: Roundcube itself, served by PHP's own web server and driven by requests as its pages would make them."""
import html
import http.cookiejar
import json
import os
import re
import socketserver
import sqlite3
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from interop.programs import NESTED, NESTED_WIRE, Skip, check, client, fill, listing, need
from lib.server import PASSWORD, free_ports

ROOT = "/var/lib/roundcube"
CODE = "/usr/share/roundcube"


class Sink(socketserver.StreamRequestHandler):
    """As much SMTP as Roundcube's sender needs; keeps what comes."""

    def handle(self):
        self.say("220 sink")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"QUIT":
                self.say("221 bye")
                return
            if word == b"DATA":
                self.say("354 go")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.server.mails.append(text)
            self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Browser:
    """One user's browser: cookies, the request token, and the answers that Roundcube's scripts would read."""

    def __init__(self, base):
        self.base, self.token = base, None
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, query, post=None, headers=()):
        data = urllib.parse.urlencode(post, doseq=True).encode() if post is not None else None
        request = urllib.request.Request(self.base + "?" + query, data, dict(headers))
        with self.opener.open(request, timeout=60) as answer:
            self.url = answer.geturl()
            text = answer.read().decode(errors="replace")
        found = re.search(r'"request_token":"([^"]+)"', text) or re.search(r'name="_token" value="([^"]+)"', text)
        if found:
            self.token = found.group(1)
        check("Fatal error" not in text and "<b>Warning</b>" not in text, f"{query}: PHP says {text[:600]}")
        return text

    def ajax(self, action, task="mail", post=None, **args):
        """What the page's JavaScript sends; returns the JSON answer."""
        args = {"_" + k: v for k, v in args.items()}
        headers = {"X-Requested-With": "XMLHttpRequest", "X-Roundcube-Request": self.token}
        query = {"_task": task, "_action": action, "_remote": 1, "_unlock": "0"}
        if post is None:
            query.update(args)
        else:
            post = dict(args, _token=self.token, _remote=1)
        answer = json.loads(self.get(urllib.parse.urlencode(query), post, headers.items()))
        check("display_message" not in answer.get("exec", "") or '"error"' not in answer["exec"], f"{action}: {answer['exec'][-400:]}")
        return answer

    def rows(self, answer):
        """{uid: (subject, flags)} of the message rows in an answer."""
        out = {}
        for m in re.finditer(r"this\.add_message_row\((.*?)\);\n", answer["exec"] + "\n"):
            uid, cols, flags, _ = json.loads("[" + m.group(1) + "]")
            out[str(uid)] = (html.unescape(re.sub(r"<.*?>", "", cols.get("subject", ""))), flags)
        return out

    def compose(self, to, subject, text, more, draft=""):
        page = self.get("_task=mail&_action=compose" + draft)
        ident = re.search(r"name=\"_id\" value=\"([^\"]+)\"", page).group(1)
        sender = re.search(r"<option value=\"(\d+)\"[^>]*>", page[page.index('name="_from"'):]).group(1)
        post = {"_token": self.token, "_task": "mail", "_action": "send", "_id": ident, "_from": sender, "_to": to, "_subject": subject,
                "_message": text, "_is_html": "0", "_framed": "1", "_priority": "0", "_attachments": ""}
        return self.get("_task=mail&_action=send&_unlock=0&_framed=1", dict(post, **more))


def configure(server, folder, smtp):
    conf = os.path.join(folder, "conf")
    for d in (conf, os.path.join(folder, "logs"), os.path.join(folder, "temp")):
        os.mkdir(d)
    for name in os.listdir("/etc/roundcube"):
        if name not in ("config.inc.php", "plugins"):
            os.symlink(f"/etc/roundcube/{name}", os.path.join(conf, name))
    db = sqlite3.connect(os.path.join(folder, "roundcube.db"))
    with open(CODE + "/SQL/sqlite.initial.sql") as f:
        db.executescript(f.read())
    db.close()
    settings = {"db_dsnw": f"sqlite:///{folder}/roundcube.db?mode=0600", "imap_host": f"127.0.0.1:{server.imap}", "smtp_host": f"127.0.0.1:{smtp}",
                "smtp_user": "", "smtp_pass": "", "des_key": "a key of 24 characters..", "log_dir": folder + "/logs", "temp_dir": folder + "/temp",
                "imap_cache": "db", "messages_cache": "db", "imap_debug": True, "create_default_folders": True, "skin": "elastic",
                "drafts_mbox": "Drafts", "sent_mbox": "Sent", "trash_mbox": "Trash", "junk_mbox": "Junk", "plugins": [], "mail_pagesize": 50,
                "language": "en_US", "enable_spellcheck": False, "session_lifetime": 60}
    with open(os.path.join(conf, "config.inc.php"), "w") as f:
        f.write("<?php\n$config = json_decode(<<<'END'\n" + json.dumps(settings) + "\nEND, true);\n")
    return conf


def scenario_roundcube(server, user, folder):
    """Login, folders, list, sort, thread, open, flag, search, move, delete, a draft, a mail that is sent; message and index caches on."""
    need("php")
    if not os.path.exists(ROOT + "/public_html/index.php"):
        raise Skip("roundcube-core is not installed")
    fill(server, user, 0, 120)
    with client(server, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok(f'SUBSCRIBE "{NESTED_WIRE}"')
        c.ok("SUBSCRIBE Archiv")
    port, = free_ports(1)
    sink = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink)
    sink.daemon_threads, sink.mails = True, []
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    conf = configure(server, folder, sink.server_address[1])
    log = open(os.path.join(folder, "php.log"), "wb")
    php = subprocess.Popen(["php", "-d", "display_errors=0", "-d", "opcache.enable=0", "-S", f"127.0.0.1:{port}", "-t", ROOT + "/public_html"], stdout=log, stderr=log,
                           env=dict(os.environ, ROUNDCUBE_CONFIG_DIR=conf))
    try:
        time.sleep(0.7)
        drive(server, user, Browser(f"http://127.0.0.1:{port}/index.php"), sink)
        errors = os.path.join(folder, "logs", "errors.log")
        if os.path.exists(errors):
            with open(errors, errors="replace") as f:
                text = f.read()
            check("IMAP Error" not in text, f"Roundcube's log: {text[-1500:]}")
    finally:
        php.terminate()
        php.wait()
        log.close()
        sink.shutdown()
        sink.server_close()


def drive(server, user, b, sink):
    b.get("_task=login")
    page = b.get("_task=login", {"_token": b.token, "_task": "login", "_action": "login", "_timezone": "UTC", "_url": "", "_user": user, "_pass": PASSWORD})
    check("_task=mail" in b.url, f"login ended at {b.url}")
    for name in ("Drafts", "Sent", "Trash", NESTED.split("/")[1]):
        check(name in html.unescape(page) or json.dumps(name)[1:-1] in page, f"the folder {name} is not on the page")
    first = b.rows(b.ajax("list", mbox="INBOX"))
    check(len(first) == 50 and set(first) == {str(u) for u in range(71, 121)}, f"the first page: {sorted(first)[:5]} ...")
    check(any(s == "Grüße" for s, _ in first.values()), "subjects are not decoded")
    last = b.rows(b.ajax("list", mbox="INBOX", page=3, sort="subject_ASC"))
    check(len(last) == 20, f"the last page by subject has {len(last)}")
    threads = b.ajax("list", mbox="INBOX", threads=1)
    check(len(b.rows(threads)) > 0, "no threads")
    text = html.unescape(b.get("_task=mail&_mbox=INBOX&_uid=72&_action=show"))
    check("Line 31 of mail 71" in text and "n71@example.org" in b.get("_task=mail&_mbox=INBOX&_uid=72&_action=headers"), "the message is not shown")
    check("\\Seen" in listing(server, user, "INBOX")["<n71@example.org>"], "shown and not \\Seen")
    b.ajax("mark", post=True, uid="80,81,82", flag="flagged", mbox="INBOX")
    b.ajax("mark", post=True, uid="83", flag="read", mbox="INBOX")
    b.ajax("mark", post=True, uid="72", flag="unread", mbox="INBOX")
    there = listing(server, user, "INBOX")
    check({k for k, f in there.items() if "\\Flagged" in f} == {f"<n{n}@example.org>" for n in (79, 80, 81)}, "flags by Roundcube")
    check("\\Seen" in there["<n82@example.org>"] and "\\Seen" not in there["<n71@example.org>"], "\\Seen by Roundcube")
    # another client changes something: Roundcube's cache asks what has changed and vanished since (RFC 7162 3.1.4, 3.2.6)
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("UID STORE 85 +FLAGS.SILENT ($Forwarded \\Flagged)")
        c.ok("UID STORE 86 +FLAGS.SILENT (\\Deleted)")
        c.ok("UID EXPUNGE 86")
    again = b.rows(b.ajax("list", mbox="INBOX", sort="arrival_DESC"))
    check(again["81"][1].get("flagged") and again["83"][1].get("seen"), f"the list does not know of the flags: {again['81']}")
    check(again["85"][1].get("flagged") and again["85"][1].get("forwarded") and "86" not in again, f"changes elsewhere: {again.get('85')}")
    found = b.rows(b.ajax("search", mbox="INBOX", q="Grüße", headers="subject", scope="base"))
    check(len(found) == 20 and all("Grüße" in s for s, _ in found.values()), f"the search found {len(found)}")
    found = b.rows(b.ajax("search", mbox="INBOX", q="Line 37 of", headers="text", scope="all"))
    check(len(found) == 9, f"the search of all texts found {len(found)}")
    b.ajax("move", post=True, uid="90,91,92,93", mbox="INBOX", target_mbox=NESTED_WIRE, **{"from": ""})
    check(len(listing(server, user, NESTED_WIRE)) == 4 and len(listing(server, user, "INBOX")) == 115, "moved by Roundcube")
    b.ajax("move", post=True, uid="94,95", mbox="INBOX", target_mbox="Trash", **{"from": ""})
    b.ajax("delete", post=True, uid="96", mbox="INBOX", **{"from": ""})
    check(len(listing(server, user, "Trash")) == 2 and len(listing(server, user, "INBOX")) == 112, "deleted by Roundcube")
    # changes by another client, seen through the caches
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("UID STORE 100:104 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
    fill(server, user, 300, 3)
    b.ajax("refresh", post=True, mbox="INBOX", last=str(int(time.time()) - 60))
    after = b.rows(b.ajax("list", mbox="INBOX", sort="arrival_DESC"))
    check({"121", "122", "123"} <= set(after) and not {"100", "104", "93"} & set(after), f"after changes elsewhere: {sorted(after)}")
    # a draft, saved twice: the second replaces the first; then a mail that is sent, and filed into Sent
    page = b.compose("friend@example.org", "Entwurf ä", "Noch nicht fertig: größer", {"_draft": "1"})
    drafts = listing(server, user, "Drafts")
    check(len(drafts) == 1 and all("\\Draft" in f or "\\Seen" in f for f in drafts.values()), f"drafts: {drafts} {page[-500:]}")
    b.compose("friend@example.org", "Entwurf ä", "Jetzt fertig", {"_draft": "1"}, "&_draft_uid=1&_mbox=Drafts")
    check(len(listing(server, user, "Drafts")) == 1, "two drafts")
    page = b.compose("friend@example.org", "Fertig ß", "Das ist alles.", {"_store_target": "Sent"})
    check(len(sink.mails) == 1 and b"Das ist alles." in sink.mails[0], f"not sent: {page[-500:]}")
    sent = listing(server, user, "Sent")
    check(len(sent) == 1 and all("\\Seen" in f for f in sent.values()), f"Sent: {sent}")
    # folders
    b.get("_task=settings&_action=folders")
    b.get("_task=settings&_action=save-folder&_framed=1", {"_token": b.token, "_name": "Neu & alt", "_parent": "", "_mbox": "", "_framed": "1"})
    b.get("_task=settings&_action=save-folder&_framed=1", {"_token": b.token, "_name": "Älter", "_parent": "Archiv", "_mbox": "Neu &- alt", "_framed": "1"})
    with client(server, user) as c:
        names = {r.data["name"] for r in c.ok('LIST "" *').all("LIST")}
    check(b"Archiv/&AMQ-lter" in names and b"Neu &- alt" not in names, f"folders: {names}")
    b.ajax("purge", post=True, mbox="Trash")
    check(not listing(server, user, "Trash"), "Trash was not emptied")
    page = b.get("_task=logout&_token=" + b.token)
    check("_user" in page, "no login form after logout")
